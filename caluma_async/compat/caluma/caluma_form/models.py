"""Stands for `caluma.caluma_form.models`: the tables; documents have the methods that modules call there.

`Document.objects.create_document_for_task(task, user)` and `document.copy(family, user)` are verbs of ours, and come to
the tables with the first import of this module.
"""

from __future__ import annotations

from typing import Any

from caluma_async.form.api import copy_document, save_document
from caluma_async.form.models import (
    Answer,
    AnswerDocument,
    Document,
    DocumentManager,
    DynamicOption,
    File,
    Form,
    FormQuestion,
    Option,
    Question,
    QuestionOption,
)
from caluma_async.identity import ANONYMOUS, User

__all__ = [
    "Answer",
    "AnswerDocument",
    "Document",
    "DynamicOption",
    "File",
    "Form",
    "FormQuestion",
    "Option",
    "Question",
    "QuestionOption",
]


def _create_document_for_task(manager: DocumentManager, task: Any, user: User | None = None) -> Document | None:
    """A document of the task's form; `None` for a task without one."""
    return None if task.form_id is None else save_document(task.form_id, user or ANONYMOUS)


def _copy(document: Document, family: Document | None = None, user: User | None = None) -> Document:
    """A copy with all answers; it and its rows join `family`, if that is given."""
    copy = copy_document(document, user or ANONYMOUS)
    if family is not None:
        Document.objects.filter(family=copy.pk).update(family=family)
        copy.family = family
    return copy


setattr(DocumentManager, "create_document_for_task", _create_document_for_task)  # noqa: B010 - the type has no such
setattr(Document, "copy", _copy)  # noqa: B010 - neither
