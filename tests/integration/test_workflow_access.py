"""Whoever asks for a verb: what they may not see is not there, what they may not do is not done."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest
from django.db import connection
from django.db.models import Model, QuerySet

from caluma_async.access import Trusted
from caluma_async.errors import NotAllowed, NotFound, Refused
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_form, make_task, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import (
    CancelCase,
    CancelWorkItem,
    CompleteWorkItem,
    CreateWorkItem,
    RedoWorkItem,
    ReopenCase,
    ResumeCase,
    ResumeWorkItem,
    SaveCase,
    SaveWorkItem,
    SkipWorkItem,
    StartCase,
    SuspendCase,
    SuspendWorkItem,
)
from caluma_async.workflow.models import Case, WorkItem
from tests.integration.workflow_stage import ANNA, item, statuses

pytestmark = pytest.mark.django_db

M = TypeVar("M", bound=Model)


class Hiding(Trusted):
    """Hides all objects of some models; shows the others twice, as a careless join would."""

    def __init__(self, *models: type[Model]) -> None:
        self.models = models

    def visible(self, queryset: QuerySet[M], user: User, *, through: str | None = None) -> QuerySet[M]:
        """Nothing of what is hidden."""
        return queryset.none() if queryset.model in self.models else queryset

    def restricts(self, model: type[Model], *, through: str | None = None) -> bool:
        """Whether it is hidden."""
        return model in self.models


class Careless(Trusted):
    """Finds cases once per work item."""

    def visible(self, queryset: QuerySet[M], user: User, *, through: str | None = None) -> QuerySet[M]:
        """With duplicates."""
        if queryset.model is Case:
            return queryset.filter(work_items__isnull=False)
        return queryset.filter(case__work_items__isnull=False) if queryset.model is WorkItem else queryset

    def restricts(self, model: type[Model], *, through: str | None = None) -> bool:
        """Yes."""
        return True


class Forbidding(Trusted):
    """Forbids everything that is asked of an object, and remembers which."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def permit(self, deed: Any, instance: Model | None) -> None:
        """No."""
        self.asked.append(instance)
        raise NotAllowed("No.")


ON_WORK_ITEMS = [CompleteWorkItem, SkipWorkItem, CancelWorkItem, SuspendWorkItem, ResumeWorkItem, RedoWorkItem]
ON_CASES = [CancelCase, SuspendCase, ResumeCase]


@pytest.mark.parametrize("verb", ON_WORK_ITEMS)
def test_a_hidden_work_item_is_not_found(verb: type[Any]) -> None:
    work_item = make_work_item()
    with pytest.raises(NotFound) as caught:
        run(verb(ANNA, access=Hiding(WorkItem), id=work_item.pk))
    assert caught.value.message == f"There is no work item '{work_item.pk}'."
    assert WorkItem.objects.get().status == "ready"


@pytest.mark.parametrize("verb", ON_CASES)
def test_a_hidden_case_is_not_found(verb: type[Any]) -> None:
    case = make_case()
    with pytest.raises(NotFound):
        run(verb(ANNA, access=Hiding(Case), id=case.pk))
    with pytest.raises(NotFound):
        run(SaveCase(ANNA, access=Hiding(Case), id=case.pk, workflow=case.workflow_id))
    with pytest.raises(NotFound):
        run(ReopenCase(ANNA, access=Hiding(Case), id=case.pk, work_items=[]))
    with pytest.raises(NotFound):
        run(CreateWorkItem(ANNA, access=Hiding(Case), case=case.pk, multiple_instance_task="x"))


def test_hidden_references_are_not_found() -> None:
    form = make_form("application")
    workflow = make_workflow("approval", allow_all_forms=True)
    parent = make_work_item()
    data = {"workflow": "approval", "form": "application", "parent_work_item": parent.pk}
    for model, field in ((type(workflow), "workflow"), (type(form), "form"), (WorkItem, "parentWorkItem")):
        with pytest.raises(NotFound) as caught:
            run(StartCase(ANNA, access=Hiding(model), **data))
        assert caught.value.field == field
    with pytest.raises(NotFound):
        run(SaveWorkItem(ANNA, access=Hiding(WorkItem), work_item=parent.pk, name="x"))
    ended = make_work_item(make_case(status="completed"), status="completed")
    with pytest.raises(NotFound) as caught:
        run(ReopenCase(ANNA, access=Hiding(WorkItem), id=ended.case_id, work_items=[ended.pk]))
    assert caught.value.field == "workItems"


def test_a_hidden_multiple_instance_task_is_not_found() -> None:
    task = make_task("many", is_multiple_instance=True)
    case = make_case(ready=[task])
    with pytest.raises(NotFound) as caught:
        run(CreateWorkItem(ANNA, access=Hiding(type(task)), case=case.pk, multiple_instance_task="many"))
    assert caught.value.field == "multipleInstanceTask"


def test_a_visibility_that_finds_objects_several_times_does_no_harm() -> None:
    make_task("many", is_multiple_instance=True)
    make_workflow("approval")
    case = make_case("approval", ready=["a", "b", "many"])
    access = Careless()
    assert run(CompleteWorkItem(ANNA, access=access, id=item(case, "a").pk)).status == "completed"
    run(CreateWorkItem(ANNA, access=access, case=case.pk, multiple_instance_task="many"))
    run(SaveCase(ANNA, access=access, id=case.pk, workflow="approval", meta={"a": 1}))
    run(SuspendCase(ANNA, access=access, id=case.pk))
    run(ResumeCase(ANNA, access=access, id=case.pk))
    run(CancelCase(ANNA, access=access, id=case.pk))
    run(ReopenCase(ANNA, access=access, id=case.pk, work_items=[item(case, "b").pk]))
    assert statuses(case) == {"": "running", "a": "completed", "b": "ready", "many": ["canceled", "canceled"]}


def test_what_belongs_to_a_case_goes_along_even_if_it_is_hidden() -> None:
    case = make_case("approval", ready=["a"])
    run(CancelCase(ANNA, access=Hiding(WorkItem), id=case.pk))
    assert statuses(case) == {"": "canceled", "a": "canceled"}


@pytest.mark.parametrize("verb", ON_WORK_ITEMS)
def test_the_permission_is_asked_for_the_work_item_before_the_rules(verb: type[Any]) -> None:
    work_item = make_work_item(make_case(status="canceled"), status="redo")
    access = Forbidding()
    with pytest.raises(NotAllowed):
        run(verb(ANNA, access=access, id=work_item.pk))
    assert access.asked == [work_item]


def test_the_permission_is_asked_for_what_is_changed_and_for_nothing_where_something_is_made() -> None:
    task = make_task("many", is_multiple_instance=True)
    case = make_case(ready=[task])
    asked: list[Any] = []
    for verb in (
        SaveCase(ANNA, access=(access := Forbidding()), id=case.pk, workflow=case.workflow_id),
        SaveWorkItem(ANNA, access=access, work_item=case.work_items.get().pk),
        CancelCase(ANNA, access=access, id=case.pk),
        StartCase(ANNA, access=access, workflow=case.workflow_id),
        CreateWorkItem(ANNA, access=access, case=case.pk, multiple_instance_task="many"),
        SaveWorkItem(ANNA, access=access, case=case.pk, multiple_instance_task="many"),
    ):
        with pytest.raises(NotAllowed):
            run(verb)
        asked = access.asked
    assert asked == [case, case.work_items.get(), case, None, None, None]


def test_validated_input_is_what_the_verb_works_with() -> None:
    class Correcting(Trusted):
        """Changes the input."""

        def validate(self, deed: Any, instance: Model | None) -> dict[str, Any]:
            """Another name."""
            return {**deed.data, "name": "corrected"}

    work_item = make_work_item()
    run(SaveWorkItem(ANNA, access=Correcting(), work_item=work_item.pk, name="x"))
    assert WorkItem.objects.get().name == {"en": "corrected"}


def test_a_key_that_a_hidden_case_has_is_not_taken_for_a_new_case() -> None:
    make_workflow("approval")
    case = make_case("approval")
    with pytest.raises(NotFound):
        run(SaveCase(ANNA, access=Hiding(Case), id=case.pk, workflow="approval"))
    assert Case.objects.count() == 1


def test_two_clients_that_bring_the_same_key_for_a_new_case(monkeypatch: pytest.MonkeyPatch) -> None:
    make_workflow("approval")
    case = make_case("approval")
    monkeypatch.setattr(SaveCase, "_existing", lambda self: None)
    with pytest.raises(Refused) as caught:
        run(SaveCase(ANNA, id=case.pk, workflow="approval"))
    assert caught.value.message == (
        f"Case {case.pk} cannot be created: it exists already, or its document belongs to another case."
    )


@pytest.mark.parametrize(("verb", "model"), [(CancelCase, Case), (CancelWorkItem, WorkItem)])
def test_what_got_hidden_while_the_verb_waited_for_the_lock_is_not_found(verb: type[Any], model: Any) -> None:
    class Open(Trusted):
        """Shows what is marked as open."""

        def visible(self, queryset: QuerySet[M], user: User, *, through: str | None = None) -> QuerySet[M]:
            """By meta."""
            return queryset.filter(meta__open=True)

        def restricts(self, model: type[Model], *, through: str | None = None) -> bool:
            """Yes."""
            return True

    case = make_case("approval", meta={"open": True})
    work_item = make_work_item(case, meta={"open": True})
    shown: Any = case if model is Case else work_item
    statements: list[str] = []

    def hide(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """After the first SELECT, which takes the lock."""
        result = execute(sql, params, many, context)
        if sql.startswith("SELECT") and not statements:
            statements.append(sql)
            model.objects.update(meta={})
        return result

    with connection.execute_wrapper(hide), pytest.raises(NotFound):
        run(verb(ANNA, access=Open(), id=shown.pk))
    assert statements
    shown.refresh_from_db()
    assert shown.status in {"running", "ready"}
