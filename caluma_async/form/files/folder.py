"""A folder of this machine as storage. A blob's file is called by its key: no client's text reaches a file system."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Self

from caluma_async.conf import settings
from caluma_async.form.files.blobs import Blob
from caluma_async.form.files.signatures import Permit
from caluma_async.form.files.storage import Metadata

_INCOMING: Final = "incoming"
_ABANDONED: Final = 24 * 3600.0


class Folder:
    """Blobs in files below `MEDIA_STORAGE_FOLDER`, reached through addresses that this server signs."""

    def __init__(self) -> None:
        self.root = Path(settings.MEDIA_STORAGE_FOLDER).absolute()

    def upload_url(self, blob: Blob) -> str:
        """Where the blob can be put."""
        return Permit("upload", blob, blob.name).url

    def download_url(self, blob: Blob, name: str) -> str:
        """Where the blob can be read."""
        return Permit("download", blob, name).url

    def put(self, blob: Blob, file: BinaryIO) -> None:
        """Copy the file; nobody sees half of it."""
        with self.receive() as intake:
            shutil.copyfileobj(file, intake.file)
            intake.keep(blob)

    def metadata(self, blob: Blob) -> Metadata | None:
        """What the file system knows."""
        try:
            return described(blob, self.path(blob).stat())
        except FileNotFoundError:
            return None

    def copy(self, blob: Blob, to: Blob) -> bool:
        """Copy the file; nobody sees half of it."""
        try:
            with self.open(blob) as source, self.receive() as intake:
                shutil.copyfileobj(source, intake.file)
                intake.keep(to)
        except FileNotFoundError:
            return False
        return True

    def move(self, blob: Blob, to: Blob) -> bool:
        """Rename the file."""
        try:
            self._made(self.path(to))
            self.path(blob).replace(self.path(to))
        except FileNotFoundError:
            return False
        return True

    def path(self, blob: Blob) -> Path:
        """Where the blob's file is."""
        return self.root / blob.key.hex[-2:] / blob.key.hex

    def open(self, blob: Blob) -> BinaryIO:
        """The blob's file, for reading; raises `FileNotFoundError`."""
        return self.path(blob).open("rb")

    def receive(self) -> Intake:
        """A new blob that is on its way: in a file of its own, which is gone unless it is kept."""
        incoming = self.root / _INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        _sweep(incoming)
        return Intake(incoming, lambda blob: self._made(self.path(blob)))

    @staticmethod
    def _made(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class Intake:
    """A blob on its way. Leave the block without `keep`, however, and nothing is left of it."""

    def __init__(self, folder: Path, place: Callable[[Blob], Path]) -> None:
        self._place = place
        number, name = tempfile.mkstemp(dir=folder)
        self._path = Path(name)
        self.file: BinaryIO = os.fdopen(number, "wb")

    def keep(self, blob: Blob) -> os.stat_result:
        """Put it in its place; whoever reads the one before it there goes on reading that."""
        self.file.flush()
        os.fsync(self.file.fileno())
        found = os.fstat(self.file.fileno())
        self.file.close()
        self._path.replace(self._place(blob))
        return found

    def close(self) -> None:
        """Remove it unless it was kept."""
        self.file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def described(blob: Blob, found: os.stat_result) -> Metadata:
    """What the file system knows of a blob, as a storage tells it."""
    return Metadata(
        size=found.st_size,
        content_type=blob.content_type,
        etag=f"{found.st_mtime_ns:x}-{found.st_size:x}",
        last_modified=datetime.fromtimestamp(found.st_mtime, UTC),
        bucket_name="",
        metadata={},
    )


def _sweep(incoming: Path) -> None:
    """Remove what a process left that was killed while it received."""
    oldest = time.time() - _ABANDONED
    for left in incoming.iterdir():
        try:
            if left.stat().st_mtime < oldest:
                left.unlink()
        except FileNotFoundError:
            continue
