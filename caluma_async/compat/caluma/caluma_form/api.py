"""Stands for `caluma.caluma_form.api`: its functions, which take the user as Caluma's do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caluma_async.form import default_api, design_api, document_api
from caluma_async.form.models import Answer, Document, Form, Question
from caluma_async.form.verbs import SaveDocument
from caluma_async.identity import ANONYMOUS, User
from caluma_async.verbs import run

__all__ = ["copy_form", "save_answer", "save_default_answer", "save_document"]


def save_document(
    form: Form, meta: Mapping[str, Any] | None = None, document: Document | None = None, user: User | None = None
) -> Document:
    """A new document of the form, or the given one with this form and, unless it is `None`, this meta."""
    given: dict[str, Any] = {"form": form}
    if meta is not None:
        given["meta"] = meta
    if document is not None:
        given["id"] = document.pk
    return run(SaveDocument(user or ANONYMOUS, **given))


def save_answer(
    question: Question,
    document: Document | None = None,
    user: User | None = None,
    value: Any = None,
    context: Any = None,
    **more: Any,
) -> Answer:
    """Answer the question in the document; without a document, give it its default answer."""
    if document is None:
        return save_default_answer(question, user, value=value, **more)
    return document_api.save_answer(question, document, user or ANONYMOUS, value=value, context=context, **more)


def save_default_answer(
    question: Question, user: User | None = None, value: Any = None, context: Any = None, **more: Any
) -> Answer:
    """Give the question its default answer; what data sources are told does not matter: such questions have none."""
    more.pop("data_source_context", None)
    return default_api.save_default_answer(question, user or ANONYMOUS, value=value, **more)


def copy_form(source: Form, slug: str, user: User | None = None, **fields: Any) -> Form:
    """A form of that slug made out of another one; `name` is needed."""
    return design_api.copy_form(source, slug, user or ANONYMOUS, **fields)
