"""Filters, key by key. The same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from caluma_async.graphql.filters.conditions import _conditions
from caluma_async.graphql.filters.meta import JSONLookupMode
from caluma_async.graphql.relay import encode
from caluma_async.graphql.workflow import filters
from caluma_async.testing.factories import (
    make_case,
    make_document,
    make_flow,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.workflow.models import Case, WorkItem
from tests.api import gid, refusal
from tests.integration.filters_stage import (
    ANNA,
    BERT,
    DOCUMENTS,
    FIRST,
    LONG_AGO,
    META,
    MODELS,
    RECORDED,
    SHARED_KEYS,
    SOON,
    found,
    make,
    picks,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("key", RECORDED)
@pytest.mark.parametrize("kind", MODELS)
def test_by_whom_and_when(kind: str, key: str) -> None:
    first, second = make(kind, 1, ANNA), make(kind, 2, BERT)
    MODELS[kind].objects.filter(pk=first.pk).update(created_at=LONG_AGO, modified_at=LONG_AGO)
    MODELS[kind].objects.exclude(pk__in=[first.pk, second.pk]).delete() if kind == "Task" else None
    picks(kind, {key: RECORDED[key]}, first if key in FIRST else second)


def test_before_leaves_the_instant_out_and_after_takes_it_in() -> None:
    case = make_case("w")
    Case.objects.update(created_at=SOON)
    picks("Case", {"createdBefore": SOON.isoformat()})
    picks("Case", {"createdAfter": SOON.isoformat()}, case)
    picks("Case", {"createdBefore": (SOON + timedelta(seconds=1)).isoformat()}, case)


@pytest.mark.parametrize("key", META)
@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "Flow"])
def test_by_meta(kind: str, key: str) -> None:
    make(kind, 1, ANNA, meta={"color": "red"})
    picks(kind, {key: META[key]}, make(kind, 2, ANNA, meta={"colour": "red"}))


VALUES: dict[str, Any] = {
    "null": None,
    "yes": True,
    "no": False,
    "zero": 0,
    "one": 1,
    "half": 0.5,
    "ten": 10,
    "empty": "",
    "red": "red",
    "Red": "Dark Red",
    "ten as text": "10",
    "percent": "100 % _x\\y",
    "umlaut": "grün",
    "numbers": [1, 2],
    "texts": ["red", "blue"],
    "nothing": [],
    "object": {"a": 1, "b": [2, {"c": 3}]},
    "nested": [[1, 2], {"a": 1}],
}
LOOKUPS: list[tuple[str, Any, set[str]]] = [
    # each value is the same as itself and nothing else
    *[("EXACT", value, {name}) for name, value in VALUES.items() if value is not None],
    ("EXACT", 1.0, {"one"}),
    ("EXACT", {"b": [2, {"c": 3}], "a": 1}, {"object"}),
    ("EXACT", {"a": 1}, set()),
    ("EXACT", [2, 1], set()),
    ("STARTSWITH", "Dark", {"Red"}),
    ("STARTSWITH", "dark", set()),
    ("STARTSWITH", "", {"empty", "red", "Red", "ten as text", "percent", "umlaut"}),
    ("STARTSWITH", "100 %", {"percent"}),
    ("STARTSWITH", "10", {"ten as text", "percent"}),
    ("ICONTAINS", "RED", {"red", "Red"}),
    ("ICONTAINS", "%", {"percent"}),
    ("ICONTAINS", "_X\\Y", {"percent"}),
    ("ICONTAINS", "0", {"ten as text", "percent"}),
    ("CONTAINS", "ed", {"red", "Red"}),
    ("CONTAINS", "red", {"red", "texts"}),
    ("CONTAINS", "%", {"percent"}),
    ("CONTAINS", "ü", {"umlaut"}),
    ("CONTAINS", 1, {"numbers"}),
    ("CONTAINS", [2, 1], {"numbers"}),
    ("CONTAINS", [1], {"numbers"}),
    ("CONTAINS", [[1]], {"nested"}),
    ("CONTAINS", {"a": 1}, {"object"}),
    ("CONTAINS", [{"a": 1}], {"nested"}),
    ("CONTAINS", {"b": [{"c": 3}]}, {"object"}),
    ("CONTAINS", True, set()),
    ("IN", ["red", 1, None], {"red", "one", "null"}),
    ("IN", [[1, 2], {"a": 1}], {"numbers"}),
    ("INTERSECTS", ["blue", "green"], {"texts"}),
    ("INTERSECTS", [1, "red"], {"numbers", "texts"}),
    ("INTERSECTS", [{"a": 1}], {"nested"}),
    ("GT", 0.5, {"one", "ten"}),
    ("GTE", 0.5, {"half", "one", "ten"}),
    ("LT", 1, {"zero", "half"}),
    ("LTE", 1, {"zero", "half", "one"}),
    ("GT", "grü", {"red", "umlaut"}),
    ("LTE", "10", {"empty", "ten as text"}),
    ("EXACT", 10**30, set()),
    ("GT", -(10**30), {"zero", "one", "half", "ten"}),
]


@pytest.mark.parametrize(("lookup", "value", "wanted"), LOOKUPS)
def test_values_of_meta_by_every_lookup(lookup: str, value: Any, wanted: set[str]) -> None:
    for name, stored in VALUES.items():
        make_task(name.replace(" ", "-"), meta={"key": stored, "other": "red"})
    make_task("without", meta={})
    given = {"metaValue": [{"key": "key", "value": value, "lookup": lookup}]}
    slugs = [encode("SimpleTask", name.replace(" ", "-")) for name in VALUES if name in wanted]
    assert found("Task", given) == slugs
    assert set(found("Task", {**given, "invert": True})) == set(found("Task")) - set(slugs)


def test_every_lookup_of_the_contract_is_tested() -> None:
    assert {lookup for lookup, _, _ in LOOKUPS} == {mode.name for mode in JSONLookupMode}


@pytest.mark.parametrize("key", ["a.b", "1", 'a"b', "a'b", "ä ö", "%s", "$", "", "a\\b", "key[0]"])
def test_keys_of_meta_are_taken_literally(key: str) -> None:
    make_task("other", meta={"a": {"b": "x"}, "key": ["x"], "x": ["x", "x"]})
    task = make_task("task", meta={key: "x"})
    picks("Task", {"metaValue": [{"key": key, "value": "x"}]}, task)
    if key:
        picks("Task", {"metaHasKey": key}, task)


def test_several_values_of_meta_must_all_be_there() -> None:
    make_task("one", meta={"a": 1})
    both = make_task("both", meta={"a": 1, "b": 2})
    picks("Task", {"metaValue": [{"key": "a", "value": 1}, {"key": "b", "value": 1, "lookup": "GT"}]}, both)


@pytest.mark.parametrize(
    ("lookup", "value", "kind"),
    [
        ("STARTSWITH", 5, "a string"),
        ("ICONTAINS", ["a"], "a string"),
        ("IN", "red", "a list"),
        ("INTERSECTS", {"a": 1}, "a list"),
        ("GT", True, "a number or a string"),
        ("LTE", [1], "a number or a string"),
    ],
)
def test_a_lookup_refuses_values_that_it_cannot_compare(lookup: str, value: Any, kind: str) -> None:
    given = {"metaValue": [{"key": "a", "value": value, "lookup": lookup}]}
    error = refusal(DOCUMENTS["Task"], filter=[given])
    assert error["message"].startswith(f"filter: {lookup} compares with {kind}.")
    assert error["extensions"] == {"code": "invalid", "field": "filter"}


# cases


def test_cases_by_workflow_and_status() -> None:
    running, done = make_case("a"), make_case("b", status="completed")
    canceled = make_case("b", status="canceled")
    picks("Case", {"workflow": "a"}, running)
    picks("Case", {"workflow": encode("Workflow", "b")}, done, canceled)
    picks("Case", {"workflow": "unknown"})
    picks("Case", {"status": ["RUNNING"]}, running)
    picks("Case", {"status": ["RUNNING", "COMPLETED", None]}, running, done)
    picks("Case", {"status": ["SUSPENDED"]})


def test_cases_by_ids_of_any_sort() -> None:
    one, two, three = make_case("a"), make_case("a"), make_case("a")
    picks("Case", {"ids": [str(one.pk), gid(two)]}, one, two)
    picks("Case", {"ids": [three.pk.hex]}, three)
    picks("Case", {"ids": [gid(one), "0190a5a0-0000-7000-8000-000000000001"]}, one)


def test_cases_by_the_form_of_their_document() -> None:
    make_case("a")
    leave = make_case("a", document=make_document("leave"))
    trip = make_case("a", document=make_document("trip"))
    picks("Case", {"documentForm": "leave"}, leave)
    picks("Case", {"documentForm": encode("Form", "trip")}, trip)
    picks("Case", {"documentForms": ["leave", encode("Form", "trip"), "unknown"]}, leave, trip)


def test_cases_by_their_root_and_without_children() -> None:
    root = make_case("a", ready=["t"])
    child = make_case("a", parent_work_item=root.work_items.get())
    other = make_case("a")
    picks("Case", {"rootCase": gid(root)}, root, child)
    picks("Case", {"rootCase": gid(child)})
    picks("Case", {"excludeChildCases": True}, root, other)
    assert len(found("Case", {"excludeChildCases": False})) == 3
    assert len(found("Case", {"excludeChildCases": False, "invert": True})) == 3


# work items


def test_work_items_by_status_task_and_case() -> None:
    first, second = make_case("w"), make_case("w")
    a = make_work_item(first, "a")
    b = make_work_item(first, "b", status="completed")
    c = make_work_item(second, "c", status="redo")
    picks("WorkItem", {"status": "READY"}, a)
    picks("WorkItem", {"status": "COMPLETED"}, b)
    picks("WorkItem", {"status": "REDO"}, c)
    picks("WorkItem", {"status": "SKIPPED"})
    picks("WorkItem", {"task": "a"}, a)
    picks("WorkItem", {"task": encode("SimpleTask", "b")}, b)
    picks("WorkItem", {"tasks": ["a", encode("SimpleTask", "c"), None]}, a, c)
    picks("WorkItem", {"case": gid(second)}, c)
    picks("WorkItem", {"case": str(first.pk)}, a, b)
    picks("WorkItem", {"id": gid(b)}, b)
    picks("WorkItem", {"id": str(c.pk)}, c)


def test_work_items_by_the_family_of_their_case() -> None:
    root = make_case("w")
    parent = make_work_item(root, "a")
    child = make_case("w", parent_work_item=parent)
    below = make_work_item(child, "b")
    make_work_item(make_case("w"), "c")
    picks("WorkItem", {"caseFamily": gid(root)}, parent, below)
    picks("WorkItem", {"caseFamily": gid(child)})


def test_work_items_by_name_as_the_user_reads_it() -> None:
    case = make_case("w")
    review = make_work_item(case, "a", name={"en": "Review", "de": "Prüfung"})
    other = make_work_item(case, "a", name={"en": "Other", "de": ""})
    picks("WorkItem", {"name": "Review"}, review)
    picks("WorkItem", {"name": "review"})
    picks("WorkItem", {"name": "Prüfung"})
    with translation.override("de"):
        picks("WorkItem", {"name": "Prüfung"}, review)
        picks("WorkItem", {"name": "Other"}, other)


def test_work_items_by_instants() -> None:
    case = make_case("w")
    early = make_work_item(case, "a", deadline=LONG_AGO, status="completed")
    late = make_work_item(case, "a", deadline=SOON)
    never = make_work_item(case, "a")
    WorkItem.objects.filter(pk=early.pk).update(created_at=LONG_AGO, modified_at=LONG_AGO, closed_at=LONG_AGO)
    for key in ("createdAt", "closedAt", "modifiedAt", "deadline"):
        picks("WorkItem", {key: "2020-01-01T01:00:00+01:00"}, early)
        picks("WorkItem", {key: "2020-01-01T01:00:00+00:00"})
    picks("WorkItem", {"deadlineBefore": SOON.isoformat()}, early)
    picks("WorkItem", {"deadlineAfter": SOON.isoformat()}, late)
    picks("WorkItem", {"hasDeadline": True}, early, late)
    picks("WorkItem", {"hasDeadline": False}, never)


@pytest.mark.parametrize("key", ["addressedGroups", "controllingGroups", "assignedUsers"])
def test_work_items_by_lists_of_texts(key: str) -> None:
    column = {"addressedGroups": "addressed_groups", "controllingGroups": "controlling_groups"}.get(
        key, "assigned_users"
    )
    case = make_case("w")
    one = make_work_item(case, "a", **{column: ["office", "board"]})
    two = make_work_item(case, "a", **{column: ["office"]})
    three = make_work_item(case, "a", **{column: ['a"b', "100%", "grün"]})
    make_work_item(case, "a", **{column: []})
    picks("WorkItem", {key: ["office"]}, one, two)
    picks("WorkItem", {key: ["board", "elsewhere"]}, one)
    picks("WorkItem", {key: ["offic"]})
    picks("WorkItem", {key: ['a"b']}, three)
    picks("WorkItem", {key: ["grün", None]}, three)


def test_work_items_by_their_case() -> None:
    root = make_case("w", meta={"colour": "red"}, document=make_document("leave"))
    parent = make_work_item(root, "a")
    child = make_case("w", parent_work_item=parent, meta={"colour": "blue"})
    below = make_work_item(child, "b")
    picks("WorkItem", {"caseMetaValue": [{"key": "colour", "value": "red"}]}, parent)
    picks("WorkItem", {"caseMetaValue": [{"key": "colour", "value": "b", "lookup": "STARTSWITH"}]}, below)
    picks("WorkItem", {"rootCaseMetaValue": [{"key": "colour", "value": "red"}]}, parent, below)
    picks("WorkItem", {"caseDocumentForms": ["leave", "trip"]}, parent)


# tasks, workflows, flows


@pytest.mark.parametrize("kind", ["Task", "Workflow"])
def test_definitions_by_slug_text_and_flags(kind: str) -> None:
    one = make(kind, 1, ANNA, name="Review leave", description="Read it all", is_archived=True)
    two = make(kind, 2, ANNA, name={"en": "Decide", "de": "Entscheiden"})
    picks(kind, {"slug": one.pk}, one)
    picks(kind, {"name": "Review leave"}, one)
    picks(kind, {"description": "Read it all"}, one)
    picks(kind, {"isArchived": True}, one)
    picks(kind, {"isArchived": False}, two)
    picks(kind, {"search": "READ rev"}, one)
    picks(kind, {"search": f"leave {one.pk}"}, one)
    picks(kind, {"search": "review decide"})
    picks(kind, {"search": f"{kind.lower()}-"}, one, two)
    picks(kind, {"search": "100%"})
    assert len(found(kind, {"search": "  "})) == 2
    with translation.override("de"):
        picks(kind, {"name": "Entscheiden"}, two)
        picks(kind, {"search": "entsch"}, two)


def test_tasks_by_slugs_and_type() -> None:
    one, two = make_task("one"), make_task("two")
    form = make_task("three", type="complete_workflow_form")
    picks("Task", {"slugs": ["one", encode("SimpleTask", "two"), "unknown"]}, one, two)
    assert found("Task", {"type": "COMPLETE_WORKFLOW_FORM"}) == [gid(form, "CompleteWorkflowFormTask")]
    assert found("Task", {"type": "SIMPLE"}) == [gid(one, "SimpleTask"), gid(two, "SimpleTask")]
    assert found("Task", {"type": "COMPLETE_TASK_FORM"}) == []


def test_workflows_by_being_published() -> None:
    make_workflow("draft")
    picks("Workflow", {"isPublished": True}, make_workflow("published", is_published=True))


def test_flows_by_task() -> None:
    workflow = make_workflow("w")
    shared = make_flow(workflow, ["a", "b"], "'c'|task")
    make_flow(workflow, ["c"], "'a'|task")
    picks("Flow", {"task": "a"}, shared)
    picks("Flow", {"task": encode("SimpleTask", "b")}, shared)
    picks("Flow", {"task": "unknown"})


# in test_graphql_has_answer.py and test_graphql_search_answers.py
BY_ANSWERS = {
    "CaseFilterSetType": {"hasAnswer", "workItemDocumentHasAnswer", "searchAnswers"},
    "WorkItemFilterSetType": {"documentHasAnswer", "caseDocumentHasAnswer", "caseSearchAnswers"},
}

TESTED = {
    "CaseFilterSetType": {
        "workflow", "status", "ids", "documentForm", "documentForms", "rootCase", "excludeChildCases",
        *BY_ANSWERS["CaseFilterSetType"],
    },
    "WorkItemFilterSetType": {
        "status", "task", "tasks", "case", "id", "caseFamily", "name", "createdAt", "closedAt", "modifiedAt",
        "deadline", "deadlineBefore", "deadlineAfter", "hasDeadline", "addressedGroups", "controllingGroups",
        "assignedUsers", "caseMetaValue", "rootCaseMetaValue", "caseDocumentForms",
        *BY_ANSWERS["WorkItemFilterSetType"],
    },
    "TaskFilterSetType": {"slug", "slugs", "name", "description", "type", "isArchived", "search"},
    "WorkflowFilterSetType": {"slug", "name", "description", "isArchived", "isPublished", "search"},
}  # fmt: skip


@pytest.mark.parametrize("kind", [*TESTED, "FlowFilterSetType"])
def test_every_key_means_something_and_is_tested(kind: str) -> None:
    keys = set(_conditions(getattr(filters, kind)))
    assert keys == (SHARED_KEYS | TESTED[kind] if kind in TESTED else {*RECORDED, "task"})
