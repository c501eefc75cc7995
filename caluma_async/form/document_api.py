"""The verbs on documents and answers as Python functions, each with an async twin. What they refuse stands in `verbs/`.

They take model instances or keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from asgiref.sync import sync_to_async

from caluma_async.errors import NotFound
from caluma_async.form.models import KINDS, Answer, Document, Form, Question
from caluma_async.form.verbs.answers import (
    SaveDocumentAnswer,
    SaveDocumentDateAnswer,
    SaveDocumentFloatAnswer,
    SaveDocumentIntegerAnswer,
    SaveDocumentListAnswer,
    SaveDocumentStringAnswer,
)
from caluma_async.form.verbs.documents import CopyDocument, RemoveDocument, SaveDocument
from caluma_async.form.verbs.file_lists import SaveDocumentFilesAnswer
from caluma_async.form.verbs.removing import RemoveAnswer
from caluma_async.form.verbs.tables import SaveDocumentTableAnswer
from caluma_async.identity import User
from caluma_async.verbs import arun, inputs, run

AnyDocument = Document | UUID | str

ANSWERING: Final[Mapping[str, type[SaveDocumentAnswer]]] = {
    verb.kind: verb
    for verb in (
        SaveDocumentStringAnswer,
        SaveDocumentIntegerAnswer,
        SaveDocumentFloatAnswer,
        SaveDocumentDateAnswer,
        SaveDocumentListAnswer,
        SaveDocumentTableAnswer,
        SaveDocumentFilesAnswer,
    )
}
"""The verb that gives an answer of a kind."""


def save_answer(
    question: Question | str, document: AnyDocument, user: User, value: Any = None, context: Any = None, **more: Any
) -> Answer:
    """Answer a question, or change the answer; without a value it is emptied.

    The value is a text, number, date, list of option slugs, of documents (the rows of a table), or of files
    (`{"name": …, "id": …}`), as the question wants it. `more` may hold `meta` and `data_source_context`.
    """
    verb = _answering(question)
    return run(verb(user, context=context, question=question, document=document, value=value, **more))


async def asave_answer(
    question: Question | str, document: AnyDocument, user: User, value: Any = None, context: Any = None, **more: Any
) -> Answer:
    """As `save_answer`."""
    verb = await sync_to_async(_answering)(question)
    return await arun(verb(user, context=context, question=question, document=document, value=value, **more))


def remove_answer(answer: Answer | UUID | str, user: User, context: Any = None) -> Answer:
    """Remove an answer, with its files; rows of a table become documents of their own."""
    return run(RemoveAnswer(user, context=context, answer=answer))


async def aremove_answer(answer: Answer | UUID | str, user: User, context: Any = None) -> Answer:
    """As `remove_answer`."""
    return await arun(RemoveAnswer(user, context=context, answer=answer))


def save_document(
    form: Form | str | None, user: User, document: AnyDocument | None = None, context: Any = None, **more: Any
) -> Document:
    """A new root document of the form; or `document`, with that form, unless it is `None`. `more` may hold `meta`."""
    return run(SaveDocument(user, context=context, **_given(form, document), **more))


async def asave_document(
    form: Form | str | None, user: User, document: AnyDocument | None = None, context: Any = None, **more: Any
) -> Document:
    """As `save_document`."""
    return await arun(SaveDocument(user, context=context, **_given(form, document), **more))


def copy_document(source: AnyDocument, user: User, context: Any = None) -> Document:
    """A root document with the answers of another one, and with copies of its rows."""
    return run(CopyDocument(user, context=context, source=source))


async def acopy_document(source: AnyDocument, user: User, context: Any = None) -> Document:
    """As `copy_document`."""
    return await arun(CopyDocument(user, context=context, source=source))


def remove_document(document: AnyDocument, user: User, context: Any = None) -> Document:
    """Remove a document, with its rows and files."""
    return run(RemoveDocument(user, context=context, document=document))


async def aremove_document(document: AnyDocument, user: User, context: Any = None) -> Document:
    """As `remove_document`."""
    return await arun(RemoveDocument(user, context=context, document=document))


def _given(form: Form | str | None, document: AnyDocument | None) -> dict[str, Any]:
    named = {"form": form, "id": document}
    return {name: value for name, value in named.items() if value is not None}


def _answering(question: Question | str) -> type[SaveDocumentAnswer]:
    """The verb for the type of the question; one that has no answers is left to a verb to refuse."""
    if isinstance(question, Question):
        kind = question.type
    else:
        kinds = Question.objects.filter(pk=question).values_list("type", flat=True) if inputs.is_slug(question) else []
        found = next(iter(kinds), None)
        if found is None:
            raise NotFound(f"There is no question {inputs.shown(question)}.", field="question")
        kind = found
    return ANSWERING[KINDS.get(kind, "string")]
