"""The tables of the form domain: what they refuse, what goes with what, and which look-ups have an index."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from caluma_async.form.models import Answer, AnswerDocument, Document, DynamicOption, File, Question
from caluma_async.testing.factories import (
    make_answer,
    make_document,
    make_dynamic_option,
    make_file,
    make_form,
    make_question,
    make_table,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled() -> Document:
    """A document with a table of two rows, a file and a dynamic choice."""
    make_question("streets", form="plan", type="table", row_form=make_form("row"))
    make_question("street", form="row", label="Street")
    make_question("papers", form="plan", type="files")
    make_question("town", form="plan", type="dynamic_choice")
    document = make_document("plan")
    make_table(document, "streets", [{"street": "Main Street"}, {"street": "Mill Lane"}])
    make_file(make_answer(document, "papers"), "plan.pdf")
    make_dynamic_option(document, "town", "bern", {"en": "Berne", "de": "Bern"})
    return document


def test_rows_come_in_the_order_they_were_given(filled: Document) -> None:
    table = filled.answers.get(question="streets")
    rows = [row.document.answers.get().value for row in table.answerdocument_set.all()]
    assert rows == ["Main Street", "Mill Lane"]
    assert {row.family_id for row in table.documents.all()} == {filled.pk}


def test_a_document_takes_what_belongs_to_it_along(filled: Document) -> None:
    filled.delete()
    for model in (Document, Answer, AnswerDocument, File, DynamicOption):
        assert not model._default_manager.exists(), model


def test_a_question_that_was_answered_stays(filled: Document) -> None:
    with pytest.raises(ProtectedError):
        Question.objects.get(pk="streets").delete()


def test_a_document_has_one_answer_and_one_row_and_one_choice_of_each(filled: Document) -> None:
    row = AnswerDocument.objects.all()[0]
    twice: list[Any] = [
        Answer(document=filled, question_id="papers"),
        AnswerDocument(answer=row.answer, document=row.document),
        DynamicOption(document=filled, question_id="town", slug="bern"),
    ]
    for record in twice:
        with pytest.raises(IntegrityError), transaction.atomic():
            record.save(force_insert=True)


def test_default_answers_have_no_document_however_many_there_are(filled: Document) -> None:
    for slug in ("papers", "town"):
        make_answer(None, slug)
    assert Answer.objects.filter(document=None).count() == 2


def test_what_is_configured_is_read_and_written_as_an_attribute() -> None:
    question = Question(slug="age", type="integer", configuration={"min_value": 0, "kept": True})
    question.max_value = 120
    question.min_value = None
    assert question.configuration == {"kept": True, "max_value": 120}
    assert (question.min_value, question.max_value, question.step) == (None, 120, None)


@pytest.mark.postgres
def test_values_are_found_by_what_they_contain() -> None:
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("""EXPLAIN SELECT id FROM form_answer WHERE value @> '"yes"'""")
        assert any("answer_by_value" in line for (line,) in cursor.fetchall())
