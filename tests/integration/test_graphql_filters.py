"""Filters, key by key, and how a list of them works together. The same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import translation

from caluma_async.form.models import Form
from caluma_async.graphql.filters.conditions import _conditions
from caluma_async.graphql.filters.meta import JSONLookupMode
from caluma_async.graphql.relay import encode
from caluma_async.graphql.workflow import filters
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_case,
    make_document,
    make_flow,
    make_form,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.workflow.models import Case, Flow, Task, Workflow, WorkItem
from tests.api import ask, gid, nodes, refusal

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SOON = datetime(2030, 1, 1, tzinfo=UTC)

ANNA, BERT = User("anna", group="office"), User("bert", group="board")

DOCUMENTS = {
    kind: f"query ($filter: [{kind}FilterSetType]) {{ found: all{kind}s(filter: $filter) "
    "{ edges { node { id } } } }"
    for kind in ("Case", "WorkItem", "Task", "Workflow")
}
DOCUMENTS["Flow"] = """query ($filter: [FlowFilterSetType]) { allWorkflows { edges { node {
    found: flows(filter: $filter) { edges { node { id } } } } } } }"""

RECORDED: dict[str, Any] = {
    "createdByUser": "bert",
    "createdByGroup": "board",
    "modifiedByUser": "bert",
    "modifiedByGroup": "board",
    "createdBefore": "2021-01-01T00:00:00Z",
    "createdAfter": "2025-01-01T00:00:00Z",
    "modifiedBefore": "2021-01-01T00:00:00Z",
    "modifiedAfter": "2025-01-01T00:00:00Z",
}
META: dict[str, Any] = {"metaHasKey": "colour", "metaValue": [{"key": "colour", "value": "red"}]}
SHARED_KEYS = {*RECORDED, *META}
FIRST = {"createdBefore", "modifiedBefore"}


def found(kind: str, *given: Any) -> list[str]:
    """The ids that the filters leave, in order."""
    answer = ask(DOCUMENTS[kind], filter=list(given))
    if kind == "Flow":
        return [node["id"] for workflow in nodes(answer["allWorkflows"]) for node in nodes(workflow["found"])]
    return [node["id"] for node in nodes(answer["found"])]


def picks(kind: str, given: dict[str, Any], *wanted: Any) -> None:
    """The filter leaves these objects; turned round, all others."""
    ids = [gid(one, "SimpleTask" if kind == "Task" else None) for one in wanted]
    everything = found(kind)
    assert found(kind, given) == ids
    assert found(kind, {**given, "invert": False}) == ids
    assert found(kind, {**given, "invert": True}) == [one for one in everything if one not in ids]


def make(kind: str, number: int, user: User, **fields: Any) -> Any:
    """An object of that type."""
    if kind == "Case":
        return make_case("w", user=user, **fields)
    if kind == "WorkItem":
        return make_work_item(Case.objects.first() or make_case("w"), "t", user=user, **fields)
    if kind == "Task":
        return make_task(f"task-{number}", user=user, **fields)
    if kind == "Workflow":
        return make_workflow(f"workflow-{number}", user=user, **fields)
    return make_flow(Workflow.objects.first() or make_workflow("w"), [f"task-{number}"], "''", user=user)


MODELS: dict[str, Any] = {"Case": Case, "WorkItem": WorkItem, "Task": Task, "Workflow": Workflow, "Flow": Flow}


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


# together

TESTED = {
    "CaseFilterSetType": {
        "workflow", "status", "ids", "documentForm", "documentForms", "rootCase", "excludeChildCases",
    },
    "WorkItemFilterSetType": {
        "status", "task", "tasks", "case", "id", "caseFamily", "name", "createdAt", "closedAt", "modifiedAt",
        "deadline", "deadlineBefore", "deadlineAfter", "hasDeadline", "addressedGroups", "controllingGroups",
        "assignedUsers", "caseMetaValue", "rootCaseMetaValue", "caseDocumentForms",
    },
    "TaskFilterSetType": {"slug", "slugs", "name", "description", "type", "isArchived", "search"},
    "WorkflowFilterSetType": {"slug", "name", "description", "isArchived", "isPublished", "search"},
}  # fmt: skip


@pytest.mark.parametrize("kind", [*TESTED, "FlowFilterSetType"])
def test_every_key_means_something_and_is_tested(kind: str) -> None:
    keys = set(_conditions(getattr(filters, kind)))
    assert keys == (SHARED_KEYS | TESTED[kind] if kind in TESTED else {*RECORDED, "task"})


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
