"""The demo: made once, by verbs, and it can be played through to both ends."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from caluma_async.demo import building_permit
from caluma_async.errors import InvalidInput
from caluma_async.form.api import check_document, save_answer, save_document, save_form
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


def test_its_form_asks_for_what_is_planned() -> None:
    building_permit.seed()
    document = start_case("building-permit", ANNA, form=building_permit.FORM).document
    assert document is not None
    with pytest.raises(InvalidInput) as caught:
        check_document(document, ANNA)
    assert {"applicant-name", "kind-of-work", "parcels"} <= caught.value.fields.keys()
    assert not {"heritage", "energy", "plans", "applicant-email"} & caught.value.fields.keys()
    save_answer("kind-of-work", document, ANNA, value="alteration")
    with pytest.raises(InvalidInput) as caught:
        check_document(document, ANNA)
    assert "heritage" in caught.value.fields


def test_its_fee_follows_the_parcels_and_what_is_planned() -> None:
    building_permit.seed()
    document = start_case("building-permit", ANNA, form=building_permit.FORM).document
    assert document is not None
    rows = [save_document("building-permit-parcel", ANNA) for _ in range(2)]
    for row, area in zip(rows, (100, 20.5), strict=True):
        save_answer("parcel-area", row, ANNA, value=area)
    save_answer("parcels", document, ANNA, value=[row.pk for row in rows])
    save_answer("kind-of-work", document, ANNA, value="demolition")
    assert {slug: document.answers.get(question=slug).value for slug in ("total-area", "fee")} == {
        "total-area": 120.5,
        "fee": 341,
    }
    save_answer("kind-of-work", document, ANNA, value="new-building")
    assert document.answers.get(question="fee").value == 741
