"""What a storage can do, and which one the site has. Talks to no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, BinaryIO, Final, Protocol

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from caluma_async.conf import settings
from caluma_async.form.files.blobs import Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a storage knows of a blob; `size` in bytes."""

    size: int
    content_type: str
    etag: str
    last_modified: datetime
    bucket_name: str
    metadata: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "bucket_name": self.bucket_name,
            "content_type": self.content_type,
            "etag": self.etag,
            "last_modified": self.last_modified.isoformat(),
            "metadata": self.metadata,
            "size": self.size,
        }


class Storage(Protocol):
    """Where blobs are kept. All but the addresses may take time; they raise `Unavailable` when it does not answer."""

    def upload_url(self, blob: Blob) -> str:
        """Where the blob can be put by `PUT`, for a while. Without a host: this server itself."""

    def download_url(self, blob: Blob, name: str) -> str:
        """Where the blob can be read by `GET`, for a while, as a file of this name."""

    def put(self, blob: Blob, file: BinaryIO) -> None:
        """Keep what is in the file as the blob."""

    def metadata(self, blob: Blob) -> Metadata | None:
        """What is known of the blob; `None` if it was not uploaded yet."""

    def copy(self, blob: Blob, to: Blob) -> bool:
        """Have the same under another name too; whether there is such a blob."""

    def move(self, blob: Blob, to: Blob) -> bool:
        """Have it under another name only; whether there is such a blob."""


SERVICES: Final = {
    "local": "caluma_async.form.files.folder.Folder",
    "minio": "caluma_async.form.files.bucket.Bucket",
    "s3": "caluma_async.form.files.bucket.Bucket",
}


def service() -> str:
    """The name of the storage that the site has: the one it says, else MinIO where there is an address of one."""
    return settings.MEDIA_STORAGE_SERVICE or ("minio" if settings.MINIO_STORAGE_ENDPOINT else "local")


def storage() -> Storage:
    """The storage that the site has."""
    return _of(service())


@lru_cache
def _of(name: str) -> Storage:
    made: Storage = import_string(SERVICES[name])()
    return made


def _forget(*, setting: str, **_: Any) -> None:
    if setting.startswith(("MEDIA_", "MINIO_")):
        _of.cache_clear()


setting_changed.connect(_forget)
