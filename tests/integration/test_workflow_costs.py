"""How many SQL statements a verb takes on PostgreSQL, BEGIN and COMMIT included: however many work items there are.

Most tests run inside a transaction of their own, where SAVEPOINT and RELEASE stand for BEGIN and COMMIT.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.events import on
from caluma_async.events.receivers import registry
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.verbs import Verb, run
from caluma_async.workflow import (
    CancelCase,
    CancelWorkItem,
    CompleteWorkItem,
    CreateWorkItem,
    RedoWorkItem,
    ReopenCase,
    ResumeCase,
    ResumeWorkItem,
    SaveCase,
    SaveWorkItem,
    SkipWorkItem,
    SuspendCase,
    SuspendWorkItem,
    events,
)
from caluma_async.workflow.models import Case
from tests.integration.workflow_stage import ANNA, item

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

Making = Callable[[int], Verb[Any]]


def save_case(count: int) -> Verb[Any]:
    """`count` start tasks."""
    make_workflow("approval", start=[f"task-{number}" for number in range(count)])
    return SaveCase(ANNA, workflow="approval")


def _case(count: int) -> Case:
    """A case with a ready work item of `a`, which leads to `b`, and `count` others."""
    make_task("b", address_groups="['x']")
    make_workflow("approval", flows={"a": "'b'|task"}, redoable={"b": "'a'|task"})
    return make_case("approval", ready=["a", *(f"task-{number}" for number in range(count))])


def complete(count: int) -> Verb[Any]:
    """The next work item is created."""
    return CompleteWorkItem(ANNA, id=item(_case(count), "a").pk)


def complete_last(count: int) -> Verb[Any]:
    """The case is completed, in which `count` work items have ended."""
    case = make_case("approval", ready=["a"])
    for number in range(count):
        make_work_item(case, f"task-{number}", status="completed")
    return CompleteWorkItem(ANNA, id=item(case, "a").pk)


def complete_join(count: int) -> Verb[Any]:
    """The last of `count` + 1 branches that join."""
    make_task("b")
    others = [f"task-{number}" for number in range(count)]
    make_workflow("approval", flows={("a", *others): "'b'|task"})
    case = make_case("approval", ready=["a"])
    for task in others:
        make_work_item(case, task, status="completed")
    return CompleteWorkItem(ANNA, id=item(case, "a").pk)


def complete_instance(count: int) -> Verb[Any]:
    """The last of `count` + 1 instances, after which `count` instances come."""
    make_task("many", is_multiple_instance=True)
    make_task("b", is_multiple_instance=True, address_groups=str([f"group-{number}" for number in range(count)]))
    make_workflow("approval", flows={"many": "'b'|task"})
    case = make_case("approval", ready=["other"])
    for _ in range(count):
        make_work_item(case, "many", status="completed")
    return CompleteWorkItem(ANNA, id=make_work_item(case, "many").pk)


def skip(count: int) -> Verb[Any]:
    """The next work item is created."""
    return SkipWorkItem(ANNA, id=item(_case(count), "a").pk)


def skip_with_child(count: int) -> Verb[Any]:
    """A child case with `count` work items is canceled."""
    verb = skip(count)
    make_case(
        "child", ready=[f"task-{number}" for number in range(count)], parent_work_item=item(Case.objects.get(), "a")
    )
    return verb


def cancel_case(count: int) -> Verb[Any]:
    """With `count` + 1 work items."""
    return CancelCase(ANNA, id=_case(count).pk)


def suspend_case(count: int) -> Verb[Any]:
    """With `count` + 1 work items."""
    return SuspendCase(ANNA, id=_case(count).pk)


def resume_case(count: int) -> Verb[Any]:
    """With `count` + 1 work items."""
    case = _case(count)
    run(SuspendCase(ANNA, id=case.pk))
    return ResumeCase(ANNA, id=case.pk)


def cancel_family(count: int) -> Verb[Any]:
    """Three levels of cases, `count` on each but the first."""
    root = make_case("root", ready=[f"task-{number}" for number in range(count)])
    for parent in root.work_items.all():
        child = make_case("child", ready=["task-0"], parent_work_item=parent)
        make_case("child", ready=["task-0"], parent_work_item=child.work_items.get())
    return CancelCase(ANNA, id=root.pk)


def reopen_case(count: int) -> Verb[Any]:
    """With `count` work items."""
    case = make_case("approval", status="completed")
    ended = [make_work_item(case, f"task-{number}", status="completed").pk for number in range(count)]
    return ReopenCase(ANNA, id=case.pk, work_items=ended)


def create_work_item(count: int) -> Verb[Any]:
    """Beside `count` others."""
    make_task("many", is_multiple_instance=True, address_groups="info.prev_work_item.addressed_groups")
    case = make_case("approval")
    before = make_work_item(case, "before", status="completed", addressed_groups=["x"])
    for _ in range(count):
        make_work_item(case, "many", previous_work_item=before)
    return CreateWorkItem(ANNA, case=case.pk, multiple_instance_task="many")


def redo(count: int) -> Verb[Any]:
    """With `count` successors."""
    case = _case(1)
    previous = item(case, "a")
    run(CompleteWorkItem(ANNA, id=previous.pk))
    for number in range(count - 1):
        make_work_item(case, f"successor-{number}", status="completed", previous_work_item=item(case, "b"))
    return RedoWorkItem(ANNA, id=previous.pk)


def cancel_work_item(count: int) -> Verb[Any]:
    """Beside `count` others."""
    return CancelWorkItem(ANNA, id=item(_case(count), "a").pk)


def suspend_work_item(count: int) -> Verb[Any]:
    """Beside `count` others."""
    return SuspendWorkItem(ANNA, id=item(_case(count), "a").pk)


def resume_work_item(count: int) -> Verb[Any]:
    """Beside `count` others."""
    verb = suspend_work_item(count)
    return ResumeWorkItem(ANNA, id=run(verb).pk)


def save_work_item(count: int) -> Verb[Any]:
    """Beside `count` others."""
    return SaveWorkItem(ANNA, work_item=item(_case(count), "a").pk, name="x", meta={"a": 1})


PINNED: dict[Making, int] = {
    save_case: 6,
    complete: 7,
    complete_last: 6,
    complete_join: 8,
    complete_instance: 8,
    skip: 7,
    skip_with_child: 10,
    cancel_case: 6,
    suspend_case: 6,
    resume_case: 6,
    cancel_family: 8,
    reopen_case: 7,
    create_work_item: 5,
    redo: 7,
    cancel_work_item: 5,
    suspend_work_item: 5,
    resume_work_item: 5,
    save_work_item: 5,
}


@pytest.mark.parametrize("count", [1, 5, 30])
@pytest.mark.parametrize("making", PINNED, ids=lambda making: making.__name__)
def test_statements_of_a_verb(making: Making, count: int) -> None:
    verb = making(count)
    with CaptureQueriesContext(connection) as captured:
        run(verb)
    assert len(captured) == PINNED[making], [query["sql"] for query in captured]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("making", [save_case, complete, complete_last, cancel_case], ids=lambda each: each.__name__)
def test_begin_and_commit_are_among_them(making: Making) -> None:
    verb = making(2)
    with CaptureQueriesContext(connection) as captured:
        run(verb)
    statements = [query["sql"] for query in captured]
    assert (statements[0], statements[-1], len(statements)) == ("BEGIN", "COMMIT", PINNED[making])


@pytest.mark.parametrize("making", PINNED, ids=lambda making: making.__name__)
def test_what_a_verb_returns_is_what_was_written(making: Making) -> None:
    returned = run(making(3))
    stored = type(returned).objects.get(pk=returned.pk)
    names = [field.attname for field in returned._meta.concrete_fields]
    assert {name: getattr(returned, name) for name in names} == {name: getattr(stored, name) for name in names}


def test_receivers_that_are_not_called_cost_nothing() -> None:
    verb = cancel_case(5)
    with registry.isolated(), CaptureQueriesContext(connection) as captured:

        @on(events.post_cancel_work_item, sender=CompleteWorkItem)
        def never(**kwargs: Any) -> None:
            """Nothing."""

        run(verb)
    assert len(captured) == PINNED[cancel_case]
