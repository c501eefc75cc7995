"""How many SQL statements verbs on documents take on PostgreSQL, however many rows and questions there are.

The form is that of a middle-sized application: sub forms, a table, calculated, hidden and required questions. Counted
is what is sent besides BEGIN and COMMIT, when the forms have been read before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from caluma_async.form.models import Answer, AnswerDocument, Document, Question
from caluma_async.form.verbs import (
    CopyDocument,
    RemoveAnswer,
    RemoveDocument,
    SaveDocument,
    SaveDocumentIntegerAnswer,
    SaveDocumentStringAnswer,
    SaveDocumentTableAnswer,
)
from caluma_async.testing.factories import make_answer, make_document, make_form, make_question
from caluma_async.verbs import Verb, run
from tests.integration.documents_stage import ANNA, statements

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

SIZES: Final = ((16, 3), (60, 20))
"""Numbers of questions and of rows."""


@dataclass
class Application:
    """A document of a form with that many questions, and with that many rows in its table."""

    document: Document
    rows: list[Document]

    def verb(self, kind: type[Verb[Any]], **data: Any) -> Verb[Any]:
        """A verb on the document."""
        return kind(ANNA, document=self.document.pk, **data)


def make_application(questions: int, rows: int) -> Application:
    """Three sub forms; a fourth of the questions hidden or required at times; three are calculated."""
    name = f"plan-{questions}"
    make_form(name)
    for number in range(3):
        make_question(f"{name}-to-{number}", form=name, type="form", sub_form=make_form(f"{name}-sub-{number}"))
    for number in range(questions):
        kind = ("text", "integer", "choice", "date")[number % 4]
        make_question(
            f"{name}-{number}",
            form=f"{name}-sub-{number % 3}",
            type=kind,
            options=["red", "blue"] if kind == "choice" else [],
            is_hidden=f"'{name}-0'|answer == 'hide'" if number % 8 == 7 else "false",
            is_required="true" if number % 8 == 3 else "false",
        )
    for column in range(6):
        make_question(f"{name}-column-{column}", form=f"{name}-row", type="integer")
    make_question(f"{name}-table", form=name, type="table", row_form_id=f"{name}-row")
    sums = {
        "rows": f"'{name}-table'|answer|mapby('{name}-column-0')|sum",
        "double": f"'{name}-1'|answer(0) * 2",
        "total": f"'{name}-rows'|answer(0) + '{name}-double'|answer(0)",
    }
    for calculated, expression in sums.items():
        make_question(f"{name}-{calculated}", form=name, type="calculated_float", calc_expression=expression)
    _default(make_answer(None, f"{name}-0", "default"))
    document = run(SaveDocument(ANNA, form=name))
    made = [_row(name, number) for number in range(rows)]
    run(SaveDocumentTableAnswer(ANNA, document=document, question=f"{name}-table", value=made))
    return Application(document, made)


def _row(name: str, number: int) -> Document:
    return make_document(f"{name}-row", answers={f"{name}-column-{column}": number for column in range(6)})


def _default(answer: Answer) -> None:
    Question.objects.filter(pk=answer.question_id).update(default_answer=answer)


def name_of(application: Application) -> str:
    return str(application.document.form_id)


def save_document(application: Application) -> Verb[Any]:
    """With default answers."""
    return SaveDocument(ANNA, form=name_of(application))


def save_document_with_rows(application: Application) -> Verb[Any]:
    """With a default table of as many rows."""
    table = make_answer(None, f"{name_of(application)}-table")
    _default(table)
    for number in range(len(application.rows)):
        AnswerDocument.objects.create(answer=table, document=_row(name_of(application), number))
    run(SaveDocument(ANNA, form=name_of(application)))
    return save_document(application)


def first_string(application: Application) -> Verb[Any]:
    """A first answer."""
    return application.verb(SaveDocumentStringAnswer, question=f"{name_of(application)}-4", value="a")


def again_string(application: Application) -> Verb[Any]:
    """An answer that is there already."""
    run(first_string(application))
    return first_string(application)


def choice(application: Application) -> Verb[Any]:
    """A choice that is there already."""
    verb = application.verb(SaveDocumentStringAnswer, question=f"{name_of(application)}-2", value="red")
    run(application.verb(SaveDocumentStringAnswer, question=f"{name_of(application)}-2", value="blue"))
    return verb


def integer(application: Application) -> Verb[Any]:
    """One that two calculated ones depend on."""
    return application.verb(SaveDocumentIntegerAnswer, question=f"{name_of(application)}-1", value=7)


def cell(application: Application) -> Verb[Any]:
    """One in a row, that two calculated ones depend on."""
    question = f"{name_of(application)}-column-0"
    return SaveDocumentIntegerAnswer(ANNA, document=application.rows[0].pk, question=question, value=1000)


def new_rows(application: Application) -> Verb[Any]:
    """As many rows again."""
    added = [_row(name_of(application), number) for number in range(len(application.rows))]
    question = f"{name_of(application)}-table"
    return application.verb(SaveDocumentTableAnswer, question=question, value=[*application.rows, *added])


def same_rows(application: Application) -> Verb[Any]:
    """The same rows, the other way round."""
    question = f"{name_of(application)}-table"
    return application.verb(SaveDocumentTableAnswer, question=question, value=application.rows[::-1])


def no_rows(application: Application) -> Verb[Any]:
    """All rows become documents of their own."""
    return application.verb(SaveDocumentTableAnswer, question=f"{name_of(application)}-table", value=[])


def remove_table(application: Application) -> Verb[Any]:
    """As `no_rows`, with the answer."""
    return RemoveAnswer(ANNA, answer=application.document.answers.get(question=f"{name_of(application)}-table").pk)


def copy(application: Application) -> Verb[Any]:
    """With all rows."""
    return CopyDocument(ANNA, source=application.document.pk)


def remove(application: Application) -> Verb[Any]:
    """With all rows."""
    return RemoveDocument(ANNA, document=application.document.pk)


@pytest.mark.parametrize(
    ("making", "most"),
    [
        (save_document, 11),
        (save_document_with_rows, 17),
        (first_string, 4),
        (again_string, 4),
        (choice, 5),
        (integer, 8),
        (cell, 10),
        (new_rows, 16),
        (same_rows, 9),
        (no_rows, 17),
        (remove_table, 20),
        (copy, 11),
        (remove, 16),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_verb_takes_as_many_statements_for_many_rows_as_for_few(
    making: Callable[[Application], Verb[Any]], most: int
) -> None:
    costs = []
    for questions, rows in SIZES:
        verb = making(make_application(questions, rows))
        costs.append(statements(lambda verb=verb: run(verb)))
    assert len(set(costs)) == 1, costs
    assert costs[0] <= most, costs
