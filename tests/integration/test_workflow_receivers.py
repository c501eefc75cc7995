"""What blocking receivers may do to a verb under way: change its objects, read them, call verbs themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models.signals import post_save, pre_save
from django.test import override_settings

from caluma_async.errors import Refused, SignalHandlingError
from caluma_async.events import on
from caluma_async.events.receivers import registry
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import (
    CancelCase,
    CompleteWorkItem,
    CreateWorkItem,
    RedoWorkItem,
    ReopenCase,
    SkipWorkItem,
    StartCase,
    SuspendCase,
    api,
    events,
)
from caluma_async.workflow.dynamic import BaseDynamicTasks, register_dynamic_task
from caluma_async.workflow.models import Case, WorkItem
from tests.integration.workflow_stage import ANNA, BEN, emitted, item, statuses

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_receivers() -> Iterator[None]:
    with registry.isolated():
        yield


class Tasks(BaseDynamicTasks):
    """A dynamic task that looks at the state of the case and of the work item before."""

    @register_dynamic_task("by-state")
    def by_state(self, case: Case, user: Any, prev_work_item: WorkItem, context: Any) -> str:
        """The task that the meta of either says."""
        return str(case.meta.get("next") or prev_work_item.meta.get("next") or "nothing-said")


@pytest.fixture
def undecided() -> Case:
    """A case whose next task depends on state."""
    for slug in ("x", "y", "nothing-said"):
        make_task(slug)
    make_workflow("approval", flows={"a": "'by-state'|task"})
    return make_case("approval", ready=["a"])


by_state = override_settings(DYNAMIC_TASKS_CLASSES=["tests.integration.test_workflow_receivers.Tasks"])


@by_state
def test_a_receiver_sets_state_that_a_dynamic_task_reads(undecided: Case) -> None:
    @on(events.post_complete_work_item, raise_exception=True)
    def choose(work_item: WorkItem, **kwargs: Any) -> None:
        work_item.case.meta["next"] = "x"
        work_item.case.save()

    run(CompleteWorkItem(ANNA, id=item(undecided, "a").pk))
    assert statuses(undecided) == {"": "running", "a": "completed", "x": "ready"}


@by_state
def test_state_set_through_other_instances_is_seen_as_well(undecided: Case) -> None:
    @on(events.post_complete_work_item, raise_exception=True)
    def choose(work_item: WorkItem, **kwargs: Any) -> None:
        Case.objects.filter(pk=work_item.case_id).update(meta={"next": "y"})

    run(CompleteWorkItem(ANNA, id=item(undecided, "a").pk))
    assert statuses(undecided) == {"": "running", "a": "completed", "y": "ready"}


@by_state
def test_what_a_receiver_leaves_on_the_object_is_seen_even_unsaved(undecided: Case) -> None:
    @on(events.post_complete_work_item, raise_exception=True)
    def choose(work_item: WorkItem, **kwargs: Any) -> None:
        work_item.meta["next"] = "y"

    run(CompleteWorkItem(ANNA, id=item(undecided, "a").pk))
    assert statuses(undecided) == {"": "running", "a": "completed", "y": "ready"}
    assert item(undecided, "a").meta == {}


@pytest.mark.parametrize(
    ("event", "verb", "status"),
    [
        (events.pre_complete_work_item, CompleteWorkItem, "completed"),
        (events.pre_skip_work_item, SkipWorkItem, "skipped"),
        (events.pre_cancel_work_item, CancelCase, "canceled"),
    ],
)
def test_what_a_pre_receiver_changes_in_the_work_item_is_saved(event: Any, verb: Any, status: str) -> None:
    case = make_case("approval", ready=["a", "b"])

    @on(event, raise_exception=True)
    def note(work_item: WorkItem, **kwargs: Any) -> None:
        assert work_item.status == "ready"
        work_item.meta["noted"] = True
        work_item.assigned_users = ["ben"]

    run(verb(ANNA, id=case.pk if verb is CancelCase else item(case, "a").pk))
    changed = item(case, "a")
    assert (changed.meta, changed.assigned_users, changed.status) == ({"noted": True}, ["ben"], status)
    assert item(case, "b").meta == ({"noted": True} if verb is CancelCase else {})


def test_what_a_pre_receiver_saves_through_another_instance_is_kept() -> None:
    case = make_case("approval", ready=["a"])

    @on(events.pre_complete_work_item, raise_exception=True)
    def note(work_item: WorkItem, **kwargs: Any) -> None:
        WorkItem.objects.filter(pk=work_item.pk).update(meta={"elsewhere": 1})
        work_item.assigned_users.append("ben")

    returned = run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    stored = item(case, "a")
    assert (stored.meta, stored.assigned_users, stored.status) == ({"elsewhere": 1}, ["ben"], "completed")
    assert returned.meta == {"elsewhere": 1}


def test_a_status_that_a_pre_receiver_writes_by_hand_does_not_confuse_the_verb() -> None:
    case = make_case("approval", ready=["a"])

    @on(events.pre_complete_work_item, raise_exception=True)
    def meddle(work_item: WorkItem, **kwargs: Any) -> None:
        work_item.status = "canceled"

    run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert item(case, "a").status == "completed"


def test_a_receiver_completes_what_was_created_and_so_on_to_the_end() -> None:
    for slug in ("a", "b", "c"):
        make_task(slug)
    make_workflow("approval", start=["a"], flows={"a": "'b'|task", "b": "'c'|task"})

    @on(events.post_create_work_item, raise_exception=True)
    def automatic(work_item: WorkItem, user: Any, context: Any, **kwargs: Any) -> None:
        api.complete_work_item(work_item, user, context)

    case = api.start_case("approval", ANNA)
    assert statuses(case) == {"": "completed", "a": "completed", "b": "completed", "c": "completed"}
    assert case.status == "completed"


def test_cascades_are_told_depth_first() -> None:
    make_task("b")
    make_workflow("approval", start=["a"], flows={"a": "'b'|task"})

    @on(events.post_create_work_item, raise_exception=True)
    def automatic(work_item: WorkItem, user: Any, **kwargs: Any) -> None:
        if work_item.task_id == "a":
            api.complete_work_item(work_item, user)

    with emitted() as seen:
        api.start_case("approval", ANNA)
    assert seen == [
        "pre_create_case approval",
        "pre_create_work_item a",
        "post_create_case approval",
        "post_create_work_item a",
        "pre_complete_work_item a",
        "post_complete_work_item a",
        "pre_create_work_item b",
        "post_create_work_item b",
    ]


def test_a_receiver_that_completes_the_sibling_lets_the_join_happen_once() -> None:
    make_task("join")
    make_workflow("approval", flows={("a", "b"): "'join'|task"})
    case = make_case("approval", ready=["a", "b"])

    @on(events.post_complete_work_item, raise_exception=True)
    def sibling_too(work_item: WorkItem, user: Any, **kwargs: Any) -> None:
        if work_item.task_id == "a":
            api.complete_work_item(item(work_item.case, "b"), user)

    run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "running", "a": "completed", "b": "completed", "join": "ready"}


@pytest.mark.parametrize("flow", ["'next'|task", ""])
def test_a_flow_does_not_go_on_in_a_case_that_a_receiver_canceled(flow: str) -> None:
    make_task("next")
    make_workflow("approval", flows={"a": flow})
    case = make_case("approval", ready=["a"])

    @on(events.post_complete_work_item, raise_exception=True)
    def stop(work_item: WorkItem, user: Any, **kwargs: Any) -> None:
        api.cancel_case(work_item.case_id, user)

    run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "canceled", "a": "completed"}


def test_a_flow_does_not_go_on_after_a_work_item_that_a_receiver_made_ready_again() -> None:
    make_task("next")
    make_workflow("approval", flows={"a": "'next'|task"})
    case = make_case("approval", ready=["a"])

    @on(events.post_complete_work_item, raise_exception=True)
    def again(work_item: WorkItem, **kwargs: Any) -> None:
        WorkItem.objects.filter(pk=work_item.pk).update(status="ready")

    run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "running", "a": "ready"}


def test_a_flow_does_not_go_on_after_a_work_item_that_a_receiver_deleted() -> None:
    make_task("next")
    make_workflow("approval", flows={"a": "'next'|task"})
    case = make_case("approval", ready=["a"])

    @on(events.post_complete_work_item, raise_exception=True)
    def delete(work_item: WorkItem, **kwargs: Any) -> None:
        WorkItem.objects.filter(pk=work_item.pk).delete()

    run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "running"}


def test_the_case_stays_open_for_what_a_receiver_created() -> None:
    make_task("extra", is_multiple_instance=True)
    case = make_case("approval", ready=["a"])

    @on(events.post_complete_work_item, raise_exception=True)
    def more(work_item: WorkItem, **kwargs: Any) -> None:
        make_work_item(work_item.case, "extra")

    run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "running", "a": "completed", "extra": "ready"}


def test_a_case_that_the_pre_receiver_of_its_end_canceled_is_not_completed() -> None:
    case = make_case("approval", ready=["a"])

    @on(events.pre_complete_case, raise_exception=True)
    def stop(case: Case, user: Any, **kwargs: Any) -> None:
        api.cancel_case(case.pk, user)

    with emitted() as seen:
        run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "canceled", "a": "completed"}
    assert "post_complete_case approval" not in seen


def test_a_verb_that_its_pre_receiver_made_impossible_is_refused_and_undone() -> None:
    case = make_case("approval", ready=["a"])

    @on(events.pre_complete_work_item, raise_exception=True)
    def stop(work_item: WorkItem, user: Any, **kwargs: Any) -> None:
        api.cancel_case(work_item.case_id, user)

    with pytest.raises(Refused):
        run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "running", "a": "ready"}


def test_a_work_item_that_its_pre_receiver_deleted_is_not_completed() -> None:
    case = make_case("approval", ready=["a"])

    @on(events.pre_complete_work_item, raise_exception=True)
    def delete(work_item: WorkItem, **kwargs: Any) -> None:
        WorkItem.objects.filter(pk=work_item.pk).delete()

    with pytest.raises(Refused, match=r"^A receiver of pre_complete_work_item deleted what it was told about\.$"):
        run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "running", "a": "ready"}


def test_a_part_that_a_receiver_dealt_with_is_left_alone() -> None:
    case = make_case("approval", ready=["a", "b", "c"])

    @on(events.pre_cancel_work_item, raise_exception=True)
    def others(work_item: WorkItem, **kwargs: Any) -> None:
        if work_item.task_id == "a":
            WorkItem.objects.filter(task="b").update(status="skipped")
            WorkItem.objects.filter(task="c").delete()

    with emitted() as seen:
        run(CancelCase(ANNA, id=case.pk))
    assert statuses(case) == {"": "canceled", "a": "canceled", "b": "skipped"}
    assert [each for each in seen if each.endswith((" b", " c"))] == []


def test_events_of_parts_are_in_the_same_order_with_receivers_in_between() -> None:
    case = make_case("approval", ready=["a", "b"])
    with emitted() as without:
        run(SuspendCase(ANNA, id=case.pk))
    other = make_case("approval", ready=["a", "b"])
    seen: list[tuple[str, str]] = []

    @on([events.pre_suspend_work_item, events.post_suspend_work_item], raise_exception=True)
    def look(work_item: WorkItem, **kwargs: Any) -> None:
        seen.append((work_item.task_id, WorkItem.objects.get(pk=work_item.pk).status))

    with emitted() as within:
        run(SuspendCase(ANNA, id=other.pk))
    assert without == within
    assert seen == [("a", "ready"), ("a", "suspended"), ("b", "ready"), ("b", "suspended")]


def test_reopening_and_redoing_tell_before_and_after_they_write() -> None:
    make_workflow("approval", redoable={"b": "'a'|task"})
    case = make_case("approval", status="completed")
    first = make_work_item(case, "a", status="completed")
    second = make_work_item(case, "b", status="completed", previous_work_item=first)
    seen: list[list[str]] = []

    @on(
        [events.pre_reopen_case, events.post_reopen_case, events.pre_redo_work_item, events.post_redo_work_item],
        raise_exception=True,
    )
    def look(**kwargs: Any) -> None:
        now = statuses(case)
        seen.append([now[""], now["a"], now["b"]])

    run(ReopenCase(ANNA, id=case.pk, work_items=[second.pk]))
    run(RedoWorkItem(ANNA, id=first.pk))
    assert seen == [
        ["completed", "completed", "completed"],
        ["running", "completed", "ready"],
        ["running", "completed", "ready"],
        ["running", "ready", "redo"],
    ]


def test_a_receiver_with_raise_exception_undoes_all_of_the_verb() -> None:
    make_task("b")
    make_workflow("approval", flows={"a": "'b'|task"})
    case = make_case("approval", ready=["a"])

    @on(events.post_create_work_item, raise_exception=True)
    def fail(**kwargs: Any) -> None:
        raise ValueError("not today")

    with pytest.raises(SignalHandlingError, match=r"fail failed with ValueError\.$"):
        run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    assert statuses(case) == {"": "running", "a": "ready"}


def test_receivers_are_told_by_whom_with_what_context_and_for_which_verb() -> None:
    case = make_case("approval", ready=["a"])
    told: dict[str, Any] = {}

    @on(events.post_cancel_work_item, sender=CancelCase, raise_exception=True)
    def look(sender: Any, user: Any, context: Any, **kwargs: Any) -> None:
        told.update(sender=sender, user=user, context=context)

    run(CancelCase(BEN, context={"why": "because"}, id=case.pk))
    assert told == {"sender": CancelCase, "user": BEN, "context": {"why": "because"}}


def test_whether_receivers_ran_is_told() -> None:
    make_task("m", is_multiple_instance=True)
    case = make_case("approval", ready=["m"])
    quiet = CreateWorkItem(ANNA, case=case.pk, multiple_instance_task="m")
    run(quiet)

    @on(events.post_create_work_item)
    def look(**kwargs: Any) -> None:
        """Nothing."""

    heard = CreateWorkItem(ANNA, case=case.pk, multiple_instance_task="m")
    run(heard)
    assert (quiet.touched, heard.touched) == (False, True)


def test_who_listens_for_saved_rows_hears_of_those_saved_in_bulk() -> None:
    heard: list[tuple[str, Any]] = []

    def saving(instance: WorkItem, **kwargs: Any) -> None:
        heard.append((f"pre {instance.task_id}", None))

    def saved(instance: WorkItem, created: bool, **kwargs: Any) -> None:
        heard.append((f"post {instance.task_id}", created))

    make_workflow("approval", start=["a", "b"])
    pre_save.connect(saving, sender=WorkItem)
    post_save.connect(saved, sender=WorkItem)
    try:
        case = run(StartCase(ANNA, workflow="approval"))
        run(CancelCase(ANNA, id=case.pk))
    finally:
        pre_save.disconnect(saving, sender=WorkItem)
        post_save.disconnect(saved, sender=WorkItem)
    before, after = [("pre a", None), ("pre b", None)], [("post a", True), ("post b", True)]
    assert heard == [*before, *after, *before, ("post a", False), ("post b", False)]
