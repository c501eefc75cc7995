"""The verbs that save workflows and the flows in them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.db.models import Model, QuerySet
from django.test.utils import CaptureQueriesContext

from caluma_async.access import Trusted
from caluma_async.errors import InvalidExpression, InvalidInput, NotFound
from caluma_async.identity import User
from caluma_async.testing.factories import make_flow, make_form, make_task, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow.design_api import (
    aadd_workflow_flow,
    add_workflow_flow,
    aremove_flow,
    asave_workflow,
    remove_flow,
    save_workflow,
)
from caluma_async.workflow.dynamic import BaseDynamicTasks, register_dynamic_task
from caluma_async.workflow.models import Flow, Task, TaskFlow, Workflow
from caluma_async.workflow.verbs.design import AddWorkflowFlow, RemoveFlow, SaveWorkflow

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])
BEN = User("ben")


class Dynamic(BaseDynamicTasks):
    """One dynamic task."""

    @register_dynamic_task("whoever-is-next")
    def whoever_is_next(self, case: Any, user: Any, prev_work_item: Any, context: Any) -> str:
        return "a"


@pytest.fixture
def tasks() -> None:
    for slug in "abcd":
        make_task(slug)


def test_a_workflow_is_made_and_changed(tasks: None) -> None:
    make_form("plan")
    save_workflow(
        "approval",
        ANNA,
        name="Approval",
        description="How we approve",
        meta={"a": 1},
        start_tasks=["b", "a", "b"],
        allow_forms=["plan"],
        allow_all_forms=True,
        is_published=True,
    )
    save_workflow("approval", BEN, start_tasks=[Task.objects.get(pk="c")], is_archived=True)
    workflow = Workflow.objects.get()
    assert (str(workflow.name), str(workflow.description), workflow.meta) == ("Approval", "How we approve", {"a": 1})
    assert (workflow.allow_all_forms, workflow.is_published, workflow.is_archived) == (True, True, True)
    assert [task.pk for task in workflow.start_tasks.all()] == ["c"]
    assert [form.pk for form in workflow.allow_forms.all()] == ["plan"]
    assert (workflow.created_by_user, workflow.modified_by_user) == ("anna", "ben")
    run(SaveWorkflow(ANNA, slug="approval", allow_forms=None))
    assert not workflow.allow_forms.exists()


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"start_tasks": ["a", "x", "y"]}, "startTasks", "There is no task 'x', 'y'."),
        ({"start_tasks": []}, "startTasks", "startTasks must name at least one"),
        ({"start_tasks": None}, "startTasks", "startTasks must name at least one"),
        ({"start_tasks": [None]}, "startTasks", "startTasks must be made of"),
        ({"allow_forms": ["x"]}, "allowForms", "There is no form 'x'."),
        ({"allow_forms": "plan"}, "allowForms", "allowForms must be a list"),
        ({"allow_all_forms": 1}, "allowAllForms", "allowAllForms must be true or false"),
    ],
)
def test_what_is_unknown_or_wrong_is_named(given: dict[str, Any], field: str, message: str, tasks: None) -> None:
    with pytest.raises(InvalidInput) as caught:
        run(SaveWorkflow(ANNA, **{"slug": "approval", "name": "Approval", "start_tasks": ["a"], **given}))
    assert message in caught.value.message
    assert caught.value.field == field
    assert not Workflow.objects.exists()


def test_a_new_workflow_needs_a_name_and_start_tasks() -> None:
    with pytest.raises(InvalidInput, match=r"Workflow 'approval': name is needed\. startTasks is needed\."):
        save_workflow("approval", ANNA)


def ties(workflow: str = "approval") -> dict[str, tuple[str, str | None]]:
    rows = TaskFlow.objects.filter(workflow=workflow).select_related("flow")
    return {row.task_id: (row.flow.next, row.redoable) for row in rows}


def test_tasks_share_the_flow_that_is_added(tasks: None) -> None:
    make_workflow("approval", start=["a"])
    workflow = add_workflow_flow("approval", ["a", "b"], "['c']|tasks", ANNA, redoable="'d'|task")
    assert workflow.pk == "approval"
    assert ties() == {"a": ("['c']|tasks", "'d'|task"), "b": ("['c']|tasks", "'d'|task")}
    flow = Flow.objects.get()
    assert (flow.created_by_user, flow.modified_by_group) == ("anna", "office")
    assert {tie.created_by_user for tie in TaskFlow.objects.all()} == {"anna"}


def test_adding_again_replaces_and_sweeps_up_what_nobody_uses(tasks: None) -> None:
    make_workflow("approval", flows={"a": "'b'|task", "b": "'c'|task", "d": "'a'|task"}, redoable={"a": "'b'|task"})
    make_workflow("other", flows={"a": "'b'|task"})
    add_workflow_flow("approval", ["a", "b"], "'d'|task", BEN)
    assert ties() == {"a": ("'d'|task", None), "b": ("'d'|task", None), "d": ("'a'|task", None)}
    assert ties("other") == {"a": ("'b'|task", None)}
    assert Flow.objects.count() == 3


def test_a_flow_that_another_task_uses_too_stays_for_that_task(tasks: None) -> None:
    make_workflow("approval", flows={("a", "b"): "'c'|task"})
    shared = Flow.objects.get()
    add_workflow_flow("approval", ["a"], "'d'|task", ANNA)
    assert ties() == {"a": ("'d'|task", None), "b": ("'c'|task", None)}
    assert TaskFlow.objects.get(task="b").flow == shared


def test_a_flow_that_only_these_tasks_use_keeps_its_id(tasks: None) -> None:
    make_workflow("approval", flows={("a", "b"): "'c'|task"}, user=ANNA)
    before = Flow.objects.get()
    verb = AddWorkflowFlow(BEN, workflow="approval", tasks=["a", "b"], next="'d'|task")
    run(verb)
    after = Flow.objects.get()
    assert (after.pk, verb.flow.pk, after.next) == (before.pk, before.pk, "'d'|task")
    assert (after.created_by_user, after.modified_by_user) == ("anna", "ben")
    tie = TaskFlow.objects.get(task="a")
    assert (tie.created_by_user, tie.modified_by_user) == ("anna", "ben")


def test_redoable_alone_is_enough(tasks: None) -> None:
    make_workflow("approval")
    add_workflow_flow("approval", ["a"], "", ANNA, redoable="'b'|task")
    assert ties() == {"a": ("", "'b'|task")}


@pytest.mark.parametrize(("next_", "redoable"), [("", None), ("[]|tasks", ""), (None, None), ("  ", "[]|tasks")])
def test_next_or_redoable_must_name_a_task(next_: str | None, redoable: str | None, tasks: None) -> None:
    make_workflow("approval")
    with pytest.raises(InvalidInput, match="next or redoable must name at least one task") as caught:
        run(AddWorkflowFlow(ANNA, workflow="approval", tasks=["a"], next=next_, redoable=redoable))
    assert caught.value.field == "next"
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"tasks": ["a", "x"]}, "tasks", "There is no task 'x'."),
        ({"tasks": []}, "tasks", "tasks must name at least one"),
        ({"next": "'x'|task"}, "next", "There is no task 'x', at character 1 of the expression"),
        ({"next": "true ? 'a'|task : 'x'|task"}, "next", "at character 19 of"),
        ({"redoable": "['a', 'x']|tasks"}, "redoable", "There is no task 'x', at character 7 of"),
        ({"next": "'a'|tsak"}, "next", 'There is no transform "tsak", at character 5 of'),
        ({"next": "'a'|"}, "next", "at character"),
        ({"redoable": "'a"}, "redoable", "at character"),
        ({"next": "'a'|task" + " " * 10_000}, "next", "10"),
        ({"next": 3}, "next", "next must be a text"),
        ({"flow": 3}, "flow", "There is no field flow"),
    ],
)
def test_a_wrong_flow_is_refused_with_its_place(given: dict[str, Any], field: str, message: str, tasks: None) -> None:
    make_workflow("approval", flows={"a": "'b'|task"})
    with pytest.raises(InvalidInput) as caught:
        run(AddWorkflowFlow(ANNA, **{"workflow": "approval", "tasks": ["a"], "next": "'c'|task", **given}))
    assert message in caught.value.message
    assert caught.value.field == field
    assert caught.value.message.startswith("Flow of the workflow 'approval': ")
    assert ties() == {"a": ("'b'|task", None)}


def test_a_single_wrong_expression_tells_its_position(tasks: None) -> None:
    make_workflow("approval")
    with pytest.raises(InvalidExpression) as caught:
        add_workflow_flow("approval", ["a"], "'a'|task || 'x'|task", ANNA)
    assert caught.value.position == 12


def test_everything_unknown_is_told_at_once(tasks: None) -> None:
    make_workflow("approval")
    with pytest.raises(InvalidInput) as caught:
        add_workflow_flow("approval", ["x"], "'y'|task", ANNA, redoable="'z'|task")
    assert list(caught.value.fields) == ["tasks", "next", "redoable"]


def test_tasks_are_needed_for_a_flow() -> None:
    make_workflow("approval")
    with pytest.raises(InvalidInput, match="tasks is needed"):
        run(AddWorkflowFlow(ANNA, workflow="approval", next="'a'|task"))


def test_a_dynamic_task_may_come_next(tasks: None, settings: Any) -> None:
    make_workflow("approval")
    settings.DYNAMIC_TASKS_CLASSES = [f"{__name__}.Dynamic"]
    add_workflow_flow("approval", ["a"], "'whoever-is-next'|task", ANNA)
    assert ties() == {"a": ("'whoever-is-next'|task", None)}
    with pytest.raises(InvalidInput, match="There is no task 'whoever-is-next'"):
        add_workflow_flow("approval", ["whoever-is-next"], "'a'|task", ANNA)


@pytest.mark.parametrize("workflow", ["nowhere", "", None, 3, "a\x00b", "x" * 5000])
def test_a_flow_of_an_unknown_workflow_is_not_found(workflow: Any) -> None:
    with pytest.raises(NotFound, match="There is no workflow") as caught:
        run(AddWorkflowFlow(ANNA, workflow=workflow, tasks=["a"], next="'a'|task"))
    assert caught.value.field == "workflow"
    assert len(caught.value.message) < 200


def test_a_flow_is_removed_with_its_ties_and_returned_as_it_was(tasks: None) -> None:
    make_workflow("approval", flows={("a", "b"): "'c'|task", "c": "'d'|task"})
    flow = Flow.objects.get(next="'c'|task")
    removed = remove_flow(flow.pk, ANNA)
    assert (removed.pk, removed.next) == (flow.pk, "'c'|task")
    assert ties() == {"c": ("'d'|task", None)}
    assert Flow.objects.count() == 1


@pytest.mark.parametrize("flow", [uuid.uuid4(), "nonsense", None, 3])
def test_an_unknown_flow_is_not_found(flow: Any) -> None:
    with pytest.raises(NotFound, match="There is no flow") as caught:
        run(RemoveFlow(ANNA, flow=flow))
    assert caught.value.field == "flow"


class Unseen(Trusted):
    """Sees nothing."""

    def visible(self, queryset: QuerySet[Any], user: User, **kwargs: Any) -> QuerySet[Any]:
        return queryset.none()

    def restricts(self, model: type[Model], **kwargs: Any) -> bool:
        return True


def test_what_one_may_not_see_is_not_found(tasks: None) -> None:
    make_workflow("approval", flows={"a": "'b'|task"})
    flow = Flow.objects.get()
    with pytest.raises(NotFound, match="There is no workflow 'approval'"):
        run(AddWorkflowFlow(ANNA, access=Unseen(), workflow="approval", tasks=["a"], next="'b'|task"))
    with pytest.raises(NotFound, match="There is no flow"):
        run(RemoveFlow(ANNA, access=Unseen(), flow=flow.pk))
    with pytest.raises(InvalidInput, match="There is no task 'a'"):
        run(SaveWorkflow(ANNA, access=Unseen(), slug="new", name="New", start_tasks=["a"]))
    assert ties() == {"a": ("'b'|task", None)}


def test_the_number_of_statements_does_not_grow_with_the_tasks() -> None:
    slugs = [make_task(f"task-{number}").pk for number in range(30)]
    costs: dict[str, list[int]] = {"add": [], "replace": [], "remove": [], "save": []}
    for count in (2, 30):
        some = slugs[:count]
        workflow = make_workflow(f"workflow-{count}", start=["task-0"], flows=dict.fromkeys(some, "'task-0'|task"))
        costs["save"].append(statements(lambda: save_workflow(workflow.pk, ANNA, start_tasks=some)))  # noqa: B023
        costs["replace"].append(statements(lambda: add_workflow_flow(workflow, some, names(some), ANNA)))  # noqa: B023
        costs["remove"].append(statements(lambda: remove_flow(workflow.flows.distinct().get(), ANNA)))  # noqa: B023
        costs["add"].append(statements(lambda: add_workflow_flow(workflow, some, names(some), ANNA)))  # noqa: B023
    assert all(few == many for few, many in costs.values())
    assert {name: most <= LIMITS[name] for name, (_, most) in costs.items()} == dict.fromkeys(LIMITS, True), costs


LIMITS = {"save": 8, "add": 7, "replace": 12, "remove": 8}


def names(slugs: list[str]) -> str:
    return f"{slugs!r}|tasks"


def statements(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


def test_each_function_has_an_async_twin(tasks: None) -> None:
    async_to_sync(asave_workflow)("approval", ANNA, name="Approval", start_tasks=["a"])
    async_to_sync(aadd_workflow_flow)("approval", ["a"], "'a'|task", ANNA)
    flow = Flow.objects.get()
    assert async_to_sync(aremove_flow)(flow, ANNA).pk == flow.pk
    assert not Flow.objects.exists()


def test_a_flow_without_ties_can_be_removed() -> None:
    flow = make_flow(make_workflow("approval"), [], "'a'|task")
    remove_flow(str(flow.pk), ANNA)
    assert not Flow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_flows_that_are_added_at_once_leave_one_and_no_orphans(tasks: None) -> None:
    make_workflow("approval")
    together = Barrier(8, timeout=10)

    def add(following: str) -> None:
        try:
            together.wait()
            add_workflow_flow("approval", ["a", "b"], f"'{following}'|task", ANNA)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, "abcdabcd"))
    assert len({tie.flow_id for tie in TaskFlow.objects.all()}) == Flow.objects.count() == 1
