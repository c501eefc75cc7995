"""Loads a module of `tests/legacy` as start-up does it, and forgets it and its receivers afterwards."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from caluma_async.events.receivers import registry


@contextmanager
def legacy_module(name: str) -> Iterator[Any]:
    """The module of this name, loaded anew; only its receivers are registered meanwhile."""
    dotted = f"tests.legacy.{name}"
    with registry.isolated(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # former names are what legacy modules use
        sys.modules.pop(dotted, None)
        yield importlib.import_module(dotted)
    sys.modules.pop(dotted, None)
