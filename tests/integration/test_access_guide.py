"""What the guide shows about access runs as it stands there, and does what the guide says."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.http import HttpRequest
from pytest_django import Settings

from caluma_async import conf
from caluma_async.access import checks
from caluma_async.access.authentication.checks import check_authentication
from caluma_async.access.site import site_access
from caluma_async.errors import InvalidInput, NotAllowed, NotFound
from caluma_async.identity import ANONYMOUS, User
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import CancelCase, CompleteWorkItem, SaveCase, SaveSimpleTask, SaveWorkItem
from caluma_async.workflow.models import Case, Task, WorkItem

pytestmark = pytest.mark.django_db

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "access.md").read_text()
ANNA = User("anna", groups=["office"])
BEN = User("ben", groups=["council"])


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """All snippets of the page, as one module."""
    module = ModuleType("access_rules")
    for text in re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL):
        exec(compile(text, "guide", "exec"), vars(module))  # noqa: S102 - the guide is ours
    monkeypatch.setitem(sys.modules, "access_rules", module)
    return module


@pytest.fixture
def listed(rules: ModuleType, settings: Settings) -> None:
    """The settings that the page begins with."""
    for name, value in re.findall(r"^(\w+_CLASSES)=(\S+)$", PAGE, flags=re.MULTILINE):
        setattr(settings, name, [value])


def under_the_rules(verb: Any, user: User, **data: Any) -> Any:
    return run(verb(user, access=site_access(user), **data))


def test_the_classes_pass_the_check(listed: None) -> None:
    assert checks.check_classes() == []
    assert {message.id for message in checks.check_openness()} <= {"access.W004"}


def test_permissions_do_what_the_page_says(listed: None) -> None:
    with pytest.raises(NotAllowed):
        under_the_rules(SaveSimpleTask, ANNA, slug="new", name="New")
    under_the_rules(SaveSimpleTask, User("dora", groups=["designers"]), slug="new", name="New")
    make_workflow("permit", start=["new"])
    with pytest.raises(NotAllowed):
        under_the_rules(SaveCase, ANONYMOUS, workflow="permit", meta={"reference": "7"})
    case = under_the_rules(SaveCase, ANNA, workflow="permit", meta={"reference": "7"})
    [item] = case.work_items.all()
    with pytest.raises(NotAllowed, match="work item"):
        under_the_rules(CompleteWorkItem, ANNA, id=item.pk)
    WorkItem.objects.update(addressed_groups=["office"])
    under_the_rules(CompleteWorkItem, ANNA, id=item.pk)
    assert WorkItem.objects.get().status == WorkItem.STATUS_COMPLETED


def test_visibility_does_what_the_page_says(listed: None) -> None:
    mine, theirs = make_case(user=ANNA, ready=["review"]), make_case(user=BEN, ready=["review"])
    access = site_access(ANNA)
    assert list(access.visible(Case.objects.all(), ANNA)) == [mine]
    assert list(access.visible(WorkItem.objects.all(), ANNA)) == list(mine.work_items.all())
    assert access.visible(Task.objects.all(), ANNA).count() == 1
    assert access.visible(Case.objects.all(), ANNA, through="WorkItem.case").count() == 2
    with pytest.raises(NotFound):
        under_the_rules(SaveCase, ANNA, id=theirs.pk, workflow=theirs.workflow_id, meta={"reference": "7"})


def test_a_union_does_what_the_page_says(rules: ModuleType, settings: Settings) -> None:
    settings.VISIBILITY_CLASSES = ["access_rules.OwnOrPublic"]
    make_case(user=BEN)
    assert site_access(ANNA).visible(Case.objects.all(), ANNA).count() == 1
    assert site_access(ANONYMOUS).visible(Case.objects.all(), ANONYMOUS).count() == 0


def test_validation_does_what_the_page_says(listed: None) -> None:
    make_workflow("permit", start=["review"])
    with pytest.raises(InvalidInput, match="A case needs a reference"):
        under_the_rules(SaveCase, ANNA, workflow="permit")
    case = under_the_rules(SaveCase, ANNA, workflow="permit", meta={"reference": "7"})
    assert Case.objects.get().meta == {"reference": "7", "entered-by": "anna"}
    item = make_work_item(case, make_task("other"), user=ANNA)
    under_the_rules(SaveWorkItem, ANNA, work_item=item.pk, deadline="2030-01-01T00:00:00Z", meta={"a": 1})
    item.refresh_from_db()
    assert (item.deadline, item.meta) == (None, {"a": 1})


def test_code_that_acts_for_somebody_is_held_to_the_rules(rules: ModuleType, settings: Settings) -> None:
    case = make_case(user=ANNA)
    settings.PERMISSION_CLASSES = ["caluma_async.access.permissions.CreatedByGroup"]
    with pytest.raises(NotAllowed):
        rules.cancel_for(BEN, case)
    assert rules.cancel_for(ANNA, case).status == Case.STATUS_CANCELED


def test_a_user_of_ones_own_is_made_as_the_page_says(rules: ModuleType, settings: Settings) -> None:
    settings.OIDC_USER_FACTORY = "access_rules.make_clerk"
    assert check_authentication() == []
    clerk = rules.make_clerk("secret", {"sub": "anna", "caluma_groups": ["office"], "functions": ["deputy"]})
    assert (clerk.username, clerk.groups, clerk.is_deputy, clerk.token) == ("anna", ("office",), True, "secret")


async def test_an_authenticator_of_ones_own_is_asked_as_the_page_says(rules: ModuleType) -> None:
    nameless, named = HttpRequest(), HttpRequest()
    named.META["HTTP_X_CLIENT_NAME"] = "printer"
    assert await rules.by_certificate(nameless) == ANONYMOUS
    assert await rules.by_certificate(named) == User("printer", groups=["machines"])


def test_every_setting_that_the_page_names_is_one() -> None:
    named = set(re.findall(r"`((?:OIDC|EVENT|GROUP)_[A-Z_]+)`", PAGE))
    assert named
    assert named <= conf.every().keys()


def test_cancelling_is_refused_to_nobody_when_nothing_is_listed() -> None:
    case = make_case()
    assert under_the_rules(CancelCase, ANONYMOUS, id=case.pk).status == Case.STATUS_CANCELED
