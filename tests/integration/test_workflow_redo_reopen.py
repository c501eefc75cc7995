"""RedoWorkItem and ReopenCase: going back, and going on after the end."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from caluma_async.errors import InvalidInput, NotFound, Refused
from caluma_async.testing.factories import make_case, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import CompleteWorkItem, RedoWorkItem, ReopenCase
from caluma_async.workflow.models import Case, WorkItem
from caluma_async.workflow.rules import redoable
from tests.integration.workflow_stage import ANNA, emitted, item, senders, statuses

pytestmark = pytest.mark.django_db


def a_chain() -> Case:
    """Items of a, b and c, one after the other, the last one ready; from c, a may be done again, from b nothing."""
    make_workflow("approval", flows={"a": "'b'|task", "b": "'c'|task"}, redoable={"c": "['a', 'x']|tasks"})
    case = make_case("approval")
    first = make_work_item(case, "a", status="completed", user=ANNA)
    second = make_work_item(case, "b", status="skipped", previous_work_item=first)
    make_work_item(case, "c", previous_work_item=second)
    return case


def test_a_work_item_is_redone_and_all_that_followed_waits_to_be_redone() -> None:
    case = a_chain()
    with emitted() as events, senders() as who:
        returned = run(RedoWorkItem(ANNA, id=item(case, "a").pk))
    assert returned.status == "ready"
    assert statuses(case) == {"": "running", "a": "ready", "b": "redo", "c": "redo"}
    closed = case.work_items.values_list("closed_at", "closed_by_user", "closed_by_group", "modified_by_user")
    assert set(closed) == {(None, None, None, "anna")}
    assert (events, who) == (["pre_redo_work_item a", "post_redo_work_item a"], {"RedoWorkItem"})


def test_what_is_to_be_redone_becomes_ready_again_as_the_flow_gets_there() -> None:
    case = a_chain()
    run(RedoWorkItem(ANNA, id=item(case, "a").pk))
    run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "running", "a": "completed", "b": "ready", "c": "redo"}
    run(CompleteWorkItem(ANNA, id=item(case, "b").pk))
    assert statuses(case) == {"": "running", "a": "completed", "b": "completed", "c": "ready"}


def test_a_ready_work_item_is_not_redone() -> None:
    case = a_chain()
    with pytest.raises(Refused, match=r"^Ready work items cannot be redone\.$"):
        run(RedoWorkItem(ANNA, id=item(case, "c").pk))


def test_what_no_ready_successor_allows_is_not_redone() -> None:
    case = a_chain()
    with pytest.raises(Refused, match=r"^No ready successor of the work item allows to redo the task 'b'\.$"):
        run(RedoWorkItem(ANNA, id=item(case, "b").pk))
    WorkItem.objects.filter(case=case, task="c").update(status="suspended")
    with pytest.raises(Refused, match=r"allows to redo the task 'a'\.$"):
        run(RedoWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "running", "a": "completed", "b": "skipped", "c": "suspended"}


def test_a_work_item_of_another_branch_does_not_allow_it() -> None:
    case = a_chain()
    WorkItem.objects.filter(case=case, task="c").update(previous_work_item=None)
    with pytest.raises(Refused, match="allows to redo"):
        run(RedoWorkItem(ANNA, id=item(case, "a").pk))


def test_which_work_items_can_be_redone_takes_two_statements(django_assert_num_queries: Any) -> None:
    cases = [a_chain()]
    cases.append(make_case("approval"))
    first = make_work_item(cases[1], "a", status="canceled")
    make_work_item(cases[1], "c", previous_work_item=first)
    everything = set(WorkItem.objects.values_list("pk", flat=True))
    other, ready = item(cases[0], "a").pk, item(cases[0], "c").pk
    with django_assert_num_queries(2):
        assert redoable(everything) == {other, first.pk}
    with django_assert_num_queries(1):
        assert redoable({ready, uuid.uuid4()}) == set()


def test_work_items_that_follow_each_other_in_a_circle_do_no_harm() -> None:
    case = a_chain()
    first = item(case, "a")
    WorkItem.objects.filter(pk=first.pk).update(previous_work_item=item(case, "c"))
    assert run(RedoWorkItem(ANNA, id=first.pk)).status == "ready"
    assert statuses(case) == {"": "running", "a": "ready", "b": "redo", "c": "redo"}


@pytest.mark.parametrize("status", ["completed", "canceled"])
def test_a_case_that_ended_is_reopened_with_work_items_ready(status: str) -> None:
    case = make_case("approval", status=status, user=ANNA)
    ended = [make_work_item(case, task, status="completed", user=ANNA) for task in ("a", "b")]
    make_work_item(case, "c", status="canceled")
    with emitted() as events, senders() as who:
        returned = run(ReopenCase(ANNA, id=case.pk, work_items=[each.pk for each in ended]))
    assert returned.status == "running"
    assert statuses(case) == {"": "running", "a": "ready", "b": "ready", "c": "canceled"}
    case.refresh_from_db()
    assert (case.closed_at, case.closed_by_user, case.closed_by_group) == (None, None, None)
    assert item(case, "a").closed_at is None
    assert (item(case, "b").closed_by_user, item(case, "b").modified_by_user) == (None, "anna")
    assert (events, who) == (["pre_reopen_case approval", "post_reopen_case approval"], {"ReopenCase"})


@pytest.mark.parametrize("status", ["running", "suspended"])
def test_a_case_that_has_not_ended_is_not_reopened(status: str) -> None:
    work_item = make_work_item(make_case(status=status), status="completed")
    with pytest.raises(Refused, match=r"^Only completed or canceled cases can be reopened\.$"):
        run(ReopenCase(ANNA, id=work_item.case_id, work_items=[work_item.pk]))


def test_a_child_case_is_reopened_while_its_parent_is_ready() -> None:
    parent = make_work_item()
    child = make_case("hearing", parent_work_item=parent, status="completed")
    last = make_work_item(child, status="completed")
    WorkItem.objects.filter(pk=parent.pk).update(status="completed")
    with pytest.raises(Refused, match=r"^A child case can only be reopened while its parent work item is ready\.$"):
        run(ReopenCase(ANNA, id=child.pk, work_items=[last.pk]))
    WorkItem.objects.filter(pk=parent.pk).update(status="ready")
    assert run(ReopenCase(ANNA, id=child.pk, work_items=[last])).status == "running"


def test_a_work_item_of_another_case_does_not_reopen_this_one() -> None:
    case = make_case(status="completed")
    other = make_work_item(status="completed")
    with pytest.raises(Refused) as caught:
        run(ReopenCase(ANNA, id=case.pk, work_items=[other.pk]))
    assert caught.value.message == f"Work item {other.pk} does not belong to the case."


def test_only_the_ends_of_branches_reopen_a_case() -> None:
    case = make_case(status="completed")
    first = make_work_item(case, "a", status="completed")
    last = make_work_item(case, "b", status="completed", previous_work_item=first)
    with pytest.raises(Refused, match="does not end a branch"):
        run(ReopenCase(ANNA, id=case.pk, work_items=[last.pk, first.pk]))
    WorkItem.objects.filter(pk=last.pk).update(status="redo")
    run(ReopenCase(ANNA, id=case.pk, work_items=[first.pk]))
    assert statuses(case) == {"": "running", "a": "ready", "b": "redo"}


@pytest.mark.parametrize("given", [None, [], "text", {}])
def test_a_case_is_reopened_with_at_least_one_work_item(given: Any) -> None:
    case = make_case(status="completed")
    with pytest.raises(InvalidInput, match=r"^workItems must name at least one work item\.$"):
        run(ReopenCase(ANNA, id=case.pk, work_items=given))


@pytest.mark.parametrize("key", [uuid.uuid4(), "nonsense", None])
def test_work_items_that_are_not_there_are_not_found(key: Any) -> None:
    case = make_case(status="completed")
    with pytest.raises(NotFound) as caught:
        run(ReopenCase(ANNA, id=case.pk, work_items=[key]))
    assert caught.value.field == "workItems"
    assert Case.objects.get().status == "completed"
