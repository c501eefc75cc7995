"""SaveCase and StartCase: what they make, what they refuse, what they tell."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from caluma_async.errors import InvalidInput, NotFound, Refused
from caluma_async.form.models import Document
from caluma_async.testing.factories import (
    make_case,
    make_document,
    make_form,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.verbs import run
from caluma_async.workflow import SaveCase, StartCase
from caluma_async.workflow.models import Case, WorkItem
from tests.integration.workflow_stage import ANNA, BEN, emitted, senders, statuses

pytestmark = pytest.mark.django_db


def test_a_case_starts_with_ready_work_items_of_all_start_tasks() -> None:
    make_workflow("approval", start=["review", "announce"])
    case = run(SaveCase(ANNA, workflow="approval", meta={"a": [1]}))
    stored = Case.objects.get(pk=case.pk)
    assert statuses(case) == {"": "running", "announce": "ready", "review": "ready"}
    assert (stored.family_id, stored.meta, stored.document, stored.closed_at) == (case.pk, {"a": [1]}, None, None)
    assert (stored.created_by_user, stored.created_by_group) == ("anna", "office")
    assert (stored.modified_by_user, stored.modified_by_group) == ("anna", "office")


def test_work_items_are_made_as_their_task_says() -> None:
    make_task(
        "review",
        name={"en": "Review", "de": "Prüfung"},
        description={"en": "Look at it"},
        address_groups="['a', 'b', 'a']|groups",
        control_groups="'head'",
        lead_time=3600,
        meta={"not": "copied"},
    )
    make_workflow("approval", start=["review"])
    case = run(StartCase(ANNA, workflow="approval"))
    review = WorkItem.objects.get(case=case)
    assert review.name == {"en": "Review", "de": "Prüfung"}
    assert review.description == {"en": "Look at it"}
    assert (review.addressed_groups, review.controlling_groups, review.assigned_users) == (["a", "b"], ["head"], [])
    assert review.meta == {}
    assert review.previous_work_item is None
    assert (review.created_by_user, review.created_by_group) == ("anna", "office")
    assert review.deadline is not None
    assert abs(review.deadline - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)


@pytest.mark.parametrize("lead_time", [None, 0])
def test_no_lead_time_is_no_deadline_and_none_at_all_is_at_once(lead_time: int | None) -> None:
    make_task("review", lead_time=lead_time)
    make_workflow("approval", start=["review"])
    started = timezone.now()
    deadline = WorkItem.objects.get(case=run(StartCase(ANNA, workflow="approval"))).deadline
    assert deadline is None if lead_time is None else started <= deadline <= timezone.now()


def test_the_name_of_a_work_item_is_its_own_copy() -> None:
    task = make_task("review", name={"en": "Review"})
    make_workflow("approval", start=["review"])
    case = run(StartCase(ANNA, workflow="approval"))
    task.name = {"en": "Renamed"}
    task.save()
    assert WorkItem.objects.get(case=case).name == {"en": "Review"}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [("['a', 'b']|groups", [["a"], ["b"]]), ("[]", [[]]), (None, [[]])],
    ids=["one per group", "one at least", "one without groups"],
)
def test_a_multiple_instance_task_gets_a_work_item_per_group(groups: str | None, expected: list[list[str]]) -> None:
    make_task("consult", is_multiple_instance=True, address_groups=groups, control_groups="['x', 'y']|groups")
    make_workflow("approval", start=["consult"])
    case = run(StartCase(ANNA, workflow="approval"))
    work_items = WorkItem.objects.filter(case=case).order_by("pk")
    assert [each.addressed_groups for each in work_items] == expected
    assert all(each.controlling_groups == ["x", "y"] for each in work_items)


def test_groups_may_depend_on_who_starts_the_case_and_on_the_context() -> None:
    make_task(
        "review",
        address_groups="[info.case.created_by_group, info.work_item.created_by_group, info.context.addressed_groups]",
        control_groups="info.context.controlling_groups",
    )
    make_workflow("approval", start=["review"])
    context = {"addressed_groups": ["x"], "controlling_groups": ["y"]}
    case = run(StartCase(ANNA, workflow="approval", context=None))
    other = run(StartCase(ANNA, context=context, workflow="approval"))
    assert WorkItem.objects.get(case=case).addressed_groups == ["office"]
    assert WorkItem.objects.get(case=other).addressed_groups == ["office", "x"]
    assert WorkItem.objects.get(case=other).controlling_groups == ["y"]


def test_a_case_gets_a_document_of_a_form_that_the_workflow_allows() -> None:
    make_workflow("approval", allow_forms=["application"])
    make_workflow("free", allow_all_forms=True)
    for workflow in ("approval", "free"):
        case = run(SaveCase(ANNA, workflow=workflow, form="application"))
        document = Document.objects.get(case=case)
        assert (document.form_id, document.family_id, document.created_by_user) == ("application", document.pk, "anna")


def test_a_form_that_the_workflow_does_not_allow_is_refused() -> None:
    make_workflow("approval", allow_forms=["application"])
    make_form("other")
    with pytest.raises(Refused, match=r"^Workflow 'approval' does not allow the form 'other'\.$"):
        run(SaveCase(ANNA, workflow="approval", form="other"))
    assert not Case.objects.exists()
    assert not Document.objects.exists()


def test_work_items_of_tasks_with_a_form_get_documents_of_their_own() -> None:
    make_task("fill-in", type="complete_task_form", form="sheet", is_multiple_instance=True, address_groups="['a','b']")
    make_workflow("approval", start=["fill-in", "review"])
    case = run(StartCase(ANNA, workflow="approval"))
    documents = [each.document for each in WorkItem.objects.filter(case=case).order_by("task", "pk")]
    first, second, none = documents
    assert first is not None
    assert second is not None
    assert (first.form_id, second.form_id, none) == ("sheet", "sheet", None)
    assert first.pk != second.pk


def test_a_child_case_joins_the_family_of_its_parent() -> None:
    make_workflow("approval", start=["review"])
    make_workflow("hearing", start=["hear"])
    root = make_case("approval", ready=["review"])
    parent = root.work_items.get()
    child = run(StartCase(ANNA, workflow="hearing", parent_work_item=parent.pk))
    grandchild = run(StartCase(BEN, workflow="hearing", parent_work_item=child.work_items.get().pk))
    parent.refresh_from_db()
    assert parent.child_case == child
    assert parent.modified_by_user == "anna"
    assert {child.family_id, grandchild.family_id} == {root.pk}


@pytest.mark.parametrize("status", sorted({"suspended", "completed", "canceled", "skipped", "redo"}))
def test_only_a_ready_work_item_gets_a_child_case(status: str) -> None:
    make_workflow("hearing")
    parent = make_work_item(status=status)
    with pytest.raises(Refused, match=r"^Only ready work items can get a child case\.$"):
        run(StartCase(ANNA, workflow="hearing", parent_work_item=parent.pk))


@pytest.mark.parametrize("status", ["running", "suspended"])
def test_a_work_item_has_one_open_child_case_at_a_time(status: str) -> None:
    make_workflow("hearing")
    parent = make_work_item()
    make_case("hearing", parent_work_item=parent, status=status)
    with pytest.raises(Refused, match=rf"^The work item has a {status} child case already\.$"):
        run(StartCase(ANNA, workflow="hearing", parent_work_item=parent.pk))


def test_a_child_case_that_ended_may_be_followed_by_another() -> None:
    make_workflow("hearing")
    parent = make_work_item()
    make_case("hearing", parent_work_item=parent, status="canceled")
    child = run(StartCase(ANNA, workflow="hearing", parent_work_item=parent.pk))
    parent.refresh_from_db()
    assert parent.child_case == child


@pytest.mark.parametrize("verb", [SaveCase, StartCase])
def test_events_of_a_new_case_in_order(verb: type[SaveCase]) -> None:
    make_workflow("approval", start=["a", "b"])
    with emitted() as events, senders() as who:
        run(verb(ANNA, workflow="approval"))
    assert events == [
        "pre_create_case approval",
        "pre_create_work_item a",
        "pre_create_work_item b",
        "post_create_case approval",
        "post_create_work_item a",
        "post_create_work_item b",
    ]
    assert who == {verb.__name__}


def test_a_new_case_may_bring_its_key() -> None:
    make_workflow("approval", start=["review"])
    key = uuid.uuid4()
    case = run(SaveCase(ANNA, id=str(key), workflow="approval"))
    assert case.pk == case.family_id == key
    assert statuses(case) == {"": "running", "review": "ready"}


def test_an_existing_case_is_changed_and_nothing_is_started() -> None:
    make_workflow("approval", start=["review"], allow_forms=["application"])
    case = make_case("approval", meta={"a": 1})
    with emitted() as events:
        saved = run(SaveCase(BEN, id=case.pk, workflow="approval", meta={"b": 2}, form="application"))
    case.refresh_from_db()
    assert events == []
    assert case.meta == saved.meta == {"b": 2}
    assert case.document is not None
    assert case.document.form_id == "application"
    assert (case.created_by_user, case.modified_by_user, case.modified_by_group) == (None, "ben", "council")
    assert statuses(case) == {"": "running"}


def test_what_is_left_out_of_an_existing_case_stays() -> None:
    document = make_document("application")
    case = make_case(meta={"a": 1}, document=document)
    run(SaveCase(ANNA, id=case.pk, workflow=case.workflow_id, form="application"))
    case.refresh_from_db()
    assert (case.meta, case.document) == ({"a": 1}, document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"workflow": "other"}, "The workflow of a case cannot be changed."),
        ({"form": "other"}, "The form of a case that has a document cannot be changed."),
        ({"parent_work_item": uuid.uuid4()}, "The parent work item of a case cannot be changed."),
    ],
    ids=["workflow", "form", "parent"],
)
def test_what_cannot_be_changed_is_refused(change: dict[str, object], message: str) -> None:
    make_workflow("other")
    make_form("other")
    case = make_case("approval", document=make_document("application"))
    with pytest.raises(Refused) as caught:
        run(SaveCase(ANNA, **{"id": case.pk, "workflow": "approval", **change}))
    assert caught.value.message == message


def test_an_existing_child_case_may_be_saved_with_its_own_parent() -> None:
    parent = make_work_item()
    child = make_case("hearing", parent_work_item=parent)
    run(SaveCase(ANNA, id=child.pk, workflow="hearing", parent_work_item=parent.pk, meta={"x": 1}))
    child.refresh_from_db()
    assert child.meta == {"x": 1}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"workflow": "gone"}, "workflow"),
        ({"workflow": "no slug!"}, "workflow"),
        ({"workflow": "approval", "form": "gone"}, "form"),
        ({"workflow": "approval", "form": 5}, "form"),
        ({"workflow": "approval", "parent_work_item": uuid.uuid4()}, "parentWorkItem"),
        ({"workflow": "approval", "parent_work_item": "nonsense"}, "parentWorkItem"),
        ({"workflow": "approval", "id": "nonsense"}, "id"),
    ],
)
def test_what_is_not_there_is_not_found(data: dict[str, object], field: str) -> None:
    make_workflow("approval", allow_all_forms=True)
    with pytest.raises(NotFound) as caught:
        run(SaveCase(ANNA, **data))
    assert caught.value.field == field
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    ("data", "field"),
    [({}, "workflow"), ({"workflow": "approval", "meta": [1]}, "meta"), ({"workflow": "approval", "x": 1}, "x")],
)
def test_wrong_input_is_refused_by_field(data: dict[str, object], field: str) -> None:
    make_workflow("approval")
    with pytest.raises(InvalidInput) as caught:
        run(SaveCase(ANNA, **data))
    assert caught.value.field == field
    assert not Case.objects.exists()
