"""CreateWorkItem and SaveWorkItem."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import translation

from caluma_async.errors import InvalidInput, NotFound, Refused
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import CreateWorkItem, SaveWorkItem
from caluma_async.workflow.models import Case, WorkItem
from tests.integration.workflow_stage import ANNA, BEN, emitted, senders

pytestmark = pytest.mark.django_db


def consulting() -> Case:
    """A case with one ready instance of a multiple instance task."""
    make_task(
        "consult",
        name={"en": "Consult"},
        is_multiple_instance=True,
        address_groups="['a', 'b']|groups",
        control_groups="'c'",
        lead_time=60,
    )
    make_workflow("approval", start=["consult"])
    case = make_case("approval")
    before = make_work_item(case, "before", status="completed")
    make_work_item(case, "consult", previous_work_item=before)
    return case


@pytest.mark.parametrize("verb", [CreateWorkItem, SaveWorkItem])
def test_one_more_instance_is_made_as_the_task_says(verb: type[Any]) -> None:
    case = consulting()
    with emitted() as events, senders() as who:
        made = run(verb(ANNA, case=case.pk, multiple_instance_task="consult"))
    stored = WorkItem.objects.get(pk=made.pk)
    assert stored.status == "ready"
    assert stored.name == {"en": "Consult"}
    assert (stored.addressed_groups, stored.controlling_groups) == (["a", "b"], ["c"])
    assert stored.deadline is not None
    assert stored.previous_work_item is not None
    assert stored.previous_work_item.task_id == "before"
    assert (stored.created_by_user, stored.modified_by_group) == ("anna", "office")
    assert events == ["pre_create_work_item consult", "post_create_work_item consult"]
    assert who == {verb.__name__}


def test_what_the_input_says_comes_before_what_the_task_says() -> None:
    case = consulting()
    deadline = datetime(2030, 1, 2, tzinfo=UTC)
    made = run(
        CreateWorkItem(
            ANNA,
            case=case,
            multiple_instance_task="consult",
            name="Ask the fire brigade",
            description="Soon",
            assigned_users=["ben"],
            addressed_groups=["fire"],
            controlling_groups=[],
            deadline=deadline,
            meta={"k": "v"},
        )
    )
    stored = WorkItem.objects.get(pk=made.pk)
    assert (str(stored.name), str(stored.description), stored.meta) == ("Ask the fire brigade", "Soon", {"k": "v"})
    assert (stored.addressed_groups, stored.controlling_groups, stored.assigned_users) == (["fire"], [], ["ben"])
    assert stored.deadline == deadline


def test_null_means_what_the_task_says() -> None:
    nothing: dict[str, Any] = {"name": None, "addressed_groups": None, "controlling_groups": None}
    made = run(CreateWorkItem(ANNA, case=consulting().pk, multiple_instance_task="consult", **nothing))
    stored = WorkItem.objects.get(pk=made.pk)
    assert (stored.name, stored.addressed_groups, stored.controlling_groups) == ({"en": "Consult"}, ["a", "b"], ["c"])


def test_more_instances_are_made_of_multiple_instance_tasks_only() -> None:
    case = make_case(ready=["review"])
    with pytest.raises(Refused) as caught:
        run(CreateWorkItem(ANNA, case=case.pk, multiple_instance_task="review"))
    assert caught.value.message == (
        "Task 'review' is not a multiple instance task, so no more work items of it can be created."
    )


@pytest.mark.parametrize("status", ["completed", "suspended", "canceled", "skipped", "redo"])
def test_more_instances_are_made_while_one_is_ready(status: str) -> None:
    case = consulting()
    WorkItem.objects.filter(task="consult").update(status=status)
    with pytest.raises(Refused) as caught:
        run(CreateWorkItem(ANNA, case=case.pk, multiple_instance_task="consult"))
    assert caught.value.message == (
        "The case has no ready work item of the task 'consult', so no more of it can be created."
    )


@pytest.mark.parametrize("verb", [CreateWorkItem, SaveWorkItem])
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"case": uuid.uuid4()}, "case"),
        ({"case": "nonsense"}, "case"),
        ({"multiple_instance_task": "gone"}, "multipleInstanceTask"),
        ({"multiple_instance_task": "no slug!"}, "multipleInstanceTask"),
    ],
)
def test_what_is_not_there_is_not_found(verb: type[Any], change: dict[str, Any], field: str) -> None:
    data = {"case": consulting().pk, "multiple_instance_task": "consult", **change}
    with pytest.raises(NotFound) as caught:
        run(verb(ANNA, **data))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"multiple_instance_task": None}, "multipleInstanceTask is needed."),
        ({"case": None}, "case is needed."),
        ({"assigned_users": "ben"}, "CreateWorkItem: assignedUsers must be a list of texts."),
        ({"addressed_groups": [None]}, "CreateWorkItem: addressedGroups must be a text."),
        ({"deadline": "tomorrow"}, "CreateWorkItem: deadline must be a date and time (ISO 8601)."),
        ({"deadline": "2030-13-45T00:00:00"}, "CreateWorkItem: deadline must be a date and time (ISO 8601)."),
        ({"deadline": 5}, "CreateWorkItem: deadline must be a date and time (ISO 8601)."),
        (
            {"deadline": "9999-12-31T23:00:00-12:00"},
            "CreateWorkItem: deadline must be a time between the years 1 and 9999.",
        ),
        ({"meta": "{}"}, "CreateWorkItem: meta must be a JSON object."),
        ({"name": "\x00"}, None),
    ],
)
def test_wrong_input_changes_nothing(change: dict[str, Any], message: str | None) -> None:
    data = {"case": consulting().pk, "multiple_instance_task": "consult", **change}
    with pytest.raises(InvalidInput) as caught:
        run(CreateWorkItem(ANNA, **data))
    assert message is None or caught.value.message == message
    assert WorkItem.objects.filter(task="consult").count() == 1


def test_a_work_item_is_changed_where_the_input_says_so() -> None:
    work_item = make_work_item(
        status="completed", name={"en": "Review", "de": "Prüfung"}, meta={"a": 1}, assigned_users=["anna"], user=ANNA
    )
    with emitted() as events, translation.override("de"):
        returned = run(
            SaveWorkItem(BEN, work_item=work_item.pk, name="Kontrolle", deadline="2030-01-02T03:04:05+02:00")
        )
    stored = WorkItem.objects.get(pk=work_item.pk)
    assert stored.name == returned.name == {"en": "Review", "de": "Kontrolle"}
    assert stored.deadline == datetime(2030, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert (stored.meta, stored.assigned_users, stored.status) == ({"a": 1}, ["anna"], "completed")
    assert (stored.modified_by_user, stored.created_by_user, stored.closed_by_user) == ("ben", "anna", "anna")
    assert events == []


def test_null_clears_what_may_be_empty() -> None:
    work_item = make_work_item(
        meta={"a": 1}, assigned_users=["anna"], deadline=datetime(2030, 1, 1, tzinfo=UTC), description={"en": "x"}
    )
    data: dict[str, Any] = {"meta": None, "assigned_users": None, "deadline": None, "description": None}
    run(SaveWorkItem(ANNA, work_item=work_item.pk, **data))
    stored = WorkItem.objects.get(pk=work_item.pk)
    assert (stored.meta, stored.assigned_users, stored.deadline, str(stored.description)) == ({}, [], None, "")


def test_a_deadline_without_an_offset_counts_in_the_time_zone_of_the_site(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Zurich"
    work_item = make_work_item()
    run(SaveWorkItem(ANNA, work_item=work_item.pk, deadline="2030-01-02T01:00:00"))
    assert WorkItem.objects.get(pk=work_item.pk).deadline == datetime(2030, 1, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("key", [uuid.uuid4(), "nonsense"])
def test_a_work_item_that_is_not_there_is_not_saved(key: Any) -> None:
    with pytest.raises(NotFound) as caught:
        run(SaveWorkItem(ANNA, work_item=key, name="x"))
    assert caught.value.field == "workItem"


def test_without_anything_to_save_the_work_item_is_asked_for() -> None:
    with pytest.raises(InvalidInput, match=r"^workItem is needed\.$"):
        run(SaveWorkItem(ANNA, name="x"))
