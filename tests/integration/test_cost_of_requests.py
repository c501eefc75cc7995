"""What a whole request costs in SQL statements on PostgreSQL, from the document to the payload.

Here the test's transaction is around it: SAVEPOINT and RELEASE stand for BEGIN and COMMIT. The figures are those of
docs/cost.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import CompleteWorkItem, SuspendCase
from caluma_async.workflow.models import Case, WorkItem
from tests.api import ask, gid, statements

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"
ANNA = User("anna", groups=["clerks"])
Request = tuple[str, dict[str, str]]


def _on_case(name: str, case: Case) -> Request:
    return f"mutation($id: ID!) {{ {name}(input: {{id: $id}}) {{ case {{ id status }} }} }}", {"id": gid(case)}


def _on_work_item(name: str, item: WorkItem) -> Request:
    return f"mutation($id: ID!) {{ {name}(input: {{id: $id}}) {{ workItem {{ id status }} }} }}", {"id": gid(item)}


def _save_case(start_tasks: int) -> Request:
    make_workflow("w", start=[f"task-{number}" for number in range(start_tasks)])
    return 'mutation { saveCase(input: {workflow: "w"}) { case { id status } } }', {}


def _with_next() -> WorkItem:
    make_task("b")
    make_workflow("w", start=["a"], flows={"a": "'b'|task"})
    return make_case("w", ready=["a"]).work_items.get()


def _complete_next() -> Request:
    return _on_work_item("completeWorkItem", _with_next())


def _complete_last() -> Request:
    return _on_work_item("completeWorkItem", make_case("w", ready=["a"]).work_items.get())


def _skip() -> Request:
    return _on_work_item("skipWorkItem", _with_next())


def _many(count: int) -> Case:
    return make_case("w", ready=[f"task-{number}" for number in range(count)])


def _suspended(count: int) -> Case:
    return run(SuspendCase(ANNA, id=_many(count).pk))


def _create_work_item() -> Request:
    make_task("many", is_multiple_instance=True)
    case = make_case("w")
    make_work_item(case, "many")
    document = """mutation($id: ID!) { createWorkItem(input: {case: $id, multipleInstanceTask: "many"}) {
        workItem { id status } } }"""
    return document, {"id": gid(case)}


def _redo() -> Request:
    make_task("c")
    make_workflow("w", start=["a"], flows={"a": "'b'|task", "b": "'c'|task"}, redoable={"b": "'a'|task"})
    first = make_case("w", ready=["a"]).work_items.get()
    run(CompleteWorkItem(ANNA, id=first.pk))
    return _on_work_item("redoWorkItem", first)


def _save_work_item() -> Request:
    item = make_case("w", ready=["a"]).work_items.get()
    return (
        'mutation($id: ID!) { saveWorkItem(input: {workItem: $id, name: "x"}) { workItem { id status } } }',
        {"id": gid(item)},
    )


def _list() -> Request:
    for _ in range(10):
        _many(5)
    return (
        "{ allWorkItems(first: 50) { edges { node { id status task { slug } case { id workflow { slug } } } } } }",
        {},
    )


REQUESTS: dict[str, tuple[int, Callable[[], Request]]] = {
    "saveCase, 1 start task": (7, lambda: _save_case(1)),
    "saveCase, 5 start tasks": (7, lambda: _save_case(5)),
    "completeWorkItem, next item created": (9, _complete_next),
    "completeWorkItem, case completed": (7, _complete_last),
    "skipWorkItem, next item created": (9, _skip),
    "cancelCase, 5 work items": (7, lambda: _on_case("cancelCase", _many(5))),
    "cancelCase, 10 work items": (7, lambda: _on_case("cancelCase", _many(10))),
    "suspendCase, 5 work items": (7, lambda: _on_case("suspendCase", _many(5))),
    "suspendCase, 10 work items": (7, lambda: _on_case("suspendCase", _many(10))),
    "resumeCase, 5 work items": (7, lambda: _on_case("resumeCase", _suspended(5))),
    "resumeCase, 10 work items": (7, lambda: _on_case("resumeCase", _suspended(10))),
    "createWorkItem": (6, _create_work_item),
    "redoWorkItem, 1 successor": (8, _redo),
    "cancelWorkItem": (5, lambda: _on_work_item("cancelWorkItem", make_case("w", ready=["a"]).work_items.get())),
    "saveWorkItem": (5, _save_work_item),
    "allWorkItems, first 50 with task, case and workflow": (3, _list),
}
"""By operation: the statements it may take at most."""


def _documented() -> dict[str, int]:
    rows = re.findall(r"^\| (.+?) \| \d+ \| (\d+) \|", PAGE.read_text(), flags=re.MULTILINE)
    return {operation: int(count) for operation, count in rows}


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_request_costs_what_the_documentation_says(operation: str) -> None:
    at_most, make = REQUESTS[operation]
    document, variables = make()
    taken = statements(document, **variables)
    assert taken == _documented()[operation]
    assert taken <= at_most


def test_the_first_request_of_a_process_costs_as_much_as_a_later_one() -> None:
    for workflow in ("first", "second"):
        make_workflow(workflow, start=["a"])
    counts = [
        statements(f'mutation {{ saveCase(input: {{workflow: "{workflow}"}}) {{ case {{ id }} }} }}')
        for workflow in ("first", "second")
    ]
    assert counts[0] == counts[1]
    assert ask("{ allCases { totalCount } }") == {"allCases": {"totalCount": 2}}
