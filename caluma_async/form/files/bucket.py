"""A bucket of MinIO or S3 as storage, by django-storages. Clients talk to it directly, at presigned addresses.

An address is signed with its host: what clients reach by another name than this server must be signed under that one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, BinaryIO, Final, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.utils.http import content_disposition_header
from storages.backends.s3 import S3Storage

from caluma_async.conf import settings
from caluma_async.errors import Unavailable
from caluma_async.form.files.blobs import Blob, harmless
from caluma_async.form.files.storage import Metadata

logger = logging.getLogger("caluma_async.form")

R = TypeVar("R")

_MISSING: Final = {"404", "NoSuchKey", "NotFound"}
_TAKEN: Final = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


class Bucket:
    """Blobs in the bucket `MINIO_STORAGE_MEDIA_BUCKET_NAME`, which is made when it is missing, if the site wants it."""

    def __init__(self) -> None:
        self.name = settings.MINIO_STORAGE_MEDIA_BUCKET_NAME
        self._seconds = max(1, int(settings.MINIO_PRESIGNED_TTL_MINUTES * 60))
        self._is_made = not settings.MINIO_STORAGE_AUTO_CREATE_MEDIA_BUCKET

    @cached_property
    def client(self) -> Any:
        """Boto's client, safe for threads."""
        endpoint, scheme = settings.MINIO_STORAGE_ENDPOINT, "https" if settings.MINIO_STORAGE_USE_HTTPS else "http"
        return self._client_of(f"{scheme}://{endpoint}" if endpoint else None)

    @cached_property
    def _signer(self) -> Any:
        """A client that makes addresses as clients reach them, without a word to the server."""
        public = settings.MINIO_STORAGE_PUBLIC_URL
        return self._client_of(public.rstrip("/")) if public else self.client

    def _client_of(self, url: str | None) -> Any:
        # "auto" would give the address of AWS without the region, where buckets of other regions are not found
        style = "path" if url else "virtual"
        storage = S3Storage(
            access_key=settings.MINIO_STORAGE_ACCESS_KEY or None,
            secret_key=settings.MINIO_STORAGE_SECRET_KEY or None,
            bucket_name=self.name,
            endpoint_url=url,
            region_name=settings.MINIO_STORAGE_REGION_NAME or "us-east-1",
            client_config=Config(
                signature_version="s3v4",
                s3={"addressing_style": style},
                connect_timeout=5,
                read_timeout=30,
                retries={"total_max_attempts": 2},
            ),
        )
        return storage.connection.meta.client

    def upload_url(self, blob: Blob) -> str:
        """A presigned address for `PUT`."""
        self._make()
        return self._presigned("put_object", Key=blob.path)

    def download_url(self, blob: Blob, name: str) -> str:
        """A presigned address for `GET`."""
        disposition = str(content_disposition_header(True, harmless(name)))
        return self._presigned("get_object", Key=blob.path, ResponseContentDisposition=disposition)

    def put(self, blob: Blob, file: BinaryIO) -> None:
        """Sent by this server."""
        self._make()
        with _told():
            self.client.put_object(Bucket=self.name, Key=blob.path, Body=file, ContentType=blob.content_type)

    def metadata(self, blob: Blob) -> Metadata | None:
        """What the bucket knows."""
        found = self._tried(lambda: self.client.head_object(Bucket=self.name, Key=blob.path))
        if found is None:
            return None
        return Metadata(
            size=found["ContentLength"],
            content_type=found.get("ContentType", ""),
            etag=found.get("ETag", "").strip('"'),
            last_modified=found["LastModified"],
            bucket_name=self.name,
            metadata=dict(found.get("Metadata", {})),
        )

    def copy(self, blob: Blob, to: Blob) -> bool:
        """Copied by the server: nothing comes here."""
        self._make()
        source = {"Bucket": self.name, "Key": blob.path}
        return (
            self._tried(lambda: self.client.copy_object(Bucket=self.name, Key=to.path, CopySource=source)) is not None
        )

    def move(self, blob: Blob, to: Blob) -> bool:
        """Copied, then removed: done again after a failure in between, it comes to the same."""
        if not self.copy(blob, to):
            return False
        self._tried(lambda: self.client.delete_object(Bucket=self.name, Key=blob.path))
        return True

    def _presigned(self, deed: str, **parameters: str) -> str:
        given = {"Bucket": self.name, **parameters}
        with _told():  # the machine may have no credentials
            return str(self._signer.generate_presigned_url(deed, Params=given, ExpiresIn=self._seconds))

    def _make(self) -> None:
        """Make the bucket, once per process."""
        if not self._is_made:
            if self._tried(lambda: self.client.head_bucket(Bucket=self.name)) is None:
                self._tried(lambda: self.client.create_bucket(Bucket=self.name, **self._placed()))
            self._is_made = True

    @staticmethod
    def _placed() -> dict[str, Any]:
        region = settings.MINIO_STORAGE_REGION_NAME
        return {"CreateBucketConfiguration": {"LocationConstraint": region}} if region not in {"", "us-east-1"} else {}

    def _tried(self, call: Callable[[], R]) -> R | None:
        """What the call gives; `None` where there is no such thing."""
        with _told():
            try:
                return call()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _MISSING | _TAKEN:
                    return None
                raise


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        logger.warning("The bucket of files: %s", error)
        raise Unavailable("The storage of files does not answer as it should.") from error
