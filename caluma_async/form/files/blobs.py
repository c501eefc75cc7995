"""A blob is what was uploaded for one file. Its name in a storage is `<key>_<name>`, with nothing dangerous in it."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

# control characters, what separates folders, and what some systems give a meaning
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029/\\:*?\"<>|]")
_LONGEST: Final = 200
_UNKNOWN: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Blob:
    """What was uploaded for the file with this key; `name` is the one that the file had then."""

    key: UUID
    name: str

    @property
    def path(self) -> str:
        """Its name in a storage: one level, at most 255 bytes."""
        return f"{self.key}_{harmless(self.name)}"

    @property
    def content_type(self) -> str:
        """What the name says that it is."""
        return mimetypes.guess_type(harmless(self.name))[0] or _UNKNOWN


def harmless(name: str) -> str:
    """The name without what a storage, a header or a shell could take for something else; short enough for a file."""
    cleaned = _UNSAFE.sub("_", name)
    if len(cleaned.encode()) <= _LONGEST:
        return cleaned
    stem, dot, suffix = cleaned.rpartition(".")
    if not dot or len(suffix.encode()) > 20:
        stem, suffix = cleaned, ""
    kept = stem.encode()[: _LONGEST - len(suffix.encode()) - 1].decode(errors="ignore")
    return f"{kept}.{suffix}" if suffix else kept
