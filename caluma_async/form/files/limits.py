"""Which uploads the folder takes, by the site's settings. What a bucket takes, its own policies say."""

from __future__ import annotations

from collections.abc import Iterable

from caluma_async.conf import settings


def too_large(size: int) -> str | None:
    """Why so many bytes are too many, if they are."""
    most = settings.MEDIA_MAX_SIZE
    return f"The file is too large; at most {most} bytes are allowed." if size > most else None


def wrong_type(kinds: Iterable[str]) -> str | None:
    """Why one of these content types is none that may be uploaded, if so."""
    refused = sorted(set(kinds).difference(settings.MEDIA_TYPES)) if settings.MEDIA_TYPES else []
    return f"Files of the type {refused[0]} are not allowed." if refused else None
