"""What the site's classes may raise to refuse: our own errors, or what Django and REST framework have for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError

from caluma_async.errors import CalumaError, InvalidInput, NotAllowed


@contextmanager
def in_our_words(forbidden: str) -> Iterator[None]:
    """Turn these errors into ours; `forbidden` is the sentence for one that says nothing itself."""
    try:
        yield
    except CalumaError:
        raise
    except Exception as error:
        refusal = _refusal(error, forbidden)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(error: Exception, forbidden: str) -> CalumaError | None:
    if isinstance(error, PermissionDenied):
        return NotAllowed(str(error) or forbidden)
    if isinstance(error, ValidationError):
        return InvalidInput(" ".join(error.messages))
    # only who has imported it can have raised its errors
    framework = sys.modules.get("rest_framework.exceptions")
    if framework is not None and isinstance(error, framework.ValidationError):
        return InvalidInput(" ".join(_texts(error.detail)))
    if framework is not None and isinstance(error, framework.PermissionDenied | framework.NotAuthenticated):
        return NotAllowed(str(error))
    return None


def _texts(detail: Any) -> Iterator[str]:
    parts = detail.values() if isinstance(detail, dict) else detail if isinstance(detail, list | tuple) else None
    if parts is None:
        yield str(detail)
        return
    for part in parts:
        yield from _texts(part)
