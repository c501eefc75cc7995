"""`/files` over a folder: what a signed address allows and refuses, and what is left of an upload that ends early."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from django.core import signing
from pytest_django import Settings

from caluma_async.form.files.blobs import Blob, harmless
from caluma_async.form.files.folder import Folder
from caluma_async.form.files.signatures import PATH, Permit
from caluma_async.form.files.storage import storage
from caluma_async.keys import uuid7
from caluma_async.media import MediaApp
from tests.door import client_of, messages

PLAIN = {"Content-Type": "text/plain"}


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    settings.MEDIA_STORAGE_FOLDER = str(tmp_path / "kept")
    found = storage()
    assert isinstance(found, Folder)
    return found


@pytest.fixture
async def client(folder: Folder) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(MediaApp()) as client:
        yield client


def kept(folder: Folder) -> list[Path]:
    """All files below the folder."""
    return sorted(path for path in folder.root.rglob("*") if path.is_file())


def blob(name: str = "plan.txt") -> Blob:
    return Blob(uuid7(), name)


async def test_what_is_put_can_be_got(client: httpx.AsyncClient, folder: Folder) -> None:
    plan = blob()
    assert folder.metadata(plan) is None
    put = await client.put(folder.upload_url(plan), content=b"a plan", headers=PLAIN)
    got = await client.get(folder.download_url(plan, "Plan Süd.txt"))
    assert (put.status_code, got.status_code, got.content) == (200, 200, b"a plan")
    assert got.headers["Content-Disposition"] == f"attachment; filename*=utf-8''{quote('Plan Süd.txt')}"
    assert got.headers["Content-Security-Policy"].startswith("sandbox")
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Type"] == "text/plain"
    known = folder.metadata(plan)
    assert known is not None
    assert put.headers["ETag"] == got.headers["ETag"] == f'"{known.etag}"'
    assert known.as_json() == {
        "bucket_name": "",
        "content_type": "text/plain",
        "etag": known.etag,
        "last_modified": known.last_modified.isoformat(),
        "metadata": {},
        "size": 6,
    }


async def test_head_tells_without_the_content(client: httpx.AsyncClient, folder: Folder) -> None:
    plan = blob()
    await client.put(folder.upload_url(plan), content=b"a plan")
    head = await client.head(folder.download_url(plan, plan.name))
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "6", b"")


async def test_a_large_file_comes_back_as_it_was(client: httpx.AsyncClient, folder: Folder) -> None:
    plan, content = blob("large.bin"), bytes(range(256)) * 20_000
    await client.put(folder.upload_url(plan), content=content)
    assert (await client.get(folder.download_url(plan, plan.name))).content == content


async def test_nothing_is_there_before_the_upload(client: httpx.AsyncClient, folder: Folder) -> None:
    plan = blob()
    answer = await client.get(folder.download_url(plan, plan.name))
    assert (answer.status_code, messages(answer)) == (404, "Nothing has been uploaded for this file.")


async def test_a_later_upload_takes_the_place_of_an_earlier_one(client: httpx.AsyncClient, folder: Folder) -> None:
    plan = blob()
    for content in (b"first", b"second"):
        await client.put(folder.upload_url(plan), content=content)
    assert (await client.get(folder.download_url(plan, plan.name))).content == b"second"
    assert len(kept(folder)) == 1


async def test_of_uploads_at_the_same_time_one_is_kept_whole(client: httpx.AsyncClient, folder: Folder) -> None:
    plan = blob()
    contents = [bytes([number]) * 1_500_000 for number in range(8)]
    answers = await asyncio.gather(*(client.put(folder.upload_url(plan), content=each) for each in contents))
    assert {answer.status_code for answer in answers} == {200}
    assert (await client.get(folder.download_url(plan, plan.name))).content in contents
    assert len(kept(folder)) == 1


def _of_another_deed(folder: Folder, plan: Blob) -> str:
    return folder.download_url(plan, plan.name)


def _forged(folder: Folder, plan: Blob) -> str:
    url = folder.upload_url(plan)
    return url[:-1] + ("a" if url.endswith("b") else "b")


def _signed_for_something_else(folder: Folder, plan: Blob) -> str:
    return f"{PATH}?signature={quote(signing.dumps(['upload', plan.key.hex, plan.name, plan.name], salt='other'))}"


def _without_a_key(folder: Folder, plan: Blob) -> str:
    return f"{PATH}?signature={quote(signing.dumps(['upload', '../../x', 'x', 'x'], salt='caluma_async.form.files'))}"


def _unsigned(folder: Folder, plan: Blob) -> str:
    return f"{PATH}?key={plan.key}"


@pytest.mark.parametrize("address", [_of_another_deed, _forged, _signed_for_something_else, _without_a_key, _unsigned])
async def test_an_address_is_good_for_what_it_was_made_for_only(
    client: httpx.AsyncClient, folder: Folder, address: Callable[[Folder, Blob], str]
) -> None:
    answer = await client.put(address(folder, blob()), content=b"x")
    assert answer.status_code == 403
    assert messages(answer).startswith("This address ")
    assert not folder.root.exists()


async def test_an_address_of_an_upload_shows_nothing(client: httpx.AsyncClient, folder: Folder) -> None:
    plan = blob()
    await client.put(folder.upload_url(plan), content=b"x")
    answer = await client.get(folder.upload_url(plan))
    assert (answer.status_code, messages(answer)) == (403, "This address is good for the upload of a file only.")


async def test_an_address_expires(client: httpx.AsyncClient, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = blob()
    with monkeypatch.context() as past:
        past.setattr(signing.time, "time", lambda: 1_000_000_000.0)
        url = folder.upload_url(plan)
    answer = await client.put(url, content=b"x")
    assert (answer.status_code, messages(answer)) == (403, "This address is no longer good: ask for a new one.")


@pytest.mark.parametrize("announced", [True, False])
async def test_what_is_too_large_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, folder: Folder, settings: Settings, announced: bool
) -> None:
    settings.MEDIA_MAX_SIZE = 1_000_000

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 50_000

    content: Any = b"x" * 1_500_000 if announced else pieces()
    answer = await client.put(storage().upload_url(blob()), content=content)
    assert (answer.status_code, messages(answer)) == (
        413,
        "The file is too large; at most 1000000 bytes are allowed.",
    )
    assert kept(folder) == []


@pytest.mark.parametrize(
    ("name", "content_type", "refused"),
    [
        ("a.png", "image/png", None),
        ("a.png", None, None),
        ("a.png", "text/html", "text/html"),
        ("a.html", "image/png", "text/html"),
        ("a", "image/png", "application/octet-stream"),
    ],
)
async def test_only_the_types_that_are_allowed_are_taken(
    client: httpx.AsyncClient, settings: Settings, name: str, content_type: str | None, refused: str | None
) -> None:
    settings.MEDIA_TYPES = ["image/png"]
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await client.put(storage().upload_url(blob(name)), content=b"x", headers=headers)
    assert answer.status_code == (415 if refused else 200)
    if refused:
        assert messages(answer) == f"Files of the type {refused} are not allowed."


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, folder: Folder, method: str) -> None:
    answer = await client.request(method, folder.upload_url(blob()))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, PUT")


HOSTILE = [
    "../../etc/passwd",
    "..\\..\\x",
    "a\r\nSet-Cookie: x=1",
    "x" * 255,
    "ä" * 255 + ".pdf",
    "C:\\x",
    'a".exe',
    ".",
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_name_leaves_the_folder_or_a_header(client: httpx.AsyncClient, folder: Folder, name: str) -> None:
    hostile = blob(name)
    assert (await client.put(folder.upload_url(hostile), content=b"x")).status_code == 200
    assert [path.name for path in kept(folder)] == [hostile.key.hex]
    got = await client.get(folder.download_url(hostile, name))
    assert (got.status_code, got.content) == (200, b"x")
    assert "Set-Cookie" not in got.headers
    assert len(hostile.path.encode()) <= 255
    assert not set("/\\\r\n") & set(hostile.path)


def test_a_harmless_name_stays_as_it_is() -> None:
    assert harmless("Baugesuch Süd (2).pdf") == "Baugesuch Süd (2).pdf"
    assert harmless("ä" * 255 + ".pdf").endswith("ä.pdf")


async def test_an_upload_that_ends_early_leaves_nothing(folder: Folder) -> None:
    plan, sent = blob(), []
    messages_in = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages_in.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = folder.upload_url(plan).partition("?")
    scope = {
        "type": "http",
        "method": "PUT",
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost")],
    }
    await MediaApp()(scope, receive, send)
    assert sent[0]["status"] == 400
    assert kept(folder) == []


async def test_what_a_killed_process_left_is_removed(client: httpx.AsyncClient, folder: Folder) -> None:
    incoming = folder.root / "incoming"
    incoming.mkdir(parents=True)
    old, new = incoming / "old", incoming / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    await client.put(folder.upload_url(blob()), content=b"x")
    assert (old.exists(), new.exists()) == (False, True)


def test_blobs_are_copied_and_moved(folder: Folder) -> None:
    source, copy, moved = blob(), blob(), blob()
    assert not folder.copy(source, copy)
    assert not folder.move(source, moved)
    with folder.receive() as intake:
        intake.file.write(b"content")
        intake.keep(source)
    assert folder.copy(source, copy)
    assert folder.move(source, moved)
    assert folder.metadata(source) is None
    assert folder.path(copy).read_bytes() == folder.path(moved).read_bytes() == b"content"


async def test_with_another_storage_there_are_no_files_here(settings: Settings) -> None:
    settings.MEDIA_STORAGE_SERVICE = "minio"
    settings.MINIO_STORAGE_ENDPOINT = "localhost:1"
    async with client_of(MediaApp()) as client:
        answer = await client.get(PATH)
    assert (answer.status_code, messages(answer)) == (404, "Files are not kept on this server.")


async def test_pages_of_other_origins_may_put_where_cors_allows_it(folder: Folder, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://front.example"]
    asking = {"Origin": "https://front.example", "Access-Control-Request-Method": "PUT"}
    async with client_of(MediaApp()) as client:
        answer = await client.options(Permit("upload", blob(), "x").url, headers=asking)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://front.example"
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
