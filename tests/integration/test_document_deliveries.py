"""Receivers that do not block hear of documents after the commit: each event can be kept, in the lane of its family."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from caluma_async.events import on
from caluma_async.events.event import EventType
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.receivers import registry
from caluma_async.form import events
from caluma_async.form.api import copy_document, remove_answer, remove_document, save_answer, save_document
from caluma_async.form.models import Document
from caluma_async.testing.factories import make_case, make_question
from caluma_async.testing.plugin import Deliver
from tests.integration.documents_stage import ANNA, EACH, make_plan, make_row, statements

pytestmark = pytest.mark.django_db

ALL: Final[list[EventType]] = [
    events.post_create_document,
    events.post_save_document,
    events.post_copy_document,
    events.post_remove_document,
    events.post_save_answer,
    events.post_remove_answer,
    events.post_add_row,
    events.post_remove_row,
    events.post_create_file,
    events.post_remove_file,
    events.post_calculate_answers,
]


@pytest.fixture
def heard() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What a receiver of all events of documents heard: the event's name and its arguments."""
    told: list[tuple[str, dict[str, Any]]] = []
    with registry.isolated():

        @on(ALL)  # type: ignore[arg-type]
        async def listen(sender: Any, user: Any, context: Any, event: Any, **arguments: Any) -> None:
            told.append((event.name, arguments))

        yield told


@pytest.fixture
def document() -> Document:
    make_plan()
    make_question("sum", form="plan", type="calculated_float", calc_expression="'table'|answer|mapby('size')|sum")
    return save_document("plan", ANNA)


def test_every_event_of_documents_is_delivered(
    heard: list[tuple[str, dict[str, Any]]], document: Document, deliver: Deliver
) -> None:
    answers = {question: save_answer(question, document, ANNA, value) for question, value in EACH.items()}
    save_document(None, ANNA, document, meta={"a": 1})
    table = save_answer("table", document, ANNA, [make_row(size=1), make_row(size=2)])
    save_answer("table", document, ANNA, [])
    save_answer("files", document, ANNA, [{"name": "a"}])
    deliver()
    save_answer("files", document, ANNA, [])
    deliver()
    told = dict(heard)
    assert set(told) == {kind.name for kind in ALL} - {
        "post_copy_document",
        "post_remove_document",
        "post_remove_answer",
    }
    assert told["post_save_answer"]["document"].form.slug == "plan"
    assert told["post_remove_row"]["answer"].question_id == "table"
    assert [answer.question_id for answer in told["post_calculate_answers"]["answers"]] == ["sum"]
    heard.clear()
    copy = copy_document(document, ANNA)
    remove_answer(answers["date"], ANNA)
    remove_answer(table, ANNA)
    remove_document(make_row(), ANNA)
    deliver()
    told = dict(heard)
    assert told["post_copy_document"] == {"document": copy, "source": document}
    assert told["post_remove_document"]["form_id"] == "row"
    assert told["post_remove_answer"]["answer_id"] == table.pk
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_what_happens_in_a_family_is_one_lane(heard: Any, document: Document, deliver: Deliver) -> None:
    row = make_row(document)
    save_answer("size", row, ANNA, 1)
    save_answer("text", document, ANNA, "a")
    assert set(EventRecord.objects.values_list("lane", flat=True)) == {f"document:{document.pk}"}
    deliver()
    EventRecord.objects.all().delete()
    case = make_case(document=document)
    save_answer("size", row, ANNA, 2)
    assert set(EventRecord.objects.values_list("lane", flat=True)) == {f"case:{case.family_id}"}


def test_the_cost_of_being_heard_does_not_grow_with_rows(heard: Any, document: Document) -> None:
    save_answer("table", document, ANNA, [])
    costs = []
    for number in (2, 12):
        rows = [make_row(size=1) for _ in range(number)]
        costs.append(statements(lambda rows=rows: save_answer("table", document, ANNA, rows)))
        save_answer("table", document, ANNA, [])
    assert costs[0] == costs[1]
