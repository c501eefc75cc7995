"""A work item is completed with the document that was checked: no answer is saved between the check and the commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from caluma_async.errors import Busy, InvalidInput, Refused, SignalHandlingError
from caluma_async.events import on
from caluma_async.events.receivers import registry
from caluma_async.form import events, families
from caluma_async.form.api import save_answer
from caluma_async.form.loading import structure
from caluma_async.form.models import Answer, Document
from caluma_async.testing.factories import make_case, make_document, make_question, make_task, make_work_item
from caluma_async.verbs import run
from caluma_async.workflow.models import Task, WorkItem
from caluma_async.workflow.verbs.work_items import CompleteWorkItem
from tests.integration.crowd import crowd
from tests.integration.documents_stage import ANNA, BEN, make_plan, make_row

ROUNDS = 20

kinds = pytest.mark.parametrize("kind", [Task.TYPE_COMPLETE_TASK_FORM, Task.TYPE_COMPLETE_WORKFLOW_FORM])


@pytest.fixture(autouse=True)
def own_receivers() -> Iterator[None]:
    with registry.isolated():
        yield


def make_item(kind: str, document: Document) -> WorkItem:
    """A ready work item that is completed once the document is valid."""
    of_task = kind == Task.TYPE_COMPLETE_TASK_FORM
    case = make_case(document=None if of_task else document)
    return make_work_item(case, "fill", document=document if of_task else None)


def make_tasks_and_forms(kind: str) -> None:
    make_plan()
    make_question("name", form="plan", is_required="true")
    make_question("needed", form="row", is_required="true")
    make_task("fill", type=kind)
    make_task("next")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("question", ["name", "needed"])
@kinds
def test_an_answer_is_emptied_before_the_check_or_after_the_commit(kind: str, question: str) -> None:
    make_tasks_and_forms(kind)
    item: WorkItem
    seen: list[str] = []

    @on(events.post_save_answer)
    def look(sender: Any, **_: Any) -> None:
        seen.append(WorkItem.objects.get(pk=item.pk).status)

    with crowd(2) as people:
        for _ in range(ROUNDS):
            document = make_document("plan", answers={"name": "x"})
            row = make_row(document, needed="x")
            item = make_item(kind, document)
            emptied = document if question == "name" else row
            seen.clear()
            completed, answered = people.do(
                [
                    lambda item=item: run(CompleteWorkItem(ANNA, id=item.pk)),
                    lambda emptied=emptied: save_answer(question, emptied.pk, BEN, None),
                ]
            )
            assert not isinstance(answered, Exception), answered
            item.refresh_from_db()
            if isinstance(completed, InvalidInput):
                assert (seen, item.status) == (["ready"], "ready")
            else:
                assert (seen, item.status) == (["completed"], "completed"), completed


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_goes_the_other_way_ends_in_one_completion_or_none() -> None:
    make_tasks_and_forms(Task.TYPE_COMPLETE_TASK_FORM)
    item: WorkItem

    @on(events.post_save_answer, raise_exception=True)
    def complete(sender: Any, **_: Any) -> None:
        run(CompleteWorkItem(BEN, id=item.pk))

    with crowd(2) as people:
        for _ in range(5):
            document = make_document("plan", answers={"name": "x"})
            item = make_item(Task.TYPE_COMPLETE_TASK_FORM, document)
            completed, answered = people.do(
                [
                    lambda item=item: run(CompleteWorkItem(ANNA, id=item.pk)),
                    lambda document=document: save_answer("name", document.pk, BEN, "y"),
                ]
            )
            item.refresh_from_db()
            done = [isinstance(completed, WorkItem), isinstance(answered, Answer)]
            failures = [each for each in (completed, answered) if isinstance(each, Exception)]
            assert {type(each) for each in failures} <= {Busy, Refused, SignalHandlingError}, failures
            assert (sum(done), item.status) == (1, "completed"), (completed, answered)


@pytest.mark.django_db
@kinds
def test_a_document_that_keeps_moving_is_left_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tasks_and_forms(kind)
    document = make_document("plan", answers={"name": "x"})
    item = make_item(kind, document)
    other = make_document("plan")
    monkeypatch.setattr(families, "lock_family_of", lambda key: [(other.pk, "plan")])
    with pytest.raises(Busy, match="being moved"):
        run(CompleteWorkItem(ANNA, id=item.pk))
    item.refresh_from_db()
    assert item.status == "ready"


@pytest.mark.django_db
@kinds
def test_a_structure_that_was_loaded_before_may_be_handed_over(kind: str) -> None:
    make_tasks_and_forms(kind)
    document = make_document("plan")
    item = make_item(kind, document)
    context = {"validation_context": structure(document.pk)}
    save_answer("name", document, ANNA, "x")
    with pytest.raises(InvalidInput, match="'name'"):
        run(CompleteWorkItem(ANNA, id=item.pk, context=context))
    assert run(CompleteWorkItem(ANNA, id=item.pk)).status == "completed"
