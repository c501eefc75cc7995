"""The order of connections, attribute by attribute. The same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import pytest
from django.utils import translation

from caluma_async.graphql.relay import encode
from caluma_async.graphql.workflow import enums
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_flow,
    make_form,
    make_question,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.workflow.models import Case, Flow, Task, Workflow, WorkItem
from tests.api import ask, nodes, refusal

pytestmark = pytest.mark.django_db

DOCUMENTS = {
    kind: f"query ($order: [{kind}OrderSetType]) {{ all{kind}s(order: $order) {{ edges {{ node {{ {key} }} }} }} }}"
    for kind, key in {"Case": "meta", "WorkItem": "meta", "Task": "slug", "Workflow": "slug"}.items()
}
DOCUMENTS["Flow"] = """query ($order: [FlowOrderSetType]) { allWorkflows { edges { node {
    flows(order: $order) { edges { node { next } } } } } } }"""


def ordered(kind: str, *order: dict[str, Any] | None) -> str:
    """The names of the objects, in order: of cases and work items in `meta`."""
    answer = next(iter(ask(DOCUMENTS[kind], order=list(order)).values()))
    found = nodes(nodes(answer)[0]["flows"]) if kind == "Flow" else nodes(answer)
    names = [next(iter(node.values())) for node in found]
    return "".join(name["name"] if isinstance(name, dict) else name for name in names)


def both_ways(kind: str, order: dict[str, Any], up: str, down: str | None = None) -> None:
    """Sorted so going up, which is the default, and the other way round going down."""
    assert ordered(kind, order) == up
    assert ordered(kind, {**order, "direction": "ASC"}) == up
    assert ordered(kind, {**order, "direction": "DESC"}) == (down or up[::-1])


def dated(model: Any, **places: Any) -> None:
    """Give the objects, in the order in which they were made, these values."""
    for column, values in places.items():
        for pk, value in zip(model.objects.order_by("created_at").values_list("pk", flat=True), values, strict=True):
            model.objects.filter(pk=pk).update(**{column: value})


YEARS = [datetime(year, 1, 1, tzinfo=UTC) for year in (2022, 2020, 2021)]

TESTED: dict[type[Enum], set[str]] = {
    enums.SortableCaseAttributes: {"CREATED_AT", "MODIFIED_AT", "STATUS", "DOCUMENT__FORM__NAME"},
    enums.SortableWorkItemAttributes: {
        "CREATED_AT", "MODIFIED_AT", "CLOSED_AT", "DESCRIPTION", "NAME", "DEADLINE", "STATUS", "SLUG",
        "CASE__DOCUMENT__FORM__NAME",
    },
    enums.SortableTaskAttributes: {
        "CREATED_AT", "MODIFIED_AT", "LEAD_TIME", "TYPE", "DESCRIPTION", "IS_ARCHIVED", "NAME", "SLUG",
    },
    enums.SortableWorkflowAttributes: {
        "CREATED_AT", "MODIFIED_AT", "ALLOW_ALL_FORMS", "DESCRIPTION", "IS_ARCHIVED", "IS_PUBLISHED", "NAME", "SLUG",
    },
    enums.SortableFlowAttributes: {"CREATED_AT", "MODIFIED_AT", "TASK"},
}  # fmt: skip


@pytest.mark.parametrize("kind", TESTED)
def test_every_attribute_is_tested(kind: type[Enum]) -> None:
    assert set(kind.__members__) == TESTED[kind]


def test_cases() -> None:
    forms = [make_form("x", name={"en": "Zoo", "de": "Aal"}), make_form("y", name="Bee")]
    for name, status, form in (("a", "suspended", forms[0]), ("b", "canceled", forms[1]), ("c", "running", None)):
        make_case("w", meta={"name": name}, status=status, document=make_document(form) if form else None)
    both_ways("Case", {"attribute": "CREATED_AT"}, "abc")
    both_ways("Case", {"attribute": "STATUS"}, "bca")
    both_ways("Case", {"attribute": "DOCUMENT__FORM__NAME"}, "bac", "cab")
    with translation.override("de"):
        both_ways("Case", {"attribute": "DOCUMENT__FORM__NAME"}, "abc", "cba")
    dated(Case, modified_at=YEARS)
    both_ways("Case", {"attribute": "MODIFIED_AT"}, "bca")


def test_work_items() -> None:
    cases = [make_case("w", document=make_document(make_form(slug))) for slug in ("m", "k", "l")]
    for name, slug, status, case in zip("abc", ("t3", "t1", "t2"), ("redo", "canceled", "ready"), cases, strict=True):
        text = {"a": "y", "b": None, "c": "x"}[name]
        make_work_item(case, slug, meta={"name": name}, status=status, name=slug, description={"en": text})
    dated(WorkItem, deadline=[YEARS[0], None, YEARS[1]])
    for attribute in ("SLUG", "NAME"):
        both_ways("WorkItem", {"attribute": attribute}, "bca")
    both_ways("WorkItem", {"attribute": "STATUS"}, "bca")
    both_ways("WorkItem", {"attribute": "CASE__DOCUMENT__FORM__NAME"}, "bca")
    for attribute in ("DESCRIPTION", "DEADLINE"):
        both_ways("WorkItem", {"attribute": attribute}, "cab", "bac")
    dated(WorkItem, modified_at=YEARS, closed_at=YEARS)
    for attribute in ("MODIFIED_AT", "CLOSED_AT"):
        both_ways("WorkItem", {"attribute": attribute}, "bca")
    both_ways("WorkItem", {"attribute": "CREATED_AT"}, "abc")
    dated(WorkItem, created_at=YEARS)
    both_ways("WorkItem", {"attribute": "CREATED_AT"}, "bca")


def test_tasks() -> None:
    make_task("b", name="2", description="3", lead_time=10, is_archived=True)
    make_task("c", name="3", description="1", type="complete_workflow_form", lead_time=9, form="f")
    make_task("a", name="1", description="2", type="complete_task_form", form="f")
    both_ways("Task", {"attribute": "SLUG"}, "abc")
    both_ways("Task", {"attribute": "NAME"}, "abc")
    both_ways("Task", {"attribute": "DESCRIPTION"}, "cab")
    both_ways("Task", {"attribute": "TYPE"}, "acb")
    both_ways("Task", {"attribute": "LEAD_TIME"}, "cba", "abc")
    both_ways("Task", {"attribute": "IS_ARCHIVED"}, "cab", "bca")
    dated(Task, modified_at=YEARS)
    both_ways("Task", {"attribute": "MODIFIED_AT"}, "cab")
    both_ways("Task", {"attribute": "CREATED_AT"}, "bca")


def test_workflows() -> None:
    make_workflow("b", name="2", description="3", is_archived=True, is_published=True, allow_all_forms=True)
    make_workflow("c", name="3", description="1")
    make_workflow("a", name="1", description="2")
    both_ways("Workflow", {"attribute": "SLUG"}, "abc")
    both_ways("Workflow", {"attribute": "NAME"}, "abc")
    both_ways("Workflow", {"attribute": "DESCRIPTION"}, "cab")
    for attribute in ("IS_ARCHIVED", "IS_PUBLISHED", "ALLOW_ALL_FORMS"):
        both_ways("Workflow", {"attribute": attribute}, "cab", "bca")
    dated(Workflow, modified_at=YEARS)
    both_ways("Workflow", {"attribute": "MODIFIED_AT"}, "cab")
    both_ways("Workflow", {"attribute": "CREATED_AT"}, "bca")


def test_flows() -> None:
    workflow = make_workflow("w")
    for name, tasks in (("a", ["z", "m"]), ("b", ["k"]), ("c", ["l", "y"])):
        make_flow(workflow, tasks, name)
    both_ways("Flow", {"attribute": "TASK"}, "bca")
    both_ways("Flow", {"attribute": "CREATED_AT"}, "abc")
    dated(Flow, modified_at=YEARS)
    both_ways("Flow", {"attribute": "MODIFIED_AT"}, "bca")
    assert ordered("Flow", {"meta": "colour"}) == "abc"


@pytest.mark.parametrize(
    ("values", "up", "down"),
    [
        ([3, 1, 20], "bac", "cab"),
        ([0.5, -1, 0.25], "bca", "acb"),
        (["x", "a", "b"], "bca", "acb"),
        ([1, None, 0], "cab", "bac"),
        (["2030-01-01", "2020-01-01", "2025-01-01"], "bca", "acb"),
        ([True, False, True], "bac", "acb"),
    ],
)
def test_by_a_key_of_meta(values: Sequence[Any], up: str, down: str) -> None:
    for name, value in zip("abc", values, strict=True):
        make_case("w", meta={"name": name, "k.1": value})
    both_ways("Case", {"meta": "k.1"}, up, down)


def test_what_has_no_such_key_comes_last_going_up_and_first_going_down() -> None:
    make_case("w", meta={"name": "a"})
    make_case("w", meta={"name": "b", "k": 1})
    make_case("w", meta={"name": "c", "k": None})
    both_ways("Case", {"meta": "k"}, "bac", "acb")


def test_work_items_by_a_key_of_their_cases_meta() -> None:
    for name, value in zip("abc", (2, 3, 1), strict=True):
        make_work_item(make_case("w", meta={"k": value}), "t", meta={"name": name})
    both_ways("WorkItem", {"caseMeta": "k"}, "cab")


@pytest.mark.parametrize("values", [[10, 9, 1.5], ["c", "b", "a"]])
def test_by_the_answer_in_a_document(values: Sequence[Any]) -> None:
    question = make_question("q", form="f")
    for name, value in zip("abc", values, strict=True):
        case = make_case("w", meta={"name": name}, document=make_document("f", answers={"q": value}))
        make_work_item(case, "t", meta={"name": name}, document=make_document("f", answers={"q": value}))
    make_case("w", meta={"name": "d"}, document=make_document("f", answers={"q": None}))
    make_case("w", meta={"name": "e"}, document=make_document("f", answers={"q": ["list"]}))
    make_case("w", meta={"name": "f"})
    both_ways("Case", {"documentAnswer": question.slug}, "cbadef", "defabc")
    both_ways("WorkItem", {"documentAnswer": "q"}, "cba")
    both_ways("WorkItem", {"caseDocumentAnswer": "q"}, "cba")
    assert ordered("Case", {"documentAnswer": "unknown"}) == "abcdef"


def test_by_the_answer_that_is_a_date() -> None:
    make_question("q", form="f", type="date")
    for name, day in (("a", 3), ("b", 1), ("c", 2)):
        document = make_document("f")
        make_answer(document, "q", date=date(2030, 1, day))
        make_case("w", meta={"name": name}, document=document)
    both_ways("Case", {"documentAnswer": "q"}, "bca")


def test_several_orders_are_applied_one_after_the_other() -> None:
    for name, status, key in (("a", "running", 2), ("b", "canceled", 1), ("c", "running", 1)):
        make_case("w", meta={"name": name, "k": key}, status=status)
    assert ordered("Case", {"meta": "k"}, {"attribute": "STATUS", "direction": "DESC"}) == "cba"
    assert ordered("Case", {"meta": "k", "direction": "DESC"}, {}, None, {"attribute": "STATUS"}) == "abc"


def test_what_is_equal_stands_in_the_order_of_its_age() -> None:
    for name in "abc":
        make_case("w", meta={"name": name})
    both_ways("Case", {"attribute": "STATUS"}, "abc", "abc")


@pytest.mark.parametrize("order", [None, {}, {"direction": "DESC"}, {"meta": ""}, {"attribute": None}])
def test_an_empty_order_changes_nothing(order: Any) -> None:
    for name in "abc":
        make_case("w", meta={"name": name})
    assert ordered("Case", order) == "abc"


def test_a_single_order_needs_no_list() -> None:
    make_case("w", ready=["a", "b"])
    document = "{ allWorkItems(order: {attribute: SLUG, direction: DESC}) { edges { node { task { slug } } } } }"
    assert nodes(ask(document)["allWorkItems"]) == [{"task": {"slug": "b"}}, {"task": {"slug": "a"}}]


def test_pages_below_parents_follow_the_order() -> None:
    for _ in range(2):
        make_case("w", ready=["b", "c", "a"])
    document = """query ($order: [WorkItemOrderSetType], $first: Int, $last: Int) { allCases { edges { node {
        workItems(order: $order, first: $first, last: $last) { edges { node { task { slug } } } } } } } }"""
    for order in ({"attribute": "NAME", "direction": "DESC"}, {"attribute": "SLUG", "direction": "DESC"}):
        for page, tasks in (({"first": 2}, "cb"), ({"last": 2}, "ba")):
            for case in nodes(ask(document, order=[order], **page)["allCases"]):
                assert "".join(node["task"]["slug"] for node in nodes(case["workItems"])) == tasks


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"meta": "a", "attribute": "STATUS"}, "order"),
        ({"documentAnswer": "a b"}, "order"),
        ({"documentAnswer": encode("Case", "x")}, "order"),
        ({"meta": "\x00"}, None),
    ],
)
def test_orders_that_make_no_sense_are_refused(order: dict[str, Any], field: str | None) -> None:
    extensions = refusal(DOCUMENTS["Case"], order=[order])["extensions"]
    assert extensions["code"] == "invalid"
    if field:
        assert extensions["field"] == field


def test_too_many_orders_are_refused() -> None:
    assert ordered("Case", *[{"meta": str(key)} for key in range(20)]) == ""
    assert "20 at most" in refusal(DOCUMENTS["Case"], order=[{"meta": str(key)} for key in range(21)])["message"]


def test_an_unknown_attribute_is_an_error_of_the_schema() -> None:
    assert refusal(DOCUMENTS["Case"], order=[{"attribute": "COLOUR"}])["status"] == 400
