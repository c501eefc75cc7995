"""Django's admin for what runs: cases are started and changed, work items made and changed, by the verbs."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from caluma_async.testing.factories import make_case, make_document, make_form, make_task, make_work_item, make_workflow
from caluma_async.testing.plugin import Emitted
from caluma_async.workflow.models import Case, WorkItem
from tests.integration.admin_stage import complaints, page, page_of, saved, staff, submit, superuser

pytestmark = pytest.mark.django_db


@pytest.fixture
def chief(client: Client) -> Client:
    return superuser(client)


def test_a_case_is_started_with_a_document(chief: Client, emitted: Emitted) -> None:
    make_workflow("approval", start=["review"], allow_forms=["plan"])
    saved(submit(chief, page("add", Case), workflow="approval", form="plan", meta='{"a": 1}'))
    case = Case.objects.get()
    assert (case.workflow_id, case.status, case.meta, case.created_by_user) == (
        "approval",
        "running",
        {"a": 1},
        "chief",
    )
    assert case.document is not None
    assert case.document.form_id == "plan"
    assert case.work_items.get().task_id == "review"
    assert [name for name in emitted.names if name.startswith("post_")] == [
        "post_create_document",
        "post_create_case",
        "post_create_work_item",
    ]
    assert f'<a href="{page_of(case.document)}">' in chief.get(page_of(case)).content.decode()


def test_a_child_case_is_started(chief: Client) -> None:
    parent = make_work_item(make_case("approval"), "review")
    make_workflow("other", start=["look"])
    saved(submit(chief, page("add", Case), workflow="other", parent_work_item=str(parent.pk)))
    parent.refresh_from_db()
    assert parent.child_case is not None
    assert parent.child_case.family_id == parent.case_id
    assert f'<a href="{page_of(parent)}">' in chief.get(page_of(parent.child_case)).content.decode()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"workflow": ""}, "workflow"),
        ({"form": "plan"}, "__all__"),
        ({"parent_work_item": str(uuid4())}, "parent_work_item"),
        ({"parent_work_item": "x"}, "parent_work_item"),
        ({"meta": "[]"}, "meta"),
    ],
)
def test_what_no_case_is_started_with_is_shown(
    given: dict[str, str], field: str, chief: Client, emitted: Emitted
) -> None:
    make_workflow("approval", start=["review"])
    make_form("plan")
    assert list(complaints(submit(chief, page("add", Case), **{"workflow": "approval", **given}))) == [field]
    assert not Case.objects.exists()
    assert emitted.names == []


def test_a_case_gets_meta_and_a_document_once(chief: Client) -> None:
    make_workflow("approval", start=["review"], allow_forms=["plan"])
    case = make_case("approval")
    saved(submit(chief, page_of(case), meta='{"a": 1}'))
    case.refresh_from_db()
    assert (case.meta, case.document, case.modified_by_user) == ({"a": 1}, None, "chief")
    saved(submit(chief, page_of(case), form="plan"))
    case.refresh_from_db()
    assert case.document is not None
    assert (case.document.form_id, case.meta) == ("plan", {"a": 1})
    assert 'name="form"' not in chief.get(page_of(case)).content.decode()
    saved(submit(chief, page_of(case), meta="{}"))
    case.refresh_from_db()
    assert case.meta == {}


def test_a_form_that_the_workflow_does_not_allow_is_shown_above_the_fields(chief: Client) -> None:
    case = make_case("approval")
    make_form("plan")
    assert list(complaints(submit(chief, page_of(case), form="plan"))) == ["__all__"]
    case.refresh_from_db()
    assert case.document is None


def test_a_work_item_is_changed(chief: Client) -> None:
    work_item = make_work_item(make_case("approval"), "review", name={"en": "Review", "de": "Prüfung"})
    given = {"name": "Look", "assigned_users": '["anna"]', "deadline_0": "2030-01-31", "deadline_1": "12:00:00"}
    saved(submit(chief, page_of(work_item), **given, meta='{"a": 1}'))
    work_item.refresh_from_db()
    assert (work_item.name, work_item.assigned_users, work_item.meta) == (
        {"en": "Look", "de": "Prüfung"},
        ["anna"],
        {"a": 1},
    )
    assert work_item.deadline is not None
    assert work_item.deadline.isoformat() == "2030-01-31T12:00:00+00:00"
    assert (work_item.status, work_item.modified_by_user) == ("ready", "chief")


@pytest.mark.parametrize(
    ("given", "field"),
    [({"name": ""}, "name"), ({"assigned_users": '"anna"'}, "assigned_users"), ({"meta": "[]"}, "meta")],
)
def test_what_no_work_item_can_be_given_is_shown_beside_the_field(
    given: dict[str, str], field: str, chief: Client
) -> None:
    work_item = make_work_item(make_case("approval"), "review")
    assert list(complaints(submit(chief, page_of(work_item), **given))) == [field]
    work_item.refresh_from_db()
    assert (str(work_item.name), work_item.modified_by_user) == ("review", None)


def test_one_more_work_item_is_made_as_its_task_says(chief: Client, emitted: Emitted) -> None:
    make_task("review", is_multiple_instance=True, name="Review", address_groups="['office']|groups", lead_time=60)
    case = make_case("approval", ready=["review"])
    saved(submit(chief, page("add", WorkItem), case=str(case.pk), task="review"))
    made = WorkItem.objects.latest("created_at")
    assert (str(made.name), made.addressed_groups, made.status, made.created_by_user) == (
        "Review",
        ["office"],
        "ready",
        "chief",
    )
    assert made.deadline is not None
    assert emitted.names == ["pre_create_work_item", "post_create_work_item"]
    saved(submit(chief, page("add", WorkItem), case=str(case.pk), task="review", addressed_groups='["council"]'))
    assert WorkItem.objects.latest("created_at").addressed_groups == ["council"]


@pytest.mark.parametrize(
    ("given", "field"),
    [({"task": "decide"}, "__all__"), ({"case": ""}, "case"), ({"task": ""}, "task"), ({"meta": "[1]"}, "meta")],
)
def test_what_no_work_item_is_made_of_is_shown(given: dict[str, str], field: str, chief: Client) -> None:
    make_task("review", is_multiple_instance=True)
    case = make_case("approval", ready=["review", "decide"])
    usual = {"case": str(case.pk), "task": "review"}
    assert list(complaints(submit(chief, page("add", WorkItem), **{**usual, **given}))) == [field]
    assert WorkItem.objects.count() == 2


def test_who_may_only_look_changes_nothing_that_runs(client: Client) -> None:
    clerk = staff(client, "view")
    work_item = make_work_item(make_case("approval", document=make_document("plan")), "review")
    for row in (work_item, work_item.case):
        assert clerk.get(page_of(row)).status_code == 200
        assert clerk.post(page_of(row), {"name": "Look", "meta": '{"a": 1}'}).status_code == 403
        row.refresh_from_db()
        assert row.meta == {}
    assert clerk.post(page("add", Case), {"workflow": "approval", "meta": "{}"}).status_code == 403
    assert Case.objects.count() == 1
