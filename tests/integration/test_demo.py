"""The demo: made once, by verbs, and it can be played through to both ends."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from caluma_async.demo import building_permit
from caluma_async.form.api import save_form
from caluma_async.identity import User
from caluma_async.workflow.api import complete_work_item, redo_work_item, start_case
from caluma_async.workflow.models import Case, Flow, Task, Workflow, WorkItem

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["applicants"])


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("seed_demo", *arguments, stdout=out)
    return out.getvalue()


def ready(case: Case) -> list[str]:
    return sorted(case.work_items.filter(status="ready").values_list("task", flat=True))


def complete(case: Case, task: str, **context: Any) -> None:
    for work_item in case.work_items.filter(status="ready", task=task):
        complete_work_item(work_item, ANNA, context=context or None)


def test_it_is_made_once() -> None:
    assert "was made" in said()
    made = (Workflow.objects.count(), Task.objects.count(), Flow.objects.count())
    assert made == (1, 7, 6)
    assert "is there already" in said()
    assert (Workflow.objects.count(), Task.objects.count(), Flow.objects.count()) == made


def test_what_somebody_changed_in_it_stays() -> None:
    building_permit.seed()
    save_form(building_permit.FORM, ANNA, name="Mine")
    said()
    assert Workflow.objects.get().allow_forms.get().name == {"en": "Mine"}


def test_it_says_what_there_is_and_how_to_start() -> None:
    text = said()
    assert "submit ('applicants'|groups) -> 'completeness-check'|task" in text
    assert 'saveCase(input: { workflow: "building-permit" })' in text


def test_quietly_it_says_nothing() -> None:
    assert said("--quiet") == ""
    assert Workflow.objects.filter(pk="building-permit").exists()


def test_everything_in_it_says_who_made_it() -> None:
    building_permit.seed()
    for model in (Workflow, Task, Flow):
        assert set(model.objects.values_list("created_by_user", flat=True)) == {"demo"}


@pytest.mark.parametrize(("context", "ending"), [({}, "permit"), ({"rejected": True}, "rejection")])
def test_a_case_of_it_goes_to_either_end(context: dict[str, Any], ending: str) -> None:
    building_permit.seed()
    case = start_case("building-permit", ANNA, form=building_permit.FORM)
    assert case.document is not None
    assert ready(case) == ["submit"]
    complete(case, "submit")
    complete(case, "completeness-check")
    assert ready(case) == ["expert-review", "expert-review"]
    reviews = WorkItem.objects.filter(case=case, task="expert-review")
    assert sorted(group for review in reviews for group in review.addressed_groups) == [
        "fire-department",
        "heritage-office",
    ]
    assert all(review.deadline for review in reviews)
    complete(case, "expert-review")
    complete(case, "decision", **context)
    assert ready(case) == [ending]
    complete(case, ending)
    complete(case, "archive")
    case.refresh_from_db()
    assert case.status == "completed"


def test_an_incomplete_application_goes_back() -> None:
    building_permit.seed()
    case = start_case("building-permit", ANNA)
    complete(case, "submit")
    redo_work_item(case.work_items.get(task="submit"), ANNA)
    assert ready(case) == ["submit"]
