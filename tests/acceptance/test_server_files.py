"""Files over a real server: announced by GraphQL, put and got at the addresses it gives, moved aside when removed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from caluma_async.testing.factories import make_document, make_question
from tests.acceptance.facts import eventually
from tests.acceptance.server import Server, serving

pytestmark = pytest.mark.django_db(transaction=True)

SAVE = """mutation ($document: ID!, $value: [SaveFile]) { saveDocumentFilesAnswer(input: {
    question: "papers", document: $document, value: $value}) { answer { ... on FilesAnswer { value {
    id name uploadUrl downloadUrl metadata } } } } }"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def server(tmp_path: Path, folder: Path) -> Iterator[Server]:
    with serving(tmp_path, EVENT_RECEIVER_MODULES="", MEDIA_STORAGE_FOLDER=str(folder)) as server:
        yield server


def save(server: Server, document: Any, *value: dict[str, Any]) -> list[dict[str, Any]]:
    answer = server.ask(SAVE, document=str(document.pk), value=list(value)).json()
    assert "errors" not in answer, answer
    files: list[dict[str, Any]] = answer["data"]["saveDocumentFilesAnswer"]["answer"]["value"]
    return files


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_announced_uploaded_renamed_and_removed(server: Server, folder: Path) -> None:
    make_question("papers", form="plan", type="files")
    document = make_document("plan")
    [file] = save(server, document, {"name": "Plan Süd.pdf"})
    assert file["uploadUrl"].startswith(f"{server.url}/files?signature=")
    assert file["metadata"] is None
    content = bytes(range(256)) * 10_000
    assert httpx.put(file["uploadUrl"], content=content, timeout=60).status_code == 200
    [file] = save(server, document, {"id": file["id"], "name": "final.pdf"})
    assert (file["metadata"]["size"], file["metadata"]["content_type"]) == (len(content), "application/pdf")
    got = httpx.get(file["downloadUrl"], timeout=60)
    assert (got.content, got.headers["Content-Disposition"]) == (content, 'attachment; filename="final.pdf"')
    assert (
        httpx.get(file["uploadUrl"], timeout=60).status_code
        == httpx.put(file["downloadUrl"], timeout=60).status_code
        == 403
    )
    [place] = kept(folder)
    assert save(server, document) == []
    assert eventually(lambda: not place.exists())
    [aside] = kept(folder)
    assert aside.read_bytes() == content
    server.stop()
    assert "Traceback" not in server.log


def test_an_upload_that_breaks_off_leaves_nothing(server: Server, folder: Path) -> None:
    make_question("papers", form="plan", type="files")
    [file] = save(server, make_document("plan"), {"name": "plan.pdf"})
    address = urlsplit(file["uploadUrl"])
    head = f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n"
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall(head.encode() + b"x" * 2_500_000)
        assert eventually(lambda: kept(folder) != [])
    assert eventually(lambda: kept(folder) == [])
    assert httpx.get(file["downloadUrl"], timeout=60).status_code == 404
    assert httpx.put(file["uploadUrl"], content=b"whole", timeout=60).status_code == 200
    assert httpx.get(file["downloadUrl"], timeout=60).content == b"whole"
