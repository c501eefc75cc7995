"""The verbs that save tasks: what they take, what they keep, what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError, connection
from django.db.models import Model, QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from caluma_async.access import Trusted
from caluma_async.access.base import Deed
from caluma_async.errors import InvalidExpression, InvalidInput, NotAllowed, Refused
from caluma_async.identity import User
from caluma_async.testing.factories import make_form, make_task
from caluma_async.verbs import run
from caluma_async.verbs.saving import SaveBySlug
from caluma_async.workflow.design_api import (
    asave_complete_task_form_task,
    asave_complete_workflow_form_task,
    asave_simple_task,
    save_complete_task_form_task,
    save_complete_workflow_form_task,
    save_simple_task,
)
from caluma_async.workflow.models import Task
from caluma_async.workflow.verbs.design import SaveSimpleTask

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])
BEN = User("ben", groups=["lab"])


def test_a_task_is_made_with_all_that_is_given() -> None:
    save_simple_task(
        "review",
        ANNA,
        name="Review",
        description="Look at it",
        meta={"a": [1]},
        address_groups="['a', 'b']|groups",
        control_groups="'c'",
        is_archived=True,
        lead_time=60,
        is_multiple_instance=True,
        continue_async=True,
    )
    task = Task.objects.get()
    assert (task.slug, task.type, str(task.name), str(task.description)) == ("review", "simple", "Review", "Look at it")
    assert (task.meta, task.address_groups, task.control_groups) == ({"a": [1]}, "['a', 'b']|groups", "'c'")
    assert (task.is_archived, task.lead_time, task.is_multiple_instance, task.continue_async) == (True, 60, True, True)
    assert (task.created_by_user, task.created_by_group, task.modified_by_user) == ("anna", "office", "anna")


def test_what_is_left_out_stays_and_null_clears() -> None:
    save_simple_task("review", ANNA, name="Review", meta={"a": 1}, lead_time=60, address_groups="'a'", is_archived=True)
    save_simple_task("review", BEN, lead_time=None, address_groups=None)
    task = Task.objects.get()
    assert (str(task.name), task.meta, task.is_archived) == ("Review", {"a": 1}, True)
    assert (task.lead_time, task.address_groups) == (None, None)
    assert (task.created_by_user, task.modified_by_user, task.modified_by_group) == ("anna", "ben", "lab")
    run(SaveSimpleTask(BEN, slug="review", meta=None, is_archived=None, description=None))
    task.refresh_from_db()
    assert (task.meta, task.is_archived, str(task.description)) == ({}, False, "")


def test_a_text_is_that_of_the_active_language_and_the_others_stay() -> None:
    save_simple_task("review", ANNA, name="Review")
    with override("de"):
        save_simple_task("review", ANNA, name="Prüfung")
    assert Task.objects.get().name == {"en": "Review", "de": "Prüfung"}
    save_simple_task("review", ANNA, name={"fr": "Examen"})
    assert Task.objects.get().name == {"en": "Review", "de": "Prüfung", "fr": "Examen"}


def test_each_verb_makes_its_own_type() -> None:
    make_form("plan")
    save_complete_workflow_form_task("fill-case", ANNA, name="Fill in")
    save_complete_task_form_task("fill-item", ANNA, name="Fill in", form="plan")
    assert dict(Task.objects.values_list("slug", "type")) == {
        "fill-case": "complete_workflow_form",
        "fill-item": "complete_task_form",
    }
    assert Task.objects.get(pk="fill-item").form_id == "plan"


def test_the_form_of_a_task_can_be_given_as_an_object_and_be_changed() -> None:
    save_complete_task_form_task("fill", ANNA, name="Fill in", form=make_form("plan"))
    save_complete_task_form_task("fill", ANNA, form=make_form("other"))
    assert Task.objects.get().form_id == "other"


def test_the_type_of_a_task_never_changes() -> None:
    save_complete_workflow_form_task("review", ANNA, name="Review")
    with pytest.raises(Refused, match="Task 'review' is of the type complete_workflow_form; it cannot become simple"):
        save_simple_task("review", ANNA, name="Other")
    assert str(Task.objects.get().name) == "Review"


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"name": None}, "name", "name must be a text"),
        ({"lead_time": -1}, "leadTime", "leadTime must be a whole number"),
        ({"meta": ["a"]}, "meta", "meta must be a JSON object"),
        ({"is_archived": "yes"}, "isArchived", "isArchived must be true or false"),
        ({"continue_async": True}, "continueAsync", "only possible together with isMultipleInstance"),
        ({"form": "plan"}, "form", "There is no field form"),
        ({"address_groups": 3}, "addressGroups", "addressGroups must be a text"),
        ({"address_groups": "'a'\x00"}, "addressGroups", "cannot be stored"),
    ],
)
def test_wrong_input_is_refused_by_field_and_changes_nothing(given: dict[str, Any], field: str, message: str) -> None:
    make_task("review", name="Review")
    with pytest.raises(InvalidInput, match=message) as caught:
        run(SaveSimpleTask(ANNA, slug="review", **given))
    assert caught.value.field == field
    assert list(caught.value.fields) == [field]
    assert caught.value.message.startswith("Task 'review': ")
    assert Task.objects.get().modified_by_user is None


@pytest.mark.parametrize("slug", ["", "a b", "ä", None, 3, "a\x00", "x" * 128])
def test_what_is_no_slug_is_refused(slug: Any) -> None:
    with pytest.raises(InvalidInput, match="slug must be") as caught:
        run(SaveSimpleTask(ANNA, slug=slug, name="Review"))
    assert caught.value.field == "slug"
    with pytest.raises(InvalidInput, match="slug must be"):
        run(SaveSimpleTask(ANNA, name="Review"))
    assert not Task.objects.exists()


def test_a_new_task_needs_a_name_and_its_form() -> None:
    with pytest.raises(InvalidInput, match="name is needed") as caught:
        save_simple_task("review", ANNA)
    assert caught.value.field == "name"
    with pytest.raises(InvalidInput, match=r"name is needed\. form is needed\.") as caught:
        save_complete_task_form_task("review", ANNA)
    assert list(caught.value.fields) == ["name", "form"]


@pytest.mark.parametrize(
    ("form", "message"),
    [("nowhere", "There is no form 'nowhere'"), (None, "form must be"), (3, "form must be"), ("a b", "form must be")],
)
def test_an_unknown_form_is_named(form: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        save_complete_task_form_task("review", ANNA, name="Review", form=form)
    assert caught.value.field == "form"
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("expression", "place"),
    [("'a'|", "at character"), ("'a'|nonsense", "at character 5 of"), ("['a'", "at character"), ("'a'" * 9000, "10")],
)
def test_a_group_expression_is_checked_when_saved(expression: str, place: str) -> None:
    with pytest.raises(InvalidExpression, match=place) as caught:
        save_simple_task("review", ANNA, name="Review", address_groups=expression)
    assert caught.value.field == "addressGroups"
    with pytest.raises(InvalidExpression):
        save_simple_task("review", ANNA, name="Review", control_groups=expression)


@pytest.mark.parametrize("nothing", ["", "  ", None])
def test_a_group_expression_without_anything_in_it_is_none(nothing: str | None) -> None:
    assert save_simple_task("review", ANNA, name="Review", address_groups=nothing).address_groups is None


def test_several_complaints_come_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        save_simple_task("review", ANNA, name="Review", lead_time=-1, address_groups="'a'|")
    assert list(caught.value.fields) == ["leadTime", "addressGroups"]


def test_continue_async_goes_only_with_multiple_instance_whichever_is_saved_last() -> None:
    save_simple_task("review", ANNA, name="Review", is_multiple_instance=True)
    save_simple_task("review", ANNA, continue_async=True)
    with pytest.raises(InvalidInput, match="continueAsync"):
        save_simple_task("review", ANNA, is_multiple_instance=False)
    save_simple_task("review", ANNA, is_multiple_instance=False, continue_async=False)


def test_the_number_of_statements_is_small() -> None:
    make_form("plan")
    assert statements(lambda: save_simple_task("review", ANNA, name="Review")) <= 4 + FRAME
    assert statements(lambda: save_simple_task("review", ANNA, name="Other")) <= 2 + FRAME
    assert statements(lambda: save_complete_task_form_task("fill", ANNA, name="Fill in", form="plan")) <= 5 + FRAME


def test_each_function_has_an_async_twin() -> None:
    make_form("plan")
    async_to_sync(asave_simple_task)("a", ANNA, name="A")
    async_to_sync(asave_complete_workflow_form_task)("b", ANNA, name="B")
    async_to_sync(asave_complete_task_form_task)("c", ANNA, name="C", form="plan")
    assert list(Task.objects.order_by("pk").values_list("pk", flat=True)) == ["a", "b", "c"]


class Restricted(Trusted):
    """Sees no task, and may save none that exists."""

    def visible(self, queryset: QuerySet[Any], user: User, **kwargs: Any) -> QuerySet[Any]:
        return queryset.none()

    def restricts(self, model: type[Model], **kwargs: Any) -> bool:
        return True


def test_a_slug_that_one_may_not_see_is_taken() -> None:
    make_task("review", name="Review")
    with pytest.raises(InvalidInput, match="The slug 'review' is taken") as caught:
        run(SaveSimpleTask(ANNA, access=Restricted(), slug="review", name="Mine"))
    assert caught.value.field == "slug"
    assert str(Task.objects.get().name) == "Review"


class SeesAll(Restricted):
    """Sees every task, after asking."""

    def visible(self, queryset: QuerySet[Any], user: User, **kwargs: Any) -> QuerySet[Any]:
        return queryset


def test_a_task_that_one_may_see_is_changed() -> None:
    make_task("review", name="Review")
    run(SaveSimpleTask(ANNA, access=SeesAll(), slug="review", name="Mine"))
    assert str(Task.objects.get().name) == "Mine"


def test_an_integrity_error_of_another_sort_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(record: Task, **kwargs: Any) -> None:
        raise IntegrityError("another sort")

    monkeypatch.setattr(Task, "save", fail)
    with pytest.raises(IntegrityError, match="another sort"):
        save_simple_task("review", ANNA, name="Review")


class Asked(Trusted):
    """Notes what it is asked, and lets nobody change anything."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Any]] = []

    def permit(self, deed: Deed, instance: Model | None) -> None:
        self.asked.append((type(deed), instance))
        raise NotAllowed("Not you.")


def test_the_permission_is_asked_for_this_verb_with_the_task_before_the_input_is_looked_at() -> None:
    task, access = make_task("review"), Asked()
    for slug in ("review", "new"):
        with pytest.raises(NotAllowed):
            run(SaveSimpleTask(ANNA, access=access, slug=slug, lead_time=-1))
    assert access.asked == [(SaveSimpleTask, task), (SaveSimpleTask, None)]


@pytest.mark.django_db(transaction=True)
def test_two_who_make_one_task_at_once_both_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    both_looked = Barrier(2, timeout=10)
    load = SaveBySlug.load

    def load_together(verb: SaveBySlug[Any]) -> Model | None:
        found = load(verb)
        # on SQLite the write lock, taken at the beginning, keeps them apart
        if connection.vendor == "postgresql" and found is None:
            both_looked.wait()
        return found

    monkeypatch.setattr(SaveBySlug, "load", load_together)
    with ThreadPoolExecutor(2) as threads:
        saved = list(threads.map(save_as(SaveSimpleTask), ["anna", "ben"]))
    task = Task.objects.get()
    assert {each.pk for each in saved} == {"review"}
    assert {task.created_by_user, task.modified_by_user} == {"anna", "ben"}


def save_as(verb: type[SaveSimpleTask]) -> Callable[[str], Task]:
    def save(name: str) -> Task:
        try:
            return run(verb(User(name), slug="review", name=name))
        finally:
            connection.close()

    return save


FRAME = 2
"""The savepoint around a verb inside of the test's transaction."""


def statements(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)
