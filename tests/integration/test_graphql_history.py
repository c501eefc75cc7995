"""`documentAsOf`: a document as it was, with the answers, rows and files of that time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from caluma_async.form.api import remove_answer, save_answer
from caluma_async.form.files.folder import Folder
from caluma_async.form.files.storage import storage
from caluma_async.form.models import Document, File, HistoryEntry
from caluma_async.form.verbs import RemoveDocument
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_answer,
    make_document,
    make_dynamic_option,
    make_file,
    make_form,
    make_option,
    make_question,
    make_table,
)
from caluma_async.testing.plugin import Deliver
from caluma_async.verbs import run
from tests.api import ask, gid, nodes, refusal, statements
from tests.integration.test_graphql_visibility import SECRET, hiding

pytestmark = pytest.mark.django_db

ANNA, BEAT = User("anna"), User("beat")

QUERY = """query ($id: ID!, $asOf: DateTime!, $gone: Boolean) { documentAsOf(id: $id, asOf: $asOf) {
    id documentId meta historyType historyUserId historyDate form { slug } source { id }
    historicalAnswers(asOf: $asOf, excludeDeleted: $gone) { totalCount edges { node {
        __typename id historyType historyUserId question { slug }
        ... on HistoricalStringAnswer { text: value historyQuestionType historyId historyChangeReason
            selectedOption { slug label } }
        ... on HistoricalListAnswer { list: value selectedOptions { edges { node { label } } } }
        ... on HistoricalIntegerAnswer { integer: value }
        ... on HistoricalFloatAnswer { float: value }
        ... on HistoricalDateAnswer { day: value date }
        ... on HistoricalTableAnswer { document { id } rows: value(asOf: $asOf, excludeDeleted: $gone) {
            historyType documentId historicalAnswers(asOf: $asOf, excludeDeleted: $gone) { edges { node {
                ... on HistoricalStringAnswer { value } } } } } }
        ... on HistoricalFilesAnswer { files: value(asOf: $asOf, excludeDeleted: $gone) {
            id name downloadUrl metadata historyType historicalAnswer { question { slug } } } }
    } } } } }"""


class Clock:
    """Hands out times: what is in the history by then has been set back to before it."""

    def __init__(self) -> None:
        self._told = 0
        self._now = timezone.now() - timedelta(hours=1)

    def __call__(self) -> str:
        """The time after everything that has happened, and before everything that will."""
        for entry in HistoryEntry.objects.filter(pk__gt=self._told):
            self._now += timedelta(milliseconds=10)
            HistoryEntry.objects.filter(pk=entry.pk).update(date=self._now)
            self._told = entry.pk
        self._now += timedelta(seconds=1)
        return self._now.isoformat()


@pytest.fixture(autouse=True)
def shown(settings: Settings, tmp_path: Path) -> None:
    settings.ENABLE_HISTORICAL_API = True
    settings.MEDIA_STORAGE_FOLDER = str(tmp_path / "kept")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plan() -> Document:
    make_question("street", form="plan")
    make_question("streets", form="plan", type="table", row_form=make_form("row"))
    make_question("name", form="row")
    make_question("papers", form="plan", type="files")
    return make_document("plan", meta={"a": 1}, user=ANNA)


def as_of(document: Any, time: str, *, gone: bool = False, **more: Any) -> Any:
    key = document if isinstance(document, str) else gid(document)
    return ask(QUERY, id=key, asOf=time, gone=gone, **more)["documentAsOf"]


def answers(document: Any, time: str, **more: Any) -> list[Any]:
    return nodes(as_of(document, time, **more)["historicalAnswers"])


def test_a_document_is_shown_as_it_was(plan: Document, clock: Clock) -> None:
    created = clock()
    plan.meta = {"a": 2}
    plan.stamp(BEAT)
    plan.save()
    changed = clock()
    first, second = as_of(plan, created), as_of(plan, changed)
    assert (first["meta"], first["historyType"], first["historyUserId"]) == ({"a": 1}, "+", "anna")
    assert (second["meta"], second["historyType"], second["historyUserId"]) == ({"a": 2}, "~", "beat")
    assert first["documentId"] == second["documentId"] == str(plan.pk)
    assert first["form"] == {"slug": "plan"}
    assert first["source"] is None
    assert first["id"] != second["id"]


def test_answers_are_those_of_that_time(plan: Document, clock: Clock) -> None:
    empty = clock()
    save_answer("street", plan, ANNA, "Main Street")
    written = clock()
    answer = save_answer("street", plan, BEAT, "Mill Lane")
    changed = clock()
    remove_answer(answer, BEAT)
    removed = clock()
    assert answers(plan, empty) == []
    for time, value, kind, user in ((written, "Main Street", "+", "anna"), (changed, "Mill Lane", "~", "beat")):
        [found] = answers(plan, time)
        assert (found["text"], found["historyType"], found["historyUserId"]) == (value, kind, user)
        assert (found["historyQuestionType"], found["historyChangeReason"]) == ("TEXT", None)
        assert found["question"] == {"slug": "street"}
    [gone] = answers(plan, removed)
    assert (gone["text"], gone["historyType"], gone["historyUserId"]) == ("Mill Lane", "-", "beat")
    assert answers(plan, removed, gone=True) == []
    assert as_of(plan, removed, gone=True)["historicalAnswers"]["totalCount"] == 0


def test_every_kind_of_value_is_typed_as_then(plan: Document, clock: Clock) -> None:
    colours = [make_option("red", label="Red"), make_option("blue", label="Blue")]
    make_question("colour", form="plan", type="choice", options=colours)
    make_question("colours", form="plan", type="multiple_choice", options=colours)
    make_question("town", form="plan", type="dynamic_choice")
    for kind in ("integer", "float", "date"):
        make_question(kind, form="plan", type=kind)
    for slug, value in {"colour": "red", "colours": ["blue", "red"], "town": "b", "integer": 5, "float": 0.5}.items():
        make_answer(plan, slug, value)
    make_answer(plan, "date", date="2024-02-01")
    make_dynamic_option(plan, "town", "b", "Berne")
    found = {node["question"]["slug"]: node for node in answers(plan, clock())}
    assert found["colour"]["selectedOption"] == {"slug": "red", "label": "Red"}
    assert [node["label"] for node in nodes(found["colours"]["selectedOptions"])] == ["Blue", "Red"]
    assert found["colours"]["list"] == ["blue", "red"]
    assert found["town"]["selectedOption"] == {"slug": "b", "label": "Berne"}
    assert (found["integer"]["integer"], found["float"]["float"]) == (5, 0.5)
    assert found["date"]["day"] == found["date"]["date"] == "2024-02-01"


def rows(document: Document, time: str, **more: Any) -> list[tuple[str, Any]]:
    [table] = [each for each in answers(document, time, **more) if each["__typename"] == "HistoricalTableAnswer"]
    assert table["document"] == {"id": gid(document)}
    cells = [nodes(row["historicalAnswers"])[0]["value"] for row in table["rows"]]
    return list(zip([row["historyType"] for row in table["rows"]], cells, strict=True))


def test_rows_are_those_of_that_time_in_their_order(plan: Document, clock: Clock) -> None:
    table = make_table(plan, "streets", [{"name": "Main Street"}, {"name": "Mill Lane"}])
    first = clock()
    main, mill = (link.document for link in table.answerdocument_set.order_by("-sort"))
    save_answer("streets", plan, BEAT, [mill, main])
    turned = clock()
    save_answer("streets", plan, BEAT, [main])
    save_answer("name", main, BEAT, "High Street")
    one_left = clock()
    assert [cell for _, cell in rows(plan, first)] == ["Main Street", "Mill Lane"]
    assert [cell for _, cell in rows(plan, turned)] == ["Mill Lane", "Main Street"]
    assert [cell for _, cell in rows(plan, one_left, gone=True)] == ["High Street"]
    assert {cell for _, cell in rows(plan, one_left)} == {"High Street", "Mill Lane"}


def test_files_are_those_of_that_time_with_what_was_uploaded(plan: Document, clock: Clock, deliver: Deliver) -> None:
    folder = storage()
    assert isinstance(folder, Folder)
    save_answer("papers", plan, ANNA, [{"name": "plan.pdf"}])
    file = File.objects.get()
    with folder.receive() as intake:
        intake.file.write(b"a plan")
        intake.keep(file.blob)
    there = clock()
    save_answer("papers", plan, ANNA, [{"id": file.pk, "name": "final.pdf"}])
    renamed = clock()
    save_answer("papers", plan, BEAT, [])
    gone = clock()
    assert deliver() == 1
    for time, name, kind in ((there, "plan.pdf", "+"), (renamed, "final.pdf", "~"), (gone, "final.pdf", "-")):
        [found] = [node for node in answers(plan, time) if node["__typename"] == "HistoricalFilesAnswer"]
        [shown] = found["files"]
        assert (shown["name"], shown["historyType"], shown["metadata"]["size"]) == (name, kind, 6)
        assert shown["downloadUrl"].startswith("/files?signature=")
        assert shown["historicalAnswer"] == {"question": {"slug": "papers"}}
    [found] = answers(plan, gone, gone=True)
    assert found["files"] == []


def test_a_document_that_was_removed_is_told_of_too(plan: Document, clock: Clock) -> None:
    make_answer(plan, "street", "Main Street")
    key = gid(plan)
    run(RemoveDocument(BEAT, document=plan))
    found = as_of(key, clock())
    assert (found["historyType"], found["historyUserId"]) == ("-", "beat")
    [answer] = nodes(found["historicalAnswers"])
    assert (answer["text"], answer["historyType"], answer["historyUserId"]) == ("Main Street", "-", "beat")


def test_what_was_not_there_yet_is_not_found(plan: Document) -> None:
    long_ago = "2000-01-01T00:00:00Z"
    error = refusal(QUERY, id=gid(plan), asOf=long_ago)
    assert error["extensions"] == {"code": "not_found", "field": "id"}


def test_it_is_refused_where_the_site_does_not_show_it(plan: Document, settings: Settings, clock: Clock) -> None:
    settings.ENABLE_HISTORICAL_API = False
    error = refusal(QUERY, id=gid(plan), asOf=clock())
    assert error["extensions"]["code"] == "refused"
    assert "ENABLE_HISTORICAL_API" in error["message"]


def test_what_is_hidden_now_was_hidden_then(plan: Document, clock: Clock) -> None:
    secret = make_document("plan", user=SECRET)
    make_answer(plan, "street", "Main Street", user=SECRET)
    papers = make_answer(plan, "papers")
    make_file(papers, "open.pdf")
    make_file(papers, "secret.pdf", user=SECRET)
    table = make_table(plan, "streets", [{"name": "Main Street"}, {"name": "Mill Lane"}])
    [row, _] = table.documents.order_by("created_at")
    Document.objects.filter(pk=row.pk).update(created_by_user="secret")
    time = clock()
    error = refusal(QUERY, id=gid(secret), asOf=time, context=hiding("Document"))
    assert error["extensions"]["code"] == "not_found"
    assert len(rows(plan, time)) == 2
    assert [cell for _, cell in rows(plan, time, context=hiding("Document"))] == ["Mill Lane"]
    slugs = [node["question"]["slug"] for node in answers(plan, time, context=hiding("Answer"))]
    assert slugs == ["papers", "streets"]
    [papers_then] = [node for node in answers(plan, time, context=hiding("File")) if "files" in node]
    assert [file["name"] for file in papers_then["files"]] == ["open.pdf"]


def test_what_is_gone_is_shown_only_to_who_sees_everything(plan: Document, clock: Clock) -> None:
    answer = make_answer(plan, "street", "Main Street")
    answer.delete()
    time = clock()
    assert len(answers(plan, time)) == 1
    assert answers(plan, time, context=hiding("Answer")) == []


def test_answers_come_in_pages(plan: Document, clock: Clock) -> None:
    for number in range(5):
        make_question(f"q{number}", form="plan")
        make_answer(plan, f"q{number}", str(number))
    query = """query ($id: ID!, $asOf: DateTime!) { documentAsOf(id: $id, asOf: $asOf) {
        historicalAnswers(asOf: $asOf, first: 2, after: "YXJyYXljb25uZWN0aW9uOjE=") { totalCount
            pageInfo { hasNextPage } edges { node { question { slug } } } } } }"""
    found = ask(query, id=gid(plan), asOf=clock())["documentAsOf"]["historicalAnswers"]
    assert [node["question"]["slug"] for node in nodes(found)] == ["q2", "q3"]
    assert (found["totalCount"], found["pageInfo"]) == (5, {"hasNextPage": True})


def test_it_costs_the_same_however_many_rows_and_files_there_are(plan: Document, clock: Clock) -> None:
    papers, counts = make_answer(plan, "papers"), []
    table = make_table(plan, "streets", [{"name": "Main Street"}])
    for number in (2, 20):
        for _ in range(number):
            make_file(papers, "a.pdf")
        table.delete()
        table = make_table(plan, "streets", [{"name": "Main Street"}] * number)
        time = clock()
        counts.append(statements(QUERY, id=gid(plan), asOf=time, gone=True))
    assert counts[0] == counts[1] <= 13
