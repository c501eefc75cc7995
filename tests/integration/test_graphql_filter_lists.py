"""Filters as a list: how several work together, how large they may be, and what is refused in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from caluma_async.form.models import Form
from caluma_async.graphql.relay import encode
from caluma_async.testing.factories import make_case, make_form, make_task, make_work_item, make_workflow
from tests.api import ask, gid, nodes, refusal
from tests.integration.filters_stage import DOCUMENTS, found

pytestmark = pytest.mark.django_db


def nested(levels: int) -> Any:
    """Lists and objects in each other."""
    value: Any = 1
    for level in range(levels - 1):
        value = [value] if level % 2 else {"a": value}
    return value


def words(number: int, start: int = 0) -> str:
    """That many different words."""
    return " ".join(f"w{start + place}" for place in range(number))


def values(number: int, start: int = 0) -> list[Any]:
    """That many different conditions on meta."""
    return [{"key": str(start + place), "value": place} for place in range(number)]


def by_meta(value: Any, lookup: str = "EXACT") -> dict[str, Any]:
    """A filter by one value of meta."""
    return {"metaValue": [{"key": "a", "value": value, "lookup": lookup}]}


LARGEST: list[Any] = [
    *[by_meta(list(range(299)), lookup) for lookup in ("EXACT", "IN", "CONTAINS", "INTERSECTS")],
    by_meta({str(key): [key] for key in range(99)}),
    *[by_meta(nested(5), lookup) for lookup in ("EXACT", "CONTAINS")],
    *[by_meta([nested(4)], lookup) for lookup in ("IN", "INTERSECTS")],
    by_meta("%" * 1000, "ICONTAINS"),
    {"metaValue": values(20)},
    {"search": words(20)},
    {"search": "%" * 1000},
    {"slugs": [f"slug-{number}" for number in range(9990)]},
    [{"search": words(20, 20 * number)} for number in range(20)],
    [*({"metaValue": values(20, 20 * number)} for number in range(19)), by_meta(list(range(299)))],
    [{**by_meta([number, nested(4)]), "invert": True} for number in range(20)],
]
TOO_LARGE: list[Any] = [
    *[by_meta(list(range(300)), lookup) for lookup in ("EXACT", "IN", "CONTAINS", "INTERSECTS")],
    by_meta({str(key): [key] for key in range(150)}),
    by_meta(nested(6)),
    by_meta("x" * 1001, "ICONTAINS"),
    {"metaValue": values(21)},
    {"search": words(21)},
    {"search": "x" * 1001},
    {"slugs": ["slug"] * 10_000},
    [{"slug": "a"}] * 21,
]


@pytest.mark.parametrize("given", LARGEST)
def test_the_largest_filters_are_taken_by_the_database(given: Any) -> None:
    make_task("a", meta={"a": nested(10)})
    found(
        "Task",
        *(given if isinstance(given, list) else [given, {**given, "invert": True}][: 1 + ("slugs" not in given)]),
    )


@pytest.mark.parametrize("given", TOO_LARGE)
def test_larger_filters_are_refused(given: Any) -> None:
    error = refusal(DOCUMENTS["Task"], filter=given)
    assert "at most" in error["message"]
    assert error["extensions"] == {"code": "invalid", "field": "filter"}


@pytest.mark.parametrize(
    "given",
    [None, {}, {"name": None}, {"name": ""}, {"tasks": []}, {"tasks": [None]}, {"invert": True}, {"metaValue": []}],
)
def test_what_is_empty_changes_nothing(given: Any) -> None:
    make_case("w", ready=["a", "b"])
    assert len(found("WorkItem", given)) == 2
    if given:
        assert len(found("WorkItem", {**given, "invert": True})) == 2


def test_no_filters_at_all_change_nothing() -> None:
    make_case("w", ready=["a", "b"])
    assert len(nodes(ask(DOCUMENTS["WorkItem"], filter=None)["found"])) == 2
    assert len(nodes(ask(DOCUMENTS["WorkItem"], filter=[])["found"])) == 2


def test_filters_are_applied_one_after_the_other() -> None:
    case = make_case("w")
    a = make_work_item(case, "a", addressed_groups=["office"])
    make_work_item(case, "a", addressed_groups=["office", "board"])
    make_work_item(case, "b", addressed_groups=["office"])
    given = [{"task": "a"}, {}, {"addressedGroups": ["office"]}, {"addressedGroups": ["board"], "invert": True}]
    assert found("WorkItem", *given) == [gid(a)]


def test_a_single_filter_needs_no_list() -> None:
    make_case("w", ready=["a", "b"])
    literal = ask('{ allWorkItems(filter: {task: "a"}) { edges { node { task { slug } } } } }')["allWorkItems"]
    assert nodes(literal) == [{"task": {"slug": "a"}}]
    assert len(nodes(ask(DOCUMENTS["WorkItem"], filter={"task": "a"})["found"])) == 1
    assert len(nodes(ask(DOCUMENTS["WorkItem"], filter={"tasks": "a"})["found"])) == 1
    assert len(nodes(ask(DOCUMENTS["Task"], filter={"metaValue": {"key": "a", "value": 1}})["found"])) == 0


def test_two_keys_in_one_object_are_refused() -> None:
    error = refusal(DOCUMENTS["WorkItem"], filter=[{"task": "a", "status": "READY"}])
    assert error["message"].startswith("filter: one key per object besides invert, not status and task together.")
    assert error["extensions"] == {"code": "invalid", "field": "filter"}


def test_an_unknown_key_is_an_error_of_the_schema() -> None:
    assert refusal(DOCUMENTS["WorkItem"], filter=[{"colour": "red"}])["status"] == 400
    assert refusal('{ allWorkItems(filter: [{colour: "red"}]) { totalCount } }')["status"] == 400


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        ("WorkItem", {"case": "no uuid"}, "case"),
        ("WorkItem", {"case": encode("WorkItem", "0190a5a0-0000-7000-8000-000000000001")}, "case"),
        ("WorkItem", {"caseFamily": ""}, None),
        ("WorkItem", {"id": "x"}, "id"),
        ("WorkItem", {"task": "a b"}, "task"),
        ("WorkItem", {"tasks": ["a", encode("Workflow", "w")]}, "tasks"),
        ("Case", {"ids": ["x"]}, "ids"),
        ("Case", {"rootCase": encode("Case", "x")}, "rootCase"),
        ("Case", {"documentForm": encode("SimpleTask", "x")}, "documentForm"),
        ("Flow", {"task": "a b"}, "task"),
    ],
)
def test_broken_ids_in_filters_are_refused_by_name(kind: str, given: dict[str, Any], field: str | None) -> None:
    make_workflow("w")
    if field is None:
        assert found(kind, given) == []
    else:
        assert refusal(DOCUMENTS[kind], filter=[given])["extensions"] == {"code": "invalid", "field": field}


@pytest.mark.parametrize(
    "given",
    [
        {"search": "a\x00b"},
        {"name": "\ud800"},
        {"metaHasKey": "\x00"},
        {"metaValue": [{"key": "a\x00", "value": 1}]},
        {"metaValue": [{"key": "a", "value": {"b": ["\x00"]}}]},
        {"createdByUser": "\x00"},
        {"slugs": ["a\x00"]},
    ],
)
def test_text_that_no_database_takes_is_refused(given: dict[str, Any]) -> None:
    error = refusal(DOCUMENTS["Task"], filter=[given])
    assert error["extensions"]["code"] == "invalid"


@pytest.mark.parametrize("value", ["yesterday", 5, "2030-99-01"])
def test_an_instant_that_is_none_is_an_error_of_the_variables(value: Any) -> None:
    error = refusal(DOCUMENTS["WorkItem"], filter=[{"createdAt": value}])
    assert error["status"] == 400
    assert "is no date and time" in error["message"]


def test_filters_below_parents_are_the_same() -> None:
    make_case("w", ready=["a", "b"], meta={"colour": "red"})
    document = """query ($filter: [WorkItemFilterSetType]) { allCases { edges { node {
        workItems(filter: $filter, first: 5) { totalCount edges { node { task { slug } } } } } } } }"""
    for given in ({"task": "a"}, {"caseMetaValue": [{"key": "colour", "value": "red"}]}):
        answer = ask(document, filter=[{"task": "b", "invert": True}, given])
        below = nodes(answer["allCases"])[0]["workItems"]
        assert below == {"totalCount": 1, "edges": [{"node": {"task": {"slug": "a"}}}]}


def test_forms_that_do_not_exist_are_no_error() -> None:
    make_form("leave")
    assert Form.objects.count() == 1
    assert found("Case", {"documentForms": [json.dumps("x").strip('"')]}) == []
