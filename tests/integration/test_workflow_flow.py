"""What comes after a work item is completed or skipped: next tasks, joins, multiple instances, the end of the case."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from caluma_async.errors import InvalidExpression, Misconfigured, Refused
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import CompleteWorkItem, SkipWorkItem, StartCase
from caluma_async.workflow.dynamic import (
    BaseDynamicGroups,
    BaseDynamicTasks,
    register_dynamic_group,
    register_dynamic_task,
)
from caluma_async.workflow.models import Case, WorkItem
from tests.integration.workflow_stage import ANNA, BEN, emitted, item, statuses

pytestmark = pytest.mark.django_db


def complete(case: Case, task: str, **more: Any) -> WorkItem:
    """Complete the only ready work item of a task."""
    return run(CompleteWorkItem(ANNA, id=WorkItem.objects.get(case=case, task=task, status="ready").pk, **more))


def test_the_next_work_item_is_made_after_the_one_before() -> None:
    make_task("decide", name="Decide", address_groups="info.prev_work_item.addressed_groups", lead_time=60)
    make_workflow("approval", start=["review"], flows={"review": "'decide'|task"})
    case = make_case("approval")
    review = make_work_item(case, "review", addressed_groups=["a", "b"])
    complete(case, "review")
    decide = item(case, "decide")
    assert statuses(case) == {"": "running", "review": "completed", "decide": "ready"}
    assert (decide.previous_work_item, decide.addressed_groups, decide.name) == (review, ["a", "b"], {"en": "Decide"})
    assert (decide.created_by_user, decide.created_by_group) == ("anna", "office")
    assert decide.deadline is not None


def test_a_flow_may_lead_to_several_tasks_in_its_order() -> None:
    make_task("c")
    make_task("b")
    make_workflow("approval", flows={"a": "['c', 'b']|tasks"})
    case = make_case("approval", ready=["a"])
    with emitted() as events:
        complete(case, "a")
    assert events == [
        "pre_complete_work_item a",
        "post_complete_work_item a",
        "pre_create_work_item c",
        "pre_create_work_item b",
        "post_create_work_item c",
        "post_create_work_item b",
    ]
    assert statuses(case) == {"": "running", "a": "completed", "b": "ready", "c": "ready"}


def test_a_flow_may_depend_on_what_was_before() -> None:
    for slug in ("far", "near"):
        make_task(slug)
    make_workflow("approval", flows={"a": "'x' in info.prev_work_item.addressed_groups ? 'near'|task : 'far'|task"})
    for groups, expected in ((["x"], "near"), (["y"], "far")):
        case = make_case("approval")
        make_work_item(case, "a", addressed_groups=groups)
        complete(case, "a")
        assert statuses(case) == {"": "running", "a": "completed", expected: "ready"}


def test_without_a_next_task_and_without_ready_work_items_the_case_is_completed() -> None:
    case = make_case("approval", ready=["a"])
    with emitted() as events:
        complete(case, "a")
    case.refresh_from_db()
    assert events == [
        "pre_complete_work_item a",
        "post_complete_work_item a",
        "pre_complete_case approval",
        "post_complete_case approval",
    ]
    assert case.status == "completed"
    assert case.closed_at is not None
    assert (case.closed_by_user, case.closed_by_group, case.modified_by_user) == ("anna", "office", "anna")


@pytest.mark.parametrize("next_", ["", "  ", "[]|tasks", "false ? 'a'|task : null"])
def test_a_flow_that_leads_nowhere_ends_the_case(next_: str) -> None:
    make_workflow("approval", flows={"a": next_})
    case = make_case("approval", ready=["a"])
    complete(case, "a")
    assert statuses(case) == {"": "completed", "a": "completed"}


def test_the_case_goes_on_while_another_work_item_is_ready() -> None:
    case = make_case("approval", ready=["a", "b"])
    complete(case, "a")
    assert statuses(case) == {"": "running", "a": "completed", "b": "ready"}
    complete(case, "b")
    assert statuses(case) == {"": "completed", "a": "completed", "b": "completed"}


def test_branches_that_share_a_flow_join() -> None:
    make_task("join")
    make_workflow("approval", flows={("a", "b", "c"): "'join'|task"})
    case = make_case("approval", ready=["a", "b", "c"])
    complete(case, "a")
    run(SkipWorkItem(BEN, id=item(case, "b").pk))
    assert statuses(case) == {"": "running", "a": "completed", "b": "skipped", "c": "ready"}
    last = complete(case, "c")
    assert statuses(case) == {"": "running", "a": "completed", "b": "skipped", "c": "completed", "join": "ready"}
    assert item(case, "join").previous_work_item == last


def test_a_branch_that_was_canceled_is_waited_for() -> None:
    make_task("join")
    make_workflow("approval", flows={("a", "b"): "'join'|task"})
    case = make_case("approval", ready=["a"])
    make_work_item(case, "b", status="canceled")
    complete(case, "a")
    assert statuses(case) == {"": "running", "a": "completed", "b": "canceled"}


def test_a_flow_shared_in_another_workflow_does_not_matter() -> None:
    make_task("next")
    first = make_workflow("first", flows={"a": "'next'|task"})
    second = make_workflow("second")
    flow = first.flows.get()
    second.task_flows.create(task=make_task("b"), flow=flow)
    case = make_case("first", ready=["a"])
    complete(case, "a")
    assert statuses(case) == {"": "running", "a": "completed", "next": "ready"}


def test_a_join_does_not_wait_for_tasks_that_share_its_flow_in_another_workflow() -> None:
    make_task("next")
    first = make_workflow("first", flows={("a", "b"): "'next'|task"})
    make_workflow("second").task_flows.create(task=make_task("c"), flow=first.flows.distinct().get())
    case = make_case("first", ready=["a", "b"])
    complete(case, "a")
    complete(case, "b")
    assert statuses(case) == {"": "running", "a": "completed", "b": "completed", "next": "ready"}


def test_multiple_instances_go_on_when_all_have_ended() -> None:
    make_task("consult", is_multiple_instance=True)
    make_task("next")
    make_workflow("approval", flows={"consult": "'next'|task"})
    case = make_case("approval", ready=["consult", "consult", "consult"])
    first, second, third = WorkItem.objects.filter(case=case).order_by("pk")
    run(CompleteWorkItem(ANNA, id=first.pk))
    run(SkipWorkItem(ANNA, id=second.pk))
    assert statuses(case) == {"": "running", "consult": ["completed", "skipped", "ready"]}
    run(CompleteWorkItem(ANNA, id=third.pk))
    assert statuses(case) == {"": "running", "consult": ["completed", "skipped", "completed"], "next": "ready"}


def test_multiple_instances_that_continue_on_their_own_do_not_wait() -> None:
    make_task("consult", is_multiple_instance=True, continue_async=True)
    make_task("next", is_multiple_instance=True)
    make_workflow("approval", flows={"consult": "'next'|task"})
    case = make_case("approval", ready=["consult", "consult"])
    first, second = WorkItem.objects.filter(case=case).order_by("pk")
    run(CompleteWorkItem(ANNA, id=first.pk))
    assert statuses(case) == {"": "running", "consult": ["completed", "ready"], "next": "ready"}
    run(CompleteWorkItem(ANNA, id=second.pk))
    assert statuses(case)["next"] == ["ready", "ready"]


def test_a_join_waits_for_all_instances_of_a_branch() -> None:
    make_task("consult", is_multiple_instance=True)
    make_task("join")
    make_workflow("approval", flows={("a", "consult"): "'join'|task"})
    case = make_case("approval", ready=["consult", "consult", "a"])
    first, second = WorkItem.objects.filter(case=case, task="consult").order_by("pk")
    run(CompleteWorkItem(ANNA, id=first.pk))
    complete(case, "a")
    assert "join" not in statuses(case)
    run(CompleteWorkItem(ANNA, id=second.pk))
    assert statuses(case)["join"] == "ready"


@pytest.mark.parametrize("status", ["ready", "suspended"])
def test_no_second_work_item_is_made_for_the_same_groups(status: str) -> None:
    make_task("next", address_groups="['b', 'a']")
    make_workflow("approval", flows={"a": "'next'|task"})
    case = make_case("approval", ready=["a"])
    make_work_item(case, "next", status=status, addressed_groups=["a", "b"])
    with emitted() as events:
        complete(case, "a")
    assert statuses(case) == {"": "running", "a": "completed", "next": status}
    assert events == ["pre_complete_work_item a", "post_complete_work_item a"]


def test_another_work_item_is_made_for_other_groups() -> None:
    make_task("next", address_groups="['b']")
    make_workflow("approval", flows={"a": "'next'|task"})
    case = make_case("approval", ready=["a"])
    make_work_item(case, "next", addressed_groups=["a"])
    complete(case, "a")
    assert statuses(case) == {"": "running", "a": "completed", "next": ["ready", "ready"]}


def test_instances_of_a_multiple_instance_task_are_made_beside_those_that_are_ready() -> None:
    make_task("next", is_multiple_instance=True, address_groups="['a', 'b']")
    make_workflow("approval", flows={"x": "'next'|task"})
    case = make_case("approval", ready=["x"])
    make_work_item(case, "next", addressed_groups=["a"])
    complete(case, "x")
    assert [each.addressed_groups for each in case.work_items.filter(task="next").order_by("pk")] == [
        ["a"],
        ["a"],
        ["b"],
    ]


def test_a_work_item_set_to_redo_becomes_ready_instead_of_a_new_one() -> None:
    make_task("next", address_groups="['a']")
    make_workflow("approval", flows={"x": "'next'|task"})
    case = make_case("approval", ready=["x"])
    redo = make_work_item(case, "next", status="redo", addressed_groups=["a"])
    with emitted() as events:
        complete(case, "x")
    assert statuses(case) == {"": "running", "x": "completed", "next": "ready"}
    assert item(case, "next").pk == redo.pk
    assert item(case, "next").modified_by_user == "anna"
    assert events == ["pre_complete_work_item x", "post_complete_work_item x"]


def test_a_work_item_set_to_redo_for_other_groups_stays_so() -> None:
    make_task("next", address_groups="['b']")
    make_workflow("approval", flows={"x": "'next'|task"})
    case = make_case("approval", ready=["x"])
    make_work_item(case, "next", status="redo", addressed_groups=["a"])
    complete(case, "x")
    assert statuses(case) == {"": "running", "x": "completed", "next": ["redo", "ready"]}


def test_each_instance_set_to_redo_becomes_ready_for_its_group() -> None:
    make_task("next", is_multiple_instance=True, address_groups="['a', 'b', 'c']")
    make_workflow("approval", flows={"x": "'next'|task"})
    case = make_case("approval", ready=["x"])
    for group in ("a", "b"):
        make_work_item(case, "next", status="redo", addressed_groups=[group])
    complete(case, "x")
    instances = case.work_items.filter(task="next").order_by("pk")
    assert [(each.addressed_groups, each.status) for each in instances] == [
        (["a"], "ready"),
        (["b"], "ready"),
        (["c"], "ready"),
    ]


def test_a_flow_to_a_task_that_does_not_exist_undoes_the_verb() -> None:
    make_workflow("approval", flows={"a": "['gone', 'lost']|tasks"})
    case = make_case("approval", ready=["a"])
    with pytest.raises(Refused) as caught:
        complete(case, "a")
    assert caught.value.message == ("The flow of workflow 'approval' leads to tasks that do not exist: 'gone', 'lost'.")
    assert statuses(case) == {"": "running", "a": "ready"}


def test_groups_that_are_no_texts_undo_the_verb() -> None:
    make_task("next", address_groups="[1, 2]")
    make_workflow("approval", flows={"a": "'next'|task"})
    case = make_case("approval", ready=["a"])
    with pytest.raises(InvalidExpression, match=r"must give groups as strings or lists of them, but gave a int\.$"):
        complete(case, "a")
    assert statuses(case) == {"": "running", "a": "ready"}


class Tasks(BaseDynamicTasks):
    """Dynamic tasks."""

    @register_dynamic_task("by-context")
    def by_context(self, case: Any, user: Any, prev_work_item: Any, context: Any) -> list[str]:
        """What the context says."""
        assert case == prev_work_item.case
        assert user == ANNA
        return list(context["next"])

    @register_dynamic_task("one")
    def one(self, case: Any, user: Any, prev_work_item: Any, context: Any) -> str:
        """A single task."""
        return "b"


class Groups(BaseDynamicGroups):
    """Dynamic groups."""

    @register_dynamic_group("whoever")
    def whoever(self, task: Any, case: Any, user: Any, prev_work_item: Any, context: Any) -> list[str]:
        """Tells what it was asked with."""
        previous = prev_work_item.task_id if prev_work_item else "start"
        return [f"{task.pk}-{case.workflow_id}-{user.group}-{previous}"]

    @register_dynamic_group("broken")
    def broken(self, task: Any, case: Any, user: Any, prev_work_item: Any, context: Any) -> Any:
        """A mistake of the site."""
        return {}["x"]


dynamic = override_settings(
    DYNAMIC_TASKS_CLASSES=["tests.integration.test_workflow_flow.Tasks"],
    DYNAMIC_GROUPS_CLASSES=["tests.integration.test_workflow_flow.Groups"],
)


@dynamic
def test_dynamic_tasks_choose_what_comes_next() -> None:
    for slug in ("b", "c"):
        make_task(slug)
    make_workflow("approval", flows={"a": "['by-context', 'c']|tasks", "b": "'one'|task"})
    case = make_case("approval", ready=["a"])
    complete(case, "a", context={"next": ["b", "c"]})
    assert statuses(case) == {"": "running", "a": "completed", "b": "ready", "c": "ready"}


@dynamic
def test_dynamic_groups_are_asked_for_each_task() -> None:
    make_task("a", address_groups="['whoever', 'static']|groups")
    make_task("b", control_groups="'whoever'|groups")
    make_workflow("approval", start=["a"], flows={"a": "'one'|task"})
    case = run(StartCase(ANNA, workflow="approval"))
    complete(case, "a")
    assert item(case, "a").addressed_groups == ["a-approval-office-start", "static"]
    assert item(case, "b").controlling_groups == ["b-approval-office-a"]


@dynamic
def test_a_dynamic_group_that_fails_undoes_the_verb_and_is_named() -> None:
    make_task("a", address_groups="'broken'|groups")
    make_workflow("approval", start=["a"])
    with pytest.raises(Misconfigured, match=r"Groups\.broken failed with KeyError"):
        run(StartCase(ANNA, workflow="approval"))
    assert not Case.objects.exists()
