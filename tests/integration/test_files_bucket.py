"""A bucket as storage, played by a fake of S3 in this process: presigned addresses, metadata, copies and moves."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from moto import mock_aws
from pytest_django import Settings

from caluma_async.conf import mistakes
from caluma_async.errors import Unavailable
from caluma_async.form.checks import check_storage
from caluma_async.form.files.blobs import Blob
from caluma_async.form.files.bucket import Bucket
from caluma_async.form.files.storage import service, storage
from caluma_async.keys import uuid7


def blob(name: str = "plan.pdf") -> Blob:
    return Blob(uuid7(), name)


@pytest.fixture
def bucket(settings: Settings) -> Iterator[Bucket]:
    settings.MEDIA_STORAGE_SERVICE = "s3"
    settings.MINIO_STORAGE_ACCESS_KEY = "key"
    settings.MINIO_STORAGE_SECRET_KEY = "secret"
    settings.MINIO_STORAGE_MEDIA_BUCKET_NAME = "uploads"
    with mock_aws():
        found = storage()
        assert isinstance(found, Bucket)
        yield found


def put(bucket: Bucket, blob: Blob, content: bytes = b"content") -> None:
    """What a client does with the address of an upload."""
    assert bucket.upload_url(blob)
    bucket.client.put_object(Bucket=bucket.name, Key=blob.path, Body=content, ContentType="application/pdf")


def test_addresses_are_presigned_for_one_deed_and_a_while(bucket: Bucket, settings: Settings) -> None:
    plan = blob("Plan Süd.pdf")
    up, down = (urlsplit(url) for url in (bucket.upload_url(plan), bucket.download_url(plan, "Plan Süd.pdf")))
    assert parse_qs(up.query)["X-Amz-Expires"] == parse_qs(down.query)["X-Amz-Expires"] == ["900"]
    assert parse_qs(up.query)["X-Amz-Signature"] != parse_qs(down.query)["X-Amz-Signature"]
    assert parse_qs(down.query)["response-content-disposition"] == ["attachment; filename*=utf-8''Plan%20S%C3%BCd.pdf"]
    assert up.path == down.path
    assert up.path.startswith(f"/{plan.key}_Plan")


def test_metadata_is_known_once_it_is_uploaded(bucket: Bucket) -> None:
    plan = blob()
    assert bucket.upload_url(plan)
    assert bucket.metadata(plan) is None
    put(bucket, plan)
    known = bucket.metadata(plan)
    assert known is not None
    shown = known.as_json()
    assert (shown["size"], shown["content_type"], shown["bucket_name"]) == (7, "application/pdf", "uploads")
    assert '"' not in shown["etag"]


def test_what_the_server_puts_itself_makes_the_bucket_too(bucket: Bucket) -> None:
    plan = blob()
    bucket.put(plan, BytesIO(b"content"))
    known = bucket.metadata(plan)
    assert known is not None
    assert (known.size, known.content_type) == (7, "application/pdf")


def test_blobs_are_copied_and_moved(bucket: Bucket) -> None:
    source, copy, moved = blob(), blob(), blob()
    assert bucket.upload_url(source)
    assert not bucket.copy(source, copy)
    assert not bucket.move(source, moved)
    put(bucket, source)
    assert bucket.copy(source, copy)
    assert bucket.move(source, moved)
    assert [bucket.metadata(each) is not None for each in (source, copy, moved)] == [False, True, True]


@pytest.mark.parametrize(("region", "makes"), [("", True), ("eu-central-1", True), ("", False)])
def test_the_bucket_is_made_if_the_site_wants_it(bucket: Bucket, settings: Settings, region: str, makes: bool) -> None:
    settings.MINIO_STORAGE_REGION_NAME = region
    settings.MINIO_STORAGE_AUTO_CREATE_MEDIA_BUCKET = makes
    made = Bucket()
    for _ in range(2):
        made.upload_url(blob())
    assert len(made.client.list_buckets()["Buckets"]) == makes
    Bucket().upload_url(blob())
    assert len(made.client.list_buckets()["Buckets"]) == makes


def test_minio_is_spoken_to_by_path_and_without_tls_unless_said(settings: Settings) -> None:
    settings.MINIO_STORAGE_ENDPOINT = "files.example:9000"
    settings.MINIO_STORAGE_ACCESS_KEY = settings.MINIO_STORAGE_SECRET_KEY = "x"
    settings.MINIO_STORAGE_AUTO_CREATE_MEDIA_BUCKET = False
    assert service() == "minio"
    plan = blob()
    assert storage().upload_url(plan).startswith(f"http://files.example:9000/caluma-media/{plan.key}_plan.pdf?")
    settings.MINIO_STORAGE_USE_HTTPS = True
    assert storage().upload_url(plan).startswith("https://files.example:9000/")


@pytest.mark.parametrize(
    ("region", "host"),
    [("", "uploads.s3.amazonaws.com"), ("eu-central-2", "uploads.s3.eu-central-2.amazonaws.com")],
)
def test_a_bucket_of_aws_is_reached_in_its_region(settings: Settings, region: str, host: str) -> None:
    settings.MEDIA_STORAGE_SERVICE = "s3"
    settings.MINIO_STORAGE_ACCESS_KEY = settings.MINIO_STORAGE_SECRET_KEY = "x"
    settings.MINIO_STORAGE_MEDIA_BUCKET_NAME = "uploads"
    settings.MINIO_STORAGE_AUTO_CREATE_MEDIA_BUCKET = False
    settings.MINIO_STORAGE_REGION_NAME = region
    assert urlsplit(storage().upload_url(blob())).netloc == host


def test_clients_are_told_the_public_address(settings: Settings) -> None:
    settings.MINIO_STORAGE_ENDPOINT = "minio:9000"
    settings.MINIO_STORAGE_PUBLIC_URL = "https://files.example.com/"
    settings.MINIO_STORAGE_ACCESS_KEY = settings.MINIO_STORAGE_SECRET_KEY = "x"
    settings.MINIO_STORAGE_AUTO_CREATE_MEDIA_BUCKET = False
    plan, bucket = blob(), storage()
    assert isinstance(bucket, Bucket)
    for url in (bucket.upload_url(plan), bucket.download_url(plan, plan.name)):
        assert url.startswith(f"https://files.example.com/caluma-media/{plan.key}_plan.pdf?")
    assert bucket.client.meta.endpoint_url == "http://minio:9000"


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        ("", True),
        ("https://files.example.com", True),
        ("http://localhost:9000/", True),
        ("files.example.com", False),
        ("https://example.com/files", False),
    ],
)
def test_the_public_address_has_no_path(settings: Settings, url: str, is_right: bool) -> None:
    settings.MINIO_STORAGE_PUBLIC_URL = url
    assert ("MINIO_STORAGE_PUBLIC_URL" not in mistakes()) == is_right


def test_an_address_is_good_for_a_second_at_least(bucket: Bucket, settings: Settings) -> None:
    settings.MINIO_PRESIGNED_TTL_MINUTES = 0.01
    assert parse_qs(urlsplit(Bucket().upload_url(blob())).query)["X-Amz-Expires"] == ["1"]


def test_what_was_never_uploaded_is_copied_before_there_is_a_bucket(bucket: Bucket) -> None:
    assert not bucket.copy(blob(), blob())
    assert not bucket.move(blob(), blob())


def test_a_storage_that_does_not_answer_is_unavailable(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.MINIO_STORAGE_ENDPOINT = "127.0.0.1:1"
    settings.MINIO_STORAGE_ACCESS_KEY = settings.MINIO_STORAGE_SECRET_KEY = "x"
    with pytest.raises(Unavailable, match="does not answer"):
        storage().metadata(blob())
    (told,) = [record for record in caplog.records if record.name == "caluma_async.form"]
    assert told.getMessage().startswith(
        'The bucket of files: Could not connect to the endpoint URL: "http://127.0.0.1:1/'
    )


def test_without_credentials_there_is_no_address(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEDIA_STORAGE_SERVICE = "s3"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(Unavailable, match="does not answer"):
        storage().download_url(blob(), "plan.pdf")


def test_without_any_setting_files_are_kept_here() -> None:
    assert service() == "local"


def test_the_check_says_what_is_missing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_storage() == []
    settings.MEDIA_STORAGE_SERVICE = "minio"
    assert [message.id for message in check_storage()] == ["form.E003"]
    settings.MINIO_STORAGE_ENDPOINT = "files.example:9000"
    assert check_storage() == []
    settings.MEDIA_TYPES = ["image/png"]
    settings.MINIO_PRESIGNED_TTL_MINUTES = 7 * 24 * 60 + 1
    assert [message.id for message in check_storage()] == ["form.E004", "form.W001"]
    settings.MEDIA_TYPES, settings.MINIO_PRESIGNED_TTL_MINUTES = [], 7 * 24 * 60
    monkeypatch.setattr("caluma_async.form.checks.find_spec", lambda name: None)
    assert [message.id for message in check_storage()] == ["form.E002"]
    settings.MEDIA_STORAGE_SERVICE = "nowhere"
    assert check_storage() == []
