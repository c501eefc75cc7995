"""A form of the size that is measured: 60 questions in three sub forms, a table, and expressions between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any, Final

from caluma_async.form.models import Answer, AnswerDocument, Document, Question
from caluma_async.identity import ANONYMOUS
from caluma_async.testing.factories import make_document, make_form, make_question

ROOT: Final = "permit"
SECTIONS: Final = 3
COLUMNS: Final = 6
EVERY: Final = 4
"""Every so manieth question is hidden, and one beside it required, depending on the one before."""


def make_permit_form(questions: int = 60) -> None:
    """The form `permit` with so many questions, of which 3 are calculated: `total` and `fee` depend on `amount`."""
    make_form(ROOT)
    for section in range(SECTIONS):
        make_question(f"to-{section}", form=ROOT, type=Question.TYPE_FORM, sub_form=make_form(f"section-{section}"))
    make_question("streets", form="section-0", type=Question.TYPE_TABLE, row_form=make_form("street"))
    for column in range(COLUMNS):
        kind = Question.TYPE_INTEGER if column == 0 else Question.TYPE_TEXT
        make_question(f"column-{column}", form="street", type=kind)
    make_question("amount", form="section-0", type=Question.TYPE_INTEGER)
    for slug, text in {
        "total": "'amount'|answer + 'column-sum'|answer",
        "fee": "'total'|answer * 2",
        "column-sum": "'streets'|answer|mapby('column-0')|sum",
    }.items():
        make_question(slug, form="section-1", type=Question.TYPE_CALCULATED_FLOAT, calc_expression=text)
    _make_plain_questions(questions - SECTIONS - COLUMNS - 5)


def make_permit(rows: int = 20) -> Document:
    """A document of the form, complete and valid but for what is calculated, with so many rows."""
    document = make_document(ROOT)
    plain = Question.objects.filter(form_questions__form__slug__startswith="section-").exclude(type__in=_NOT_PLAIN)
    answers = [Answer(document=document, question=each, value=_value(each)) for each in plain]
    table = Answer(document=document, question_id="streets")
    made = [Document(form_id="street", family=document) for _ in range(rows)]
    Document.objects.bulk_create(_stamped(made))
    Answer.objects.bulk_create(_stamped([*answers, table, *_cells(made)]))
    links = [AnswerDocument(answer=table, document=row, sort=rows - place) for place, row in enumerate(made)]
    AnswerDocument.objects.bulk_create(_stamped(links))
    return document


_NOT_PLAIN: Final = (Question.TYPE_TABLE, Question.TYPE_FORM, Question.TYPE_CALCULATED_FLOAT)


def _make_plain_questions(number: int) -> None:
    kinds = cycle((Question.TYPE_TEXT, Question.TYPE_INTEGER, Question.TYPE_CHOICE, Question.TYPE_TEXTAREA))
    before = "amount"
    for place, kind in zip(range(number), kinds, strict=False):
        slug = f"plain-{place}"
        rules: dict[str, Any] = {}
        if place % EVERY == 0:
            rules["is_hidden"] = f"'{before}'|answer == 'nobody'"
        if place % EVERY == 1:
            rules["is_required"] = f"'{before}'|answer != 'nobody'"
        options = ("a", "b", "c") if kind == Question.TYPE_CHOICE else ()
        make_question(slug, form=f"section-{place % SECTIONS}", type=kind, options=options, **rules)
        before = slug


def _cells(rows: list[Document]) -> Iterator[Answer]:
    for number, row in enumerate(rows):
        for column in range(COLUMNS):
            yield Answer(document=row, question_id=f"column-{column}", value=number if column == 0 else "x")


def _value(question: Question) -> Any:
    return {Question.TYPE_INTEGER: 7, Question.TYPE_CHOICE: "a"}.get(question.type, "some text")


def _stamped(records: list[Any]) -> list[Any]:
    for record in records:
        record.stamp(ANONYMOUS)
    return records
