"""What tests of documents share: a form with a question of each type, and a look at what is stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.events.emit import watchers
from caluma_async.events.event import Event
from caluma_async.form.models import KINDS, Answer, AnswerDocument, Document, File, Form
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_form, make_question

ANNA = User("anna", groups=["office"])
BEN = User("ben", groups=["council"])

EACH: Final = {
    "text": " a ",
    "textarea": "a\nb",
    "integer": 3,
    "float": 2.5,
    "date": dt.date(2030, 1, 31),
    "choice": "red",
    "multiple_choice": ["red", "blue"],
}
"""A value for a question of each type that has it in itself."""


def make_plan() -> Form:
    """The form `plan` with a question of each type, called as the type; `row` are the rows of its table."""
    form = make_form("plan")
    make_question("size", form="row", type="integer")
    make_question("colour", form="row")
    for kind in EACH:
        options = ["red", "blue", "green"] if "choice" in kind else []
        make_question(kind, form=form, type=kind, options=options)
    make_question("table", form=form, type="table", row_form_id="row")
    make_question("files", form=form, type="files")
    make_question("inner", form="sub")
    make_question("form", form=form, type="form", sub_form_id="sub")
    make_question("static", form=form, type="static")
    return form


def make_row(document: Document | None = None, **answers: Any) -> Document:
    """A row that is in no table, unless a document is given, of whose table it becomes the last row."""
    if document is None:
        return make_document("row", answers=answers)
    row = make_document("row", answers=answers, family=document.family)
    table, _ = Answer.objects.get_or_create(document=document, question_id="table")
    AnswerDocument.objects.create(answer=table, document=row, sort=1000 - AnswerDocument.objects.count())
    return row


def value_of(document: Document | UUID, question: str) -> Any:
    """What is stored as the answer to a question: `KeyError` if there is no answer."""
    for answer in Answer.objects.filter(document=document, question=question).select_related("question"):
        match KINDS[answer.question.type]:
            case "date":
                return answer.date
            case "table":
                links = AnswerDocument.objects.filter(answer=answer).order_by("-sort")
                return list(links.values_list("document", flat=True))
            case "files":
                return list(
                    File.objects.filter(answer=answer).order_by("created_at", "pk").values_list("name", flat=True)
                )
        return answer.value
    raise KeyError(question)


def families() -> dict[UUID, UUID]:
    """The family of each document."""
    return dict(Document.objects.values_list("pk", "family"))


def stored() -> dict[str, Any]:
    """All that is stored of documents, to see that nothing was changed."""
    return {
        "documents": sorted(map(str, Document.objects.values_list("pk", "form", "family", "meta", "modified_at"))),
        "answers": sorted(
            map(str, Answer.objects.values_list("pk", "document", "value", "date", "meta", "modified_at"))
        ),
        "rows": sorted(map(str, AnswerDocument.objects.values_list("answer", "document", "sort"))),
        "files": sorted(map(str, File.objects.values_list("pk", "answer", "name"))),
    }


@contextmanager
def emitted() -> Iterator[list[Event]]:
    """What is emitted in the block, in order."""
    seen: list[Event] = []
    watch = seen.append
    watchers.append(watch)
    try:
        yield seen
    finally:
        watchers.remove(watch)


def statements(act: Callable[[], object]) -> int:
    """How many statements it takes, without those that control transactions."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return len([query for query in captured if not (query["sql"] or "").startswith(("SAVEPOINT", "RELEASE"))])
