"""Buckets that tests may have: of a fake of S3 that looks at signatures, and of the MinIO or S3 at `TEST_S3_URL`."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.signatures import Guard

REAL: Final = os.environ.get("TEST_S3_URL", "")
HOW: Final = (
    "Set TEST_S3_URL=http://KEY:SECRET@HOST:PORT, and TEST_S3_REGION if it has one, to try a MinIO or S3 of yours."
)


@dataclass(frozen=True, slots=True)
class Place:
    """A service of buckets, and one that is the test's own."""

    host: str
    key: str
    secret: str
    is_tls: bool = False
    region: str = ""
    bucket: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What a site sets to keep its files there."""
        return {
            "MINIO_STORAGE_ENDPOINT": self.host,
            "MINIO_STORAGE_USE_HTTPS": str(self.is_tls),
            "MINIO_STORAGE_ACCESS_KEY": self.key,
            "MINIO_STORAGE_SECRET_KEY": self.secret,
            "MINIO_STORAGE_REGION_NAME": self.region,
            "MINIO_STORAGE_MEDIA_BUCKET_NAME": self.bucket,
        }

    @property
    def client(self) -> Any:
        """A client of its own, not the site's."""
        return boto3.client(
            "s3",
            endpoint_url=f"http{'s' if self.is_tls else ''}://{self.host}",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name=self.region or "us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )

    def names(self) -> list[str]:
        """Of all objects in the bucket."""
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def remove(self) -> None:
        """The bucket, with all that is in it."""
        try:
            for name in self.names():
                self.client.delete_object(Bucket=self.bucket, Key=name)
            self.client.delete_bucket(Bucket=self.bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise


@contextmanager
def faked() -> Iterator[Place]:
    """A fake of S3 behind a guard, on a port of this machine."""
    application = DomainDispatcherApplication(create_backend_app)
    secret = "se/cr+et"
    server = make_server("127.0.0.1", 0, Guard(application, secret), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Place(f"127.0.0.1:{server.server_port}", "key", secret, bucket=_name())
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def real() -> Iterator[Place]:
    """The service at `TEST_S3_URL`."""
    address = urlsplit(REAL)
    key, secret = unquote(address.username or ""), unquote(address.password or "")
    host = address.netloc.rpartition("@")[2]
    yield Place(host, key, secret, address.scheme == "https", os.environ.get("TEST_S3_REGION", ""), _name())


def _name() -> str:
    return f"caluma-async-test-{uuid4().hex[:12]}"
