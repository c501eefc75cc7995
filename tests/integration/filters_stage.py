"""What tests of filters share: objects of every type, a query for each, and what a filter leaves of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_flow, make_task, make_work_item, make_workflow
from caluma_async.workflow.models import Case, Flow, Task, Workflow, WorkItem
from tests.api import ask, gid, nodes

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
