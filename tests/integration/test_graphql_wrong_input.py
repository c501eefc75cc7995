"""Wrong input to mutations: a clear error that names the field, and nothing changed."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from caluma_async.form.models import Document, Form
from caluma_async.graphql.relay import encode
from caluma_async.testing.factories import make_case, make_form, make_task, make_work_item, make_workflow
from caluma_async.workflow.models import Case, Flow, Task, TaskFlow, Workflow, WorkItem
from tests.api import refusal

pytestmark = pytest.mark.django_db

NOWHERE = str(uuid.UUID("0190a5a0-0000-7000-8000-000000000001"))
CASE, ITEM = "the case", "the work item"

TASK = {"slug": "new", "name": "New"}
WORKFLOW = {"slug": "new", "name": "New", "startTasks": ["review"]}
FLOW = {"workflow": "approval", "tasks": ["review"], "next": "'decide'|task"}

WRONG: list[tuple[str, dict[str, Any], str, str | None]] = [
    # mutation, input, code, field
    ("saveSimpleTask", {**TASK, "slug": "a b"}, "invalid", "slug"),
    ("saveSimpleTask", {**TASK, "slug": ""}, "invalid", "slug"),
    ("saveSimpleTask", {**TASK, "slug": "x" * 128}, "invalid", "slug"),
    ("saveSimpleTask", {**TASK, "meta": "{"}, "invalid", "meta"),
    ("saveSimpleTask", {**TASK, "meta": "[1]"}, "invalid", "meta"),
    ("saveSimpleTask", {**TASK, "meta": '"text"'}, "invalid", "meta"),
    ("saveSimpleTask", {**TASK, "meta": 5}, "invalid", "meta"),
    ("saveSimpleTask", {**TASK, "meta": '{"a": NaN}'}, "invalid", "meta"),
    ("saveSimpleTask", {**TASK, "meta": '{"a": "\\u0000"}'}, "invalid", "meta"),
    ("saveSimpleTask", {**TASK, "name": "\x00"}, "invalid", "name"),
    ("saveSimpleTask", {**TASK, "name": "\ud800"}, "invalid", "name"),
    ("saveSimpleTask", {**TASK, "addressGroups": "'a'|"}, "invalid", "addressGroups"),
    ("saveSimpleTask", {**TASK, "addressGroups": "'a'|nothing"}, "invalid", "addressGroups"),
    ("saveSimpleTask", {**TASK, "controlGroups": "["}, "invalid", "controlGroups"),
    ("saveSimpleTask", {**TASK, "leadTime": -1}, "invalid", "leadTime"),
    ("saveCompleteTaskFormTask", {**TASK, "form": "unknown"}, "invalid", "form"),
    ("saveCompleteTaskFormTask", {**TASK, "form": encode("SimpleTask", "review")}, "invalid", "form"),
    ("saveCompleteTaskFormTask", {**TASK, "form": "a b"}, "invalid", "form"),
    ("saveWorkflow", {**WORKFLOW, "startTasks": ["unknown"]}, "invalid", "startTasks"),
    ("saveWorkflow", {**WORKFLOW, "startTasks": []}, "invalid", "startTasks"),
    ("saveWorkflow", {**WORKFLOW, "startTasks": ["review", None]}, "invalid", "startTasks"),
    ("saveWorkflow", {**WORKFLOW, "startTasks": [encode("Form", "leave")]}, "invalid", "startTasks"),
    ("saveWorkflow", {**WORKFLOW, "allowForms": ["unknown"]}, "invalid", "allowForms"),
    ("saveWorkflow", {**WORKFLOW, "meta": "no"}, "invalid", "meta"),
    ("addWorkflowFlow", {**FLOW, "next": "'nowhere'|task"}, "invalid", "next"),
    ("addWorkflowFlow", {**FLOW, "next": "'decide'|"}, "invalid", "next"),
    ("addWorkflowFlow", {**FLOW, "next": "'decide'|unknown"}, "invalid", "next"),
    ("addWorkflowFlow", {**FLOW, "next": ""}, "invalid", "next"),
    ("addWorkflowFlow", {**FLOW, "redoable": "'nowhere'|task"}, "invalid", "redoable"),
    ("addWorkflowFlow", {**FLOW, "tasks": ["unknown"]}, "invalid", "tasks"),
    ("addWorkflowFlow", {**FLOW, "tasks": []}, "invalid", "tasks"),
    ("addWorkflowFlow", {**FLOW, "tasks": [None]}, "invalid", "tasks"),
    ("addWorkflowFlow", {**FLOW, "workflow": "unknown"}, "not_found", "workflow"),
    ("addWorkflowFlow", {**FLOW, "workflow": encode("Case", NOWHERE)}, "invalid", "workflow"),
    ("removeFlow", {"flow": NOWHERE}, "not_found", "flow"),
    ("removeFlow", {"flow": "nonsense"}, "invalid", "flow"),
    ("saveForm", {**TASK, "slug": "a b"}, "invalid", "slug"),
    ("saveForm", {**TASK, "meta": "[]"}, "invalid", "meta"),
    ("saveCase", {"workflow": "unknown"}, "not_found", "workflow"),
    ("saveCase", {"workflow": "a b"}, "invalid", "workflow"),
    ("saveCase", {"workflow": "approval", "form": "unknown"}, "not_found", "form"),
    ("saveCase", {"workflow": "approval", "form": "leave"}, "refused", None),
    ("saveCase", {"workflow": "approval", "meta": "[1]"}, "invalid", "meta"),
    ("saveCase", {"workflow": "approval", "meta": "{]"}, "invalid", "meta"),
    ("saveCase", {"workflow": "approval", "context": "{]"}, "invalid", "context"),
    ("saveCase", {"workflow": "approval", "id": "nonsense"}, "invalid", "id"),
    ("saveCase", {"workflow": "approval", "id": encode("WorkItem", NOWHERE)}, "invalid", "id"),
    ("saveCase", {"workflow": "approval", "parentWorkItem": NOWHERE}, "not_found", "parentWorkItem"),
    ("saveCase", {"workflow": "approval", "parentWorkItem": "x"}, "invalid", "parentWorkItem"),
    ("startCase", {"workflow": "unknown"}, "not_found", "workflow"),
    ("cancelCase", {"id": NOWHERE}, "not_found", "id"),
    ("cancelCase", {"id": ""}, "invalid", "id"),
    ("suspendCase", {"id": encode("Case", "x")}, "invalid", "id"),
    ("resumeCase", {"id": CASE}, "refused", None),
    ("reopenCase", {"id": CASE, "workItems": [ITEM]}, "refused", None),
    ("reopenCase", {"id": CASE, "workItems": [None]}, "invalid", "workItems"),
    ("reopenCase", {"id": CASE, "workItems": ["x"]}, "invalid", "workItems"),
    ("reopenCase", {"id": CASE, "workItems": []}, "invalid", "workItems"),
    ("completeWorkItem", {"id": NOWHERE}, "not_found", "id"),
    ("completeWorkItem", {"id": "x"}, "invalid", "id"),
    ("completeWorkItem", {"id": encode("Case", NOWHERE)}, "invalid", "id"),
    ("completeWorkItem", {"id": ITEM, "context": "no"}, "invalid", "context"),
    ("skipWorkItem", {"id": NOWHERE}, "not_found", "id"),
    ("cancelWorkItem", {"id": NOWHERE}, "not_found", "id"),
    ("suspendWorkItem", {"id": NOWHERE}, "not_found", "id"),
    ("resumeWorkItem", {"id": ITEM}, "refused", None),
    ("redoWorkItem", {"id": ITEM}, "refused", None),
    ("saveWorkItem", {"workItem": NOWHERE}, "not_found", "workItem"),
    ("saveWorkItem", {"workItem": "x"}, "invalid", "workItem"),
    ("saveWorkItem", {"workItem": ITEM, "meta": "[1]"}, "invalid", "meta"),
    ("saveWorkItem", {"workItem": ITEM, "assignedUsers": ["anna", None]}, "invalid", "assignedUsers"),
    ("saveWorkItem", {"workItem": ITEM, "assignedUsers": ["\x00"]}, "invalid", "assignedUsers"),
    ("saveWorkItem", {"workItem": ITEM, "description": "\x00"}, "invalid", "description"),
    ("createWorkItem", {"case": CASE, "multipleInstanceTask": "review"}, "refused", None),
    ("createWorkItem", {"case": CASE, "multipleInstanceTask": "unknown"}, "not_found", "multipleInstanceTask"),
    ("createWorkItem", {"case": NOWHERE, "multipleInstanceTask": "review"}, "not_found", "case"),
    ("createWorkItem", {"case": "x", "multipleInstanceTask": "review"}, "invalid", "case"),
]  # fmt: skip

MISFITS: list[tuple[str, dict[str, Any]]] = [
    # what the schema itself refuses
    ("saveSimpleTask", {"slug": "new"}),
    ("saveSimpleTask", {**TASK, "slug": None}),
    ("saveSimpleTask", {**TASK, "name": None}),
    ("saveSimpleTask", {**TASK, "colour": "red"}),
    ("saveSimpleTask", {**TASK, "leadTime": "long"}),
    ("saveSimpleTask", {**TASK, "leadTime": 2**40}),
    ("saveSimpleTask", {**TASK, "addressGroups": ["a"]}),
    ("saveWorkflow", {**WORKFLOW, "startTasks": None}),
    ("addWorkflowFlow", {**FLOW, "next": None}),
    ("saveCase", {}),
    ("completeWorkItem", {"id": None}),
    ("saveWorkItem", {"workItem": ITEM, "deadline": "tomorrow"}),
    ("saveWorkItem", {"workItem": ITEM, "name": 5}),
]


@pytest.fixture
def world() -> dict[str, str]:
    """A running case, and what the inputs of the tables refer to."""
    make_form("leave")
    make_task("review")
    make_task("decide")
    make_workflow("approval", start=["review"], flows={"review": "'decide'|task"})
    case = make_case("approval")
    return {CASE: str(case.pk), ITEM: str(make_work_item(case, "review").pk)}


def everything() -> list[Any]:
    """All rows."""
    models = (Task, Workflow, Flow, TaskFlow, Case, WorkItem, Form, Document)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def named(value: Any, world: dict[str, str]) -> Any:
    """The input with the ids of objects that are there."""
    if isinstance(value, dict):
        return {key: named(item, world) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item, world) for item in value]
    return world.get(value, value) if isinstance(value, str) else value


def refused(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The error, after which everything is as it was."""
    kind = name[0].upper() + name[1:]
    before = everything()
    document = f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ clientMutationId }} }}"
    error = refusal(document, input=given)
    assert everything() == before
    return error


@pytest.mark.parametrize(("name", "given", "code", "field"), WRONG)
def test_wrong_input_is_refused_by_name(
    name: str, given: dict[str, Any], code: str, field: str | None, world: dict[str, str]
) -> None:
    error = refused(name, named(given, world))
    assert error["status"] == 200
    assert error["path"] == [name]
    assert error["extensions"]["code"] == code
    assert error["extensions"].get("field") == field
    assert ("code='invalid'" in error["message"]) is (code == "invalid")


@pytest.mark.parametrize(("name", "given"), MISFITS)
def test_what_does_not_fit_the_schema_never_reaches_a_verb(
    name: str, given: dict[str, Any], world: dict[str, str]
) -> None:
    assert refused(name, named(given, world))["status"] == 400


@pytest.mark.parametrize("number", ["1e400", "-1e400"])
def test_a_number_that_no_json_holds_is_refused_where_it_stands(number: str) -> None:
    error = refusal(f'{{ allCases(filter: [{{metaValue: [{{key: "a", value: {number}}}]}}]) {{ totalCount }} }}')
    assert error["message"].startswith("filter: metaValue must be JSON")
    assert error["extensions"] == {"code": "invalid", "field": "filter"}


def test_a_key_to_sort_by_that_no_database_takes_is_refused_where_it_stands() -> None:
    document = "query ($key: String) { allCases(order: [{meta: $key}]) { edges { cursor } } }"
    error = refusal(document, key="\x00")
    assert error["message"].startswith("order: meta contains a character")
    assert error["extensions"] == {"code": "invalid", "field": "order"}
