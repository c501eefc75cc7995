"""Filters by answers: every lookup that a type of question allows, in the document or in its family."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.form.models import Document, Question
from caluma_async.graphql.form.having_answers import _LOOKUPS, AnswerLookupMode
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_form,
    make_question,
    make_table,
    make_work_item,
)
from caluma_async.workflow.models import Case
from tests.api import ask, gid, nodes, refusal, statements

pytestmark = pytest.mark.django_db

CASES = "query ($filter: [CaseFilterSetType]) { allCases(filter: $filter) { edges { node { id } } } }"

VALUES: dict[str, list[Any]] = {
    "text": ["Main Street", "main street 5", "Mill Lane", "", None],
    "integer": [5, 7, 10, None],
    "float": [0.5, 5, 7.25, None],
    "date": ["2024-01-31", "2024-02-01", "2025-01-01", None],
    "choice": ["red", "blue", "reddish", None],
    "multiple_choice": [["red", "blue"], ["blue", "red"], ["green"], [], None],
}
LIKE = {"textarea": "text", "calculated_float": "float", "dynamic_choice": "choice"}
LIKE["dynamic_multiple_choice"] = "multiple_choice"

WANTED: list[tuple[str, str, Any, list[Any]]] = [
    ("text", "EXACT", "Main Street", ["Main Street"]),
    ("text", "EXACT", "", [""]),
    ("text", "STARTSWITH", "Main", ["Main Street"]),
    ("text", "CONTAINS", "treet", ["Main Street", "main street 5"]),
    ("text", "CONTAINS", "_", []),
    ("text", "ICONTAINS", "MAIN", ["Main Street", "main street 5"]),
    ("text", "IN", ["Mill Lane", "nowhere", ""], ["Mill Lane", ""]),
    ("text", "IN", [], []),
    ("integer", "EXACT", 5, [5]),
    ("integer", "EXACT", 5.0, [5]),
    ("integer", "LT", 7, [5]),
    ("integer", "LTE", 7, [5, 7]),
    ("integer", "GT", 7, [10]),
    ("integer", "GTE", 7, [7, 10]),
    ("integer", "IN", [10, 5, 6], [5, 10]),
    ("float", "EXACT", 7.25, [7.25]),
    ("float", "EXACT", 5, [5]),
    ("float", "GT", 0.5, [5, 7.25]),
    ("float", "GTE", 0.5, [0.5, 5, 7.25]),
    ("float", "LT", 5, [0.5]),
    ("float", "LTE", 5, [0.5, 5]),
    ("float", "IN", [0.5, 1], [0.5]),
    ("date", "EXACT", "2024-02-01", ["2024-02-01"]),
    ("date", "LT", "2024-02-01", ["2024-01-31"]),
    ("date", "LTE", "2024-02-01", ["2024-01-31", "2024-02-01"]),
    ("date", "GT", "2024-02-01", ["2025-01-01"]),
    ("date", "GTE", "2024-02-01", ["2024-02-01", "2025-01-01"]),
    ("date", "IN", ["2025-01-01"], ["2025-01-01"]),
    ("choice", "EXACT", "red", ["red"]),
    ("choice", "IN", ["red", "blue"], ["red", "blue"]),
    ("multiple_choice", "EXACT", ["red", "blue"], [["red", "blue"]]),
    ("multiple_choice", "EXACT", [], [[]]),
    ("multiple_choice", "CONTAINS", ["red"], [["red", "blue"], ["blue", "red"]]),
    ("multiple_choice", "CONTAINS", ["blue", "red"], [["red", "blue"], ["blue", "red"]]),
    ("multiple_choice", "CONTAINS", [], [["red", "blue"], ["blue", "red"], ["green"], []]),
    ("multiple_choice", "INTERSECTS", ["green", "red"], [["red", "blue"], ["blue", "red"], ["green"]]),
    ("multiple_choice", "INTERSECTS", [], []),
]
WANTED += [(kind, "ISNULL", None, [None]) for kind in VALUES]
WANTED += [
    (kind, lookup, value, wanted) for kind, like in LIKE.items() for of, lookup, value, wanted in WANTED if of == like
]


def with_answer(kind: str, value: Any) -> Case:
    """A case whose document has this answer to the question `asked`."""
    document = make_document("plan")
    given = {"date": value} if kind == "date" else {"value": value}
    make_answer(document, "asked", **given)
    return make_case("permit", document=document)


def found(*given: dict[str, Any]) -> list[str]:
    return [node["id"] for node in nodes(ask(CASES, filter=list(given))["allCases"])]


def has(question: str, value: Any = None, lookup: str | None = None, **more: Any) -> dict[str, Any]:
    return {"hasAnswer": [{"question": question, "value": value, "lookup": lookup, **more}]}


@pytest.mark.parametrize(("kind", "lookup", "value", "wanted"), WANTED)
def test_each_lookup_finds_what_it_says(kind: str, lookup: str, value: Any, wanted: list[Any]) -> None:
    make_question("asked", form="plan", type=kind)
    cases = [(each, with_answer(kind, each)) for each in VALUES[LIKE.get(kind, kind)]]
    make_case("permit", document=make_document("plan"))
    expected = [gid(case) for each, case in cases if each in wanted and type(each) in map(type, wanted)]
    assert found(has("asked", value, lookup)) == expected
    assert len(found({**has("asked", value, lookup), "invert": True})) == len(cases) + 1 - len(expected)


def test_every_lookup_that_is_allowed_was_tried() -> None:
    tried = {(kind, lookup.lower()) for kind, lookup, _, _ in WANTED if lookup != "ISNULL"}
    assert tried == {(kind, lookup) for kind, lookups in _LOOKUPS.items() for lookup in lookups}


@pytest.mark.parametrize("kind", sorted(Question.TYPES))
def test_others_are_refused(kind: str) -> None:
    make_question("asked", form="plan", type=kind)
    allowed = {*_LOOKUPS.get(kind, ()), *(["isnull"] if kind in _LOOKUPS else [])}
    for mode in AnswerLookupMode:
        if mode.value not in allowed:
            error = refusal(CASES, filter=[has("asked", "x", mode.name)])
            assert error["extensions"] == {"code": "invalid", "field": "filter"}
            assert mode.name in error["message"]


@pytest.mark.parametrize(
    ("kind", "lookup", "value"),
    [
        ("text", "EXACT", 5),
        ("text", "IN", "x"),
        ("text", "EXACT", None),
        ("integer", "EXACT", "5"),
        ("integer", "EXACT", True),
        ("date", "EXACT", "yesterday"),
        ("choice", "EXACT", ["red"]),
        ("multiple_choice", "CONTAINS", "red"),
        ("multiple_choice", "INTERSECTS", [5]),
        ("text", "IN", ["x"] * 400),
        ("text", "EXACT", "x" * 2000),
    ],
)
def test_what_no_answer_could_be_is_refused(kind: str, lookup: str, value: Any) -> None:
    make_question("asked", form="plan", type=kind)
    assert refusal(CASES, filter=[has("asked", value, lookup)])["extensions"]["code"] == "invalid"


def test_an_unknown_question_is_refused() -> None:
    assert "there is no question 'nowhere'." in refusal(CASES, filter=[has("nowhere", "x")])["message"]


@pytest.fixture
def streets() -> tuple[Case, Document]:
    """A case whose document has a table with a row, which says `Main Street`."""
    make_question("streets", form="plan", type="table", row_form=make_form("row"))
    make_question("street", form="row")
    document = make_document("plan")
    table = make_table(document, "streets", [{"street": "Main Street"}])
    return make_case("permit", document=document), table.documents.get()


def test_in_the_family_rows_count_and_directly_they_do_not(streets: tuple[Case, Document]) -> None:
    case, _ = streets
    make_case("permit", document=make_document("plan"))
    assert found(has("street", "Main Street")) == [gid(case)]
    assert found(has("street", "Main Street", hierarchy="FAMILY")) == [gid(case)]
    assert found(has("street", "Main Street", hierarchy="DIRECT")) == []
    assert found(has("streets", lookup="ISNULL", hierarchy="DIRECT")) == [gid(case)]


def test_all_of_several_answers_are_there() -> None:
    for slug in ("a", "b"):
        make_question(slug, form="plan")
    both = make_case("permit", document=make_document("plan", answers={"a": "1", "b": "2"}))
    make_case("permit", document=make_document("plan", answers={"a": "1", "b": "3"}))
    assert found({"hasAnswer": [{"question": "a", "value": "1"}, {"question": "b", "value": "2"}]}) == [gid(both)]
    assert found(has("a", "1"), has("b", "2")) == [gid(both)]
    assert len(found({"hasAnswer": []})) == 2


def test_work_items_and_cases_are_found_by_each_others_documents() -> None:
    make_question("asked", form="plan")
    case = make_case("permit", document=make_document("plan", answers={"asked": "case"}))
    work_item = make_work_item(case, "fill", document=make_document("plan", answers={"asked": "item"}))
    make_work_item(make_case("permit"), "fill")
    query = "query ($filter: [WorkItemFilterSetType]) { allWorkItems(filter: $filter) { edges { node { id } } } }"

    def work_items(key: str, value: str) -> list[str]:
        given = [{key: [{"question": "asked", "value": value}]}]
        return [node["id"] for node in nodes(ask(query, filter=given)["allWorkItems"])]

    assert work_items("documentHasAnswer", "item") == [gid(work_item)]
    assert work_items("documentHasAnswer", "case") == []
    assert work_items("caseDocumentHasAnswer", "case") == [gid(work_item)]
    assert work_items("caseDocumentHasAnswer", "item") == []
    for value, wanted in (("item", [gid(case)]), ("case", [])):
        given = {"workItemDocumentHasAnswer": [{"question": "asked", "value": value}]}
        assert found(given) == wanted


def test_it_costs_the_same_however_many_there_are() -> None:
    make_question("asked", form="plan")
    query = """query ($filter: [CaseFilterSetType]) { allCases(first: 20, filter: $filter) {
        totalCount edges { node { id status workflow { slug } document { id form { slug } } } } } }"""
    counts = []
    for number in (5, 20):
        for _ in range(number):
            make_case("permit", document=make_document("plan", answers={"asked": "x"}))
        counts.append(statements(query, filter=[has("asked", "x")]))
    assert counts[0] == counts[1] <= 4
