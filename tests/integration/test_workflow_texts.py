"""Texts that no database can keep, wherever they come from: refused in a sentence, and nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.errors import InvalidExpression, InvalidInput, NotFound
from caluma_async.identity import LONGEST_NAME, User
from caluma_async.testing.factories import make_case, make_task, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import (
    CancelCase,
    CompleteWorkItem,
    CreateWorkItem,
    SaveSimpleTask,
    SaveWorkItem,
    StartCase,
)
from caluma_async.workflow.models import Case, Task, WorkItem
from tests.integration.workflow_stage import ANNA, item

pytestmark = pytest.mark.django_db

UNSTORABLE = ["\x00", "a\x00b", "\ud800"]


@pytest.mark.parametrize(
    ("user", "what"),
    [
        *[(User(name), "name") for name in (*UNSTORABLE, "x" * (LONGEST_NAME + 1))],
        *[(User("anna", groups=[name]), "group") for name in (*UNSTORABLE, "x" * (LONGEST_NAME + 1))],
    ],
)
def test_a_user_whose_name_or_group_cannot_be_noted_changes_nothing(user: User, what: str) -> None:
    case = make_case("approval", ready=["a"])
    asked: list[Any] = [
        StartCase(user, workflow="approval"),
        SaveSimpleTask(user, slug="new", name="New"),
        CompleteWorkItem(user, id=item(case, "a").pk),
        CancelCase(user, id=case.pk),
    ]
    for verb in asked:
        with pytest.raises(InvalidInput, match=f"^The {what} of the user cannot be noted"):
            run(verb)
    assert (Case.objects.count(), Task.objects.count(), item(case, "a").status) == (1, 1, "ready")


def test_a_user_with_the_longest_name_and_group_is_noted() -> None:
    make_workflow("approval")
    longest = "ü" * LONGEST_NAME
    case = Case.objects.get(pk=run(StartCase(User(longest, groups=[longest]), workflow="approval")).pk)
    assert (case.created_by_user, case.created_by_group) == (longest, longest)


def test_of_the_groups_only_the_one_that_is_noted_matters() -> None:
    make_workflow("approval")
    user = User("anna", groups=["\x00"], group="office")
    assert run(StartCase(user, workflow="approval")).created_by_group == "office"


@pytest.mark.parametrize("text", UNSTORABLE)
def test_groups_that_a_context_brings_are_refused(text: str) -> None:
    make_task("a", address_groups="info.context.addressed_groups")
    make_workflow("approval", start=["a"])
    for groups in (text, ["office", text]):
        with pytest.raises(InvalidExpression, match="gave groups with a character that cannot be stored"):
            run(StartCase(ANNA, workflow="approval", context={"addressed_groups": groups}))
    assert not Case.objects.exists()


@pytest.mark.parametrize("text", UNSTORABLE)
def test_tasks_that_a_context_brings_are_refused(text: str) -> None:
    make_workflow("approval", flows={"a": "info.context.next|task"})
    case = make_case("approval", ready=["a"])
    with pytest.raises(InvalidExpression, match="gave tasks with a character that cannot be stored"):
        run(CompleteWorkItem(ANNA, id=item(case, "a").pk, context={"next": text}))
    assert item(case, "a").status == "ready"


@pytest.mark.parametrize("task", [*UNSTORABLE, "x" * 5_000, 7, [], {}])
@pytest.mark.parametrize("verb", [CreateWorkItem, SaveWorkItem])
def test_a_task_that_cannot_be_one_is_not_found(verb: Any, task: Any) -> None:
    case = make_case("approval", ready=["a"])
    with pytest.raises(NotFound, match="There is no task") as caught:
        run(verb(ANNA, case=case.pk, multiple_instance_task=task))
    assert caught.value.field == "multipleInstanceTask"


@pytest.mark.parametrize("name", [None, "", {}, {"de": None}, {"en": ""}])
def test_the_name_of_a_work_item_is_not_emptied(name: Any) -> None:
    work_item = item(make_case("approval", ready=["a"]), "a")
    with pytest.raises(InvalidInput) as caught:
        run(SaveWorkItem(ANNA, work_item=work_item.pk, name=name, meta={"changed": True}))
    assert (caught.value.field, caught.value.message) == ("name", "SaveWorkItem: name must not be empty.")
    stored = WorkItem.objects.get(pk=work_item.pk)
    assert (stored.name, stored.meta) == (work_item.name, {})
