"""Complete, skip, cancel, suspend and resume: work items, cases, and what belongs to them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from caluma_async.errors import InvalidInput, NotFound, Refused
from caluma_async.testing.factories import (
    make_case,
    make_document,
    make_question,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.verbs import run
from caluma_async.workflow import (
    CancelCase,
    CancelWorkItem,
    CompleteWorkItem,
    RedoWorkItem,
    ReopenCase,
    ResumeCase,
    ResumeWorkItem,
    SkipWorkItem,
    SuspendCase,
    SuspendWorkItem,
)
from caluma_async.workflow.models import Case, WorkItem
from tests.integration.workflow_stage import ANNA, emitted, item, senders, statuses

pytestmark = pytest.mark.django_db

ITEM_VERBS: list[tuple[type[Any], str, str, set[str], str]] = [
    (CompleteWorkItem, "completed", "complete", {"ready"}, "Only ready work items can be completed."),
    (SkipWorkItem, "skipped", "skip", {"ready"}, "Only ready work items can be skipped."),
    (
        CancelWorkItem,
        "canceled",
        "cancel",
        {"ready", "suspended"},
        "Only ready or suspended work items can be canceled.",
    ),
    (SuspendWorkItem, "suspended", "suspend", {"ready"}, "Only ready work items can be suspended."),
    (ResumeWorkItem, "ready", "resume", {"suspended"}, "Only suspended work items can be resumed."),
]
CASE_VERBS: list[tuple[type[Any], str, str, set[str], str]] = [
    (CancelCase, "canceled", "cancel", {"running", "suspended"}, "Only running or suspended cases can be canceled."),
    (SuspendCase, "suspended", "suspend", {"running"}, "Only running cases can be suspended."),
    (ResumeCase, "running", "resume", {"suspended"}, "Only suspended cases can be resumed."),
]


@pytest.mark.parametrize(("verb", "to", "action", "allowed", "message"), ITEM_VERBS)
@pytest.mark.parametrize("status", WorkItem.STATUSES)
def test_a_work_item_goes_where_its_status_allows(
    verb: type[Any], to: str, action: str, allowed: set[str], message: str, status: str
) -> None:
    work_item = make_work_item(make_case("approval", ready=["other"]), "review", status=status)
    if status in allowed:
        with emitted() as events, senders() as who:
            assert run(verb(ANNA, id=work_item.pk)).status == to
        work_item.refresh_from_db()
        assert (work_item.status, work_item.modified_by_user, work_item.modified_by_group) == (to, "anna", "office")
        assert events == [f"pre_{action}_work_item review", f"post_{action}_work_item review"]
        assert who == {verb.__name__}
    else:
        with emitted() as events, pytest.raises(Refused) as caught:
            run(verb(ANNA, id=work_item.pk))
        assert (caught.value.message, events) == (message, [])
        assert WorkItem.objects.get(pk=work_item.pk).modified_at == work_item.modified_at


@pytest.mark.parametrize(("verb", "to", "action", "allowed", "message"), CASE_VERBS)
@pytest.mark.parametrize("status", Case.STATUSES)
def test_a_case_goes_where_its_status_allows(
    verb: type[Any], to: str, action: str, allowed: set[str], message: str, status: str
) -> None:
    case = make_case("approval", status=status)
    if status in allowed:
        with emitted() as events, senders() as who:
            assert run(verb(ANNA, id=case.pk)).status == to
        case.refresh_from_db()
        assert (case.status, case.modified_by_user) == (to, "anna")
        assert events == [f"pre_{action}_case approval", f"post_{action}_case approval"]
        assert who == {verb.__name__}
    else:
        with emitted() as events, pytest.raises(Refused) as caught:
            run(verb(ANNA, id=case.pk))
        assert (caught.value.message, events) == (message, [])


@pytest.mark.parametrize("verb", [CompleteWorkItem, SkipWorkItem, CancelWorkItem])
def test_closing_notes_who_and_when(verb: type[Any]) -> None:
    work_item = make_work_item(make_case("approval", ready=["other"]), "review")
    returned = run(verb(ANNA, id=str(work_item.pk)))
    stored = WorkItem.objects.get(pk=work_item.pk)
    assert stored.closed_at == returned.closed_at is not None
    assert (stored.closed_by_user, stored.closed_by_group) == ("anna", "office")


@pytest.mark.parametrize("verb", [SuspendWorkItem, ResumeWorkItem])
def test_suspending_closes_nothing(verb: type[Any]) -> None:
    work_item = make_work_item(status="ready" if verb is SuspendWorkItem else "suspended")
    assert run(verb(ANNA, id=work_item.pk)).closed_at is None


@pytest.mark.parametrize("verb", [CompleteWorkItem, SkipWorkItem])
@pytest.mark.parametrize("status", ["completed", "canceled", "suspended"])
def test_work_items_are_completed_and_skipped_while_their_case_runs(verb: type[Any], status: str) -> None:
    work_item = make_work_item(make_case(status=status))
    done = "completed" if verb is CompleteWorkItem else "skipped"
    with pytest.raises(Refused) as caught:
        run(verb(ANNA, id=work_item.pk))
    assert caught.value.message == f"Only work items of running cases can be {done}."


def test_a_work_item_is_not_completed_before_its_child_case() -> None:
    work_item = make_work_item()
    child = make_case("hearing", parent_work_item=work_item)
    with pytest.raises(Refused) as caught:
        run(CompleteWorkItem(ANNA, id=work_item.pk))
    assert caught.value.message == "Work items can only be completed when their child case is not running any more."
    run(CancelCase(ANNA, id=child.pk))
    assert run(CompleteWorkItem(ANNA, id=work_item.pk)).status == "completed"


def test_the_document_of_the_case_must_be_valid() -> None:
    make_question("name", form="application", is_required="true")
    make_task("submit", type="complete_workflow_form")
    invalid = make_case("approval", ready=["submit"], document=make_document("application"))
    with pytest.raises(InvalidInput, match="'name'"):
        run(CompleteWorkItem(ANNA, id=item(invalid, "submit").pk))
    valid = make_case("approval", ready=["submit"], document=make_document("application", answers={"name": "Anna"}))
    assert run(CompleteWorkItem(ANNA, id=item(valid, "submit").pk)).status == "completed"
    without = make_case("approval", ready=["submit"])
    assert run(CompleteWorkItem(ANNA, id=item(without, "submit").pk)).status == "completed"


def test_the_document_of_the_work_item_must_be_valid_but_not_to_skip_it() -> None:
    make_question("name", form="sheet", is_required="true")
    task = make_task("fill-in", type="complete_task_form", form="sheet")
    work_item = make_work_item(None, task, document=make_document("sheet"))
    with pytest.raises(InvalidInput, match="'name'"):
        run(CompleteWorkItem(ANNA, id=work_item.pk))
    assert run(SkipWorkItem(ANNA, id=work_item.pk)).status == "skipped"


def family() -> tuple[Case, Case, Case]:
    """A root whose ready and whose suspended work item have child cases; the first one has one of its own."""
    root = make_case("root", ready=["a"])
    suspended = make_work_item(root, "b", status="suspended")
    make_work_item(root, "c", status="completed")
    child = make_case("child", ready=["d", "e"], parent_work_item=item(root, "a"))
    make_case("halted", parent_work_item=suspended, status="suspended")
    grandchild = make_case("grandchild", ready=["f"], parent_work_item=item(child, "d"))
    return root, child, grandchild


def test_canceling_a_case_cancels_all_that_is_open_below_it() -> None:
    root, child, grandchild = family()
    with emitted() as events, senders() as who:
        run(CancelCase(ANNA, id=root.pk))
    assert statuses(root) == {"": "canceled", "a": "canceled", "b": "canceled", "c": "completed"}
    assert statuses(child) == {"": "canceled", "d": "canceled", "e": "canceled"}
    assert statuses(grandchild) == {"": "canceled", "f": "canceled"}
    assert statuses(Case.objects.get(workflow="halted")) == {"": "canceled"}
    assert who == {"CancelCase"}
    assert events == [
        "pre_cancel_case root",
        "pre_cancel_work_item a",
        "pre_cancel_case child",
        "pre_cancel_work_item d",
        "pre_cancel_case grandchild",
        "pre_cancel_work_item f",
        "post_cancel_work_item f",
        "post_cancel_case grandchild",
        "post_cancel_work_item d",
        "pre_cancel_work_item e",
        "post_cancel_work_item e",
        "post_cancel_case child",
        "post_cancel_work_item a",
        "pre_cancel_work_item b",
        "pre_cancel_case halted",
        "post_cancel_case halted",
        "post_cancel_work_item b",
        "post_cancel_case root",
    ]
    closed = WorkItem.objects.filter(status="canceled").values_list("closed_by_user", "modified_by_user")
    assert set(closed) == {("anna", "anna")}
    assert set(Case.objects.values_list("closed_by_user", flat=True)) == {"anna"}


def test_canceling_part_of_a_family_leaves_the_rest() -> None:
    root, child, grandchild = family()
    run(CancelCase(ANNA, id=child.pk))
    assert statuses(root) == {"": "running", "a": "ready", "b": "suspended", "c": "completed"}
    assert statuses(grandchild) == {"": "canceled", "f": "canceled"}


@pytest.mark.parametrize(
    ("verb", "action", "status"), [(CancelWorkItem, "cancel", "canceled"), (SkipWorkItem, "skip", "skipped")]
)
def test_ending_a_work_item_cancels_its_child_case(verb: type[Any], action: str, status: str) -> None:
    root, child, grandchild = family()
    with emitted() as events, senders() as who:
        run(verb(ANNA, id=item(root, "a").pk))
    assert item(root, "a").status == status
    assert statuses(child) == {"": "canceled", "d": "canceled", "e": "canceled"}
    assert statuses(grandchild) == {"": "canceled", "f": "canceled"}
    assert who == {verb.__name__}
    assert events[:2] == [f"pre_{action}_work_item a", "pre_cancel_case child"]
    assert f"post_{action}_work_item a" in events


def test_suspending_a_work_item_suspends_its_child_case_and_resuming_resumes_it() -> None:
    root, child, grandchild = family()
    run(SuspendWorkItem(ANNA, id=item(root, "a").pk))
    assert statuses(root) == {"": "running", "a": "suspended", "b": "suspended", "c": "completed"}
    assert statuses(child) == {"": "suspended", "d": "suspended", "e": "suspended"}
    assert statuses(grandchild) == {"": "suspended", "f": "suspended"}
    run(ResumeWorkItem(ANNA, id=item(root, "a").pk))
    assert statuses(root)["a"] == "ready"
    assert statuses(child) == {"": "running", "d": "ready", "e": "ready"}
    assert statuses(grandchild) == {"": "running", "f": "ready"}


def test_suspending_and_resuming_a_case_takes_its_work_items_and_their_child_cases_along() -> None:
    root, child, grandchild = family()
    with emitted() as events, senders() as who:
        run(SuspendCase(ANNA, id=root.pk))
    assert statuses(root) == {"": "suspended", "a": "suspended", "b": "suspended", "c": "completed"}
    assert statuses(grandchild) == {"": "suspended", "f": "suspended"}
    assert events[:3] == ["pre_suspend_case root", "pre_suspend_work_item a", "pre_suspend_case child"]
    assert events[-2:] == ["post_suspend_work_item a", "post_suspend_case root"]
    assert who == {"SuspendCase"}
    with emitted() as events, senders() as who:
        run(ResumeCase(ANNA, id=root.pk))
    assert statuses(root) == {"": "running", "a": "ready", "b": "ready", "c": "completed"}
    assert statuses(child) == {"": "running", "d": "ready", "e": "ready"}
    assert statuses(Case.objects.get(workflow="halted")) == {"": "running"}
    assert events[:3] == ["pre_resume_case root", "pre_resume_work_item a", "pre_resume_case child"]
    assert who == {"ResumeCase"}


@pytest.mark.parametrize("verb", [each[0] for each in ITEM_VERBS] + [RedoWorkItem])
@pytest.mark.parametrize("key", [uuid.uuid4(), "nonsense", 5, "\x00"])
def test_a_work_item_that_is_not_there_is_not_found(verb: type[Any], key: Any) -> None:
    with pytest.raises(NotFound, match=r"^There is no work item"):
        run(verb(ANNA, id=key))


@pytest.mark.parametrize("verb", [each[0] for each in CASE_VERBS])
def test_a_case_that_is_not_there_is_not_found(verb: type[Any]) -> None:
    with pytest.raises(NotFound, match=r"^There is no case") as caught:
        run(verb(ANNA, id=uuid.uuid4()))
    assert caught.value.field == "id"


@pytest.mark.parametrize("verb", [each[0] for each in ITEM_VERBS + CASE_VERBS] + [RedoWorkItem, ReopenCase])
def test_without_a_key_there_is_nothing_to_do(verb: type[Any]) -> None:
    with pytest.raises(InvalidInput, match=r"^id is needed\.$"):
        run(verb(ANNA))


@pytest.mark.parametrize("verb", [each[0] for each in ITEM_VERBS])
def test_unknown_input_is_refused(verb: type[Any]) -> None:
    work_item = make_work_item(status="suspended" if verb is ResumeWorkItem else "ready")
    with pytest.raises(InvalidInput, match="There is no field surprise"):
        run(verb(ANNA, id=work_item.pk, surprise=1))


def test_a_case_without_work_items_can_be_canceled() -> None:
    make_workflow("empty")
    case = make_case("empty")
    assert run(CancelCase(ANNA, id=case.pk)).status == "canceled"
