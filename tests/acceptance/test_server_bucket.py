"""Files in a bucket, over a real server, as a browser talks to both: what the addresses allow, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError

from caluma_async.testing.factories import make_document, make_question
from tests.acceptance.bucket import HOW, REAL, Place, faked, real
from tests.acceptance.facts import eventually
from tests.acceptance.server import Server, serving

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN: Final = {"Origin": "https://front.example.com"}
MISSING: Final = {403, 404}
"""What a bucket says of what it has not: 403 where the account may not list it."""
REFUSED: Final = {400, 403}
"""Swift takes a request that is not signed for one that is not of S3."""
PDF: Final = {**ORIGIN, "Content-Type": "application/pdf"}

FIELDS: Final = "... on FilesAnswer { value { id name uploadUrl downloadUrl metadata } }"
SAVE: Final = f"""mutation ($document: ID!, $value: [SaveFile]) {{ saveDocumentFilesAnswer(input: {{
    question: "papers", document: $document, value: $value}}) {{ answer {{ {FIELDS} }} }} }}"""
COPY: Final = "mutation ($source: ID!) { copyDocument(input: {source: $source}) { document { id } } }"
READ: Final = f"""query ($document: ID!) {{ allDocuments(filter: [{{id: $document}}]) {{
    edges {{ node {{ answers {{ edges {{ node {{ {FIELDS} }} }} }} }} }} }} }}"""


@pytest.fixture(
    params=[
        pytest.param(faked, id="fake"),
        pytest.param(real, id="real", marks=pytest.mark.skipif(not REAL, reason=HOW)),
    ]
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with request.param() as place:
        yield place
        place.remove()


@pytest.fixture
def server(tmp_path: Path, place: Place) -> Iterator[Server]:
    with serving(tmp_path, EVENT_RECEIVER_MODULES="", **place.environment) as server:
        yield server
    assert "Traceback" not in server.log


def a_document() -> Any:
    make_question("papers", form="plan", type="files")
    return make_document("plan")


def asked(server: Server, query: str, **variables: Any) -> Any:
    answer = server.ask(query, **variables).json()
    assert "errors" not in answer, answer
    return answer["data"]


def save(server: Server, document: Any, *value: dict[str, Any]) -> list[dict[str, Any]]:
    files: list[dict[str, Any]]
    files = asked(server, SAVE, document=str(document.pk), value=list(value))["saveDocumentFilesAnswer"]["answer"][
        "value"
    ]
    return files


def with_query(url: str, **changes: str | None) -> str:
    """The address with other parameters; `None` leaves one out."""
    before, _, query = url.partition("?")
    found = {name: values[0] for name, values in parse_qs(query).items()}
    found.update({name: value for name, value in changes.items() if value is not None})
    left = {name: value for name, value in found.items() if name not in changes or changes[name] is not None}
    return f"{before}?{urlencode(left, quote_via=quote)}"


def test_a_file_is_uploaded_read_and_renamed(server: Server, place: Place) -> None:
    document = a_document()
    [file] = save(server, document, {"name": 'Plan "Süd" & co (1)+50%.pdf'})
    assert file["uploadUrl"].startswith(f"http{'s' if place.is_tls else ''}://{place.host}/{place.bucket}/")
    assert file["metadata"] is None
    assert httpx.get(file["downloadUrl"], headers=ORIGIN).status_code in MISSING
    content = bytes(range(256)) * 10_000
    assert httpx.put(file["uploadUrl"], content=content, headers=PDF, timeout=60).status_code == 200
    [known] = save(server, document, {"id": file["id"], "name": file["name"]})
    assert (known["metadata"]["size"], known["metadata"]["content_type"]) == (len(content), "application/pdf")
    got = httpx.get(file["downloadUrl"], headers=ORIGIN, timeout=60)
    assert (got.status_code, got.content, got.headers["Content-Type"]) == (200, content, "application/pdf")
    name = quote("Plan _Süd_ & co (1)+50%.pdf")
    assert got.headers["Content-Disposition"].lower() == f"attachment; filename*=utf-8''{name}".lower()
    [renamed] = save(server, document, {"id": file["id"], "name": "final.pdf"})
    got = httpx.get(renamed["downloadUrl"], timeout=60)
    assert (got.content, got.headers["Content-Disposition"]) == (content, 'attachment; filename="final.pdf"')
    assert httpx.put(file["uploadUrl"], content=b"").status_code == 200
    assert httpx.get(file["downloadUrl"]).content == b""


def test_an_address_is_good_for_what_it_was_made_for_only(server: Server, place: Place) -> None:
    document = a_document()
    mine, other = save(server, document, {"name": "mine.html"}, {"name": "other.html"})
    up, down = mine["uploadUrl"], mine["downloadUrl"]
    assert httpx.put(up, content=b"mine").status_code == 200
    assert httpx.get(down).status_code == 200
    refused: list[tuple[str, str, Callable[..., httpx.Response]]] = [
        ("an upload that is read", up, httpx.get),
        ("a download that is written", down, httpx.put),
        ("an upload that removes", up, httpx.delete),
        ("another file", other["uploadUrl"].partition("?")[0] + "?" + up.partition("?")[2], httpx.put),
        ("shown, not saved", with_query(down, **{"response-content-disposition": "inline"}), httpx.get),
        ("shown by default", with_query(down, **{"response-content-disposition": None}), httpx.get),
        ("of another type", f"{down}&response-content-type=text%2Fhtml", httpx.get),
        ("longer good", with_query(up, **{"X-Amz-Expires": "86400"}), httpx.put),
        ("signed by nobody", up.partition("?")[0], httpx.get),
        ("made up", with_query(up, **{"X-Amz-Signature": "0" * 64}), httpx.put),
    ]
    assert [what for what, url, call in refused if call(url).status_code not in REFUSED] == []
    assert httpx.get(down).content == b"mine"


def test_blobs_follow_their_files_after_the_commit(server: Server, place: Place) -> None:
    document = a_document()
    announced = SAVE.replace(FIELDS, "id")
    asked(server, announced, document=str(document.pk), value=[{"name": "never.pdf"}])
    asked(server, COPY, source=str(document.pk))  # before there is a bucket
    file, _ = save(server, document, {"name": "Süd.pdf"}, {"name": "never.pdf"})
    assert httpx.put(file["uploadUrl"], content=b"content", headers=PDF).status_code == 200
    copy = asked(server, COPY, source=str(document.pk))["copyDocument"]["document"]["id"]

    def copied() -> list[dict[str, Any]]:
        [edge] = asked(server, READ, document=copy)["allDocuments"]["edges"]
        [answer] = edge["node"]["answers"]["edges"]
        return [each for each in answer["node"]["value"] if each["metadata"]]

    [other] = eventually(copied)
    assert (other["name"], other["metadata"]["content_type"]) == ("Süd.pdf", "application/pdf")
    assert httpx.get(other["downloadUrl"]).content == b"content"
    assert save(server, document) == []
    assert eventually(lambda: httpx.get(file["downloadUrl"]).status_code in MISSING)
    kept = place.names()
    assert len(kept) == 2
    assert all(name.endswith("_Süd.pdf") for name in kept)
    assert not any(name.startswith(file["id"]) for name in kept)


def test_addresses_are_good_for_a_while(tmp_path: Path, place: Place) -> None:
    with serving(tmp_path, MINIO_PRESIGNED_TTL_MINUTES="0.05", **place.environment) as server:
        [file] = save(server, a_document(), {"name": "plan.pdf"})
        assert httpx.put(file["uploadUrl"], content=b"x").status_code == 200
        assert eventually(lambda: httpx.get(file["downloadUrl"]).status_code == 403, within=30)
        assert httpx.put(file["uploadUrl"], content=b"late").status_code == 403


def test_clients_may_know_the_bucket_by_another_address(tmp_path: Path, place: Place) -> None:
    environment = {**place.environment, "MINIO_STORAGE_PUBLIC_URL": "https://files.example.com"}
    with serving(tmp_path, **environment) as server:
        [file] = save(server, a_document(), {"name": "plan.pdf"})
        assert file["metadata"] is None
        for deed, call in (("uploadUrl", httpx.put), ("downloadUrl", httpx.get)):
            url = urlsplit(file[deed])
            assert f"{url.scheme}://{url.netloc}" == "https://files.example.com"
            # as a proxy asks the bucket that leaves the host as it is
            behind = url._replace(scheme="https" if place.is_tls else "http", netloc=place.host).geturl()
            assert call(behind, headers={"Host": "files.example.com"}).status_code == 200
            assert call(behind).status_code == 403


def allow_front_end(place: Place) -> None:
    """As the guide says."""
    rule = {"AllowedOrigins": [ORIGIN["Origin"]], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["Content-Type"]}
    try:
        place.client.put_bucket_cors(Bucket=place.bucket, CORSConfiguration={"CORSRules": [rule]})
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotImplemented":  # a setting of the service, as with MinIO
            raise


def test_a_front_end_elsewhere_may_talk_to_the_bucket(server: Server, place: Place) -> None:
    [file] = save(server, a_document(), {"name": "plan.pdf"})
    allow_front_end(place)
    wanted = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    answers = [
        httpx.options(file["uploadUrl"], headers={**ORIGIN, **wanted}),
        httpx.put(file["uploadUrl"], content=b"x", headers=PDF),
        httpx.get(file["downloadUrl"], headers=ORIGIN),
    ]
    assert [answer.is_success for answer in answers] == [True] * 3
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in answers} <= {ORIGIN["Origin"], "*"}
    assert "PUT" in answers[0].headers["Access-Control-Allow-Methods"]
