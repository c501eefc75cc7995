"""Permissions, visibilities and validations that were written for Caluma decide here as they did there."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from pytest_django import Settings

from caluma_async.access.site import site_access
from caluma_async.errors import InvalidInput, NotAllowed, NotFound
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import CancelCase, CompleteWorkItem, CreateWorkItem, SaveCase, SaveSimpleTask, SaveWorkItem
from caluma_async.workflow.models import Case, Task, WorkItem

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])
BEN = User("ben", groups=["council"])


@pytest.fixture
def town(settings: Settings) -> Any:
    """Classes that were written for Caluma."""
    settings.PERMISSION_CLASSES = ["tests.legacy.town_access.TownPermission"]
    settings.VISIBILITY_CLASSES = ["tests.legacy.town_access.TownVisibility"]
    settings.VALIDATION_CLASSES = ["tests.legacy.town_access.TownValidation"]
    return site_access


def test_classes_that_were_written_for_caluma_decide_on_verbs(town: Any) -> None:
    make_workflow("permit", start=["review"])
    case = run(SaveCase(ANNA, access=town(ANNA), workflow="permit"))
    assert case.meta == {"door": "office"}
    [item] = WorkItem.objects.all()
    with pytest.raises(NotAllowed, match=f"work item {item.pk}: CompleteWorkItem"):
        run(CompleteWorkItem(ANNA, access=town(ANNA), id=item.pk))
    with pytest.raises(NotFound):
        run(CompleteWorkItem(BEN, access=town(BEN), id=item.pk))
    WorkItem.objects.update(addressed_groups=["office"])
    run(CompleteWorkItem(ANNA, access=town(ANNA), id=item.pk))
    with pytest.raises(NotAllowed, match="SaveSimpleTask"):
        run(SaveSimpleTask(ANNA, access=town(ANNA), slug="new", name="New"))
    retired = User("retired", groups=["admin"])
    with pytest.raises(InvalidInput, match=r"You have retired\."):
        run(SaveSimpleTask(retired, access=town(retired), slug="new", name="New"))


def test_classes_that_were_written_for_caluma_ask_for_headers_and_for_the_input(town: Any) -> None:
    case = make_case(user=ANNA)
    make_work_item(case, make_task("review", is_multiple_instance=True), user=ANNA)
    request = HttpRequest()
    request.META["HTTP_X_FORBIDDEN"] = "1"
    request.user = ANNA  # type: ignore[assignment]
    with pytest.raises(NotAllowed):
        run(CancelCase(ANNA, access=town(ANNA, request), id=case.pk))
    made = run(CreateWorkItem(ANNA, access=town(ANNA), case=case.pk, multiple_instance_task="review"))
    assert made.case_id == case.pk
    other = make_case()
    with pytest.raises(NotAllowed, match="CreateWorkItem"):
        run(CreateWorkItem(ANNA, access=town(ANNA), case=other.pk, multiple_instance_task="review"))


def test_classes_that_were_written_for_caluma_decide_on_what_is_seen(town: Any) -> None:
    mine = make_case(user=ANNA)
    for task in ("council-hearing", "council-vote"):
        make_work_item(mine, task, user=ANNA)
    access = town(BEN)
    assert list(access.visible(Case.objects.all(), BEN)) == [mine]
    assert access.visible(WorkItem.objects.all(), BEN).count() == 2
    assert access.visible(Task.objects.all(), BEN).count() == 2
    assert access.visible(WorkItem.objects.all(), User("carl", groups=["else"])).count() == 0
    assert not access.restricts(Case, through="WorkItem.case")
    run(SaveWorkItem(BEN, access=access, work_item=WorkItem.objects.first(), meta={"a": 1}))
