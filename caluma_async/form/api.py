"""The form domain's verbs as Python functions, each with an async twin, and what other verbs need of documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from caluma_async.form.document_api import (
    acopy_document,
    aremove_answer,
    aremove_document,
    asave_answer,
    asave_document,
    copy_document,
    remove_answer,
    remove_document,
    save_answer,
    save_document,
)
from caluma_async.form.documents import create_documents
from caluma_async.form.models import Document, Form
from caluma_async.form.validation import check_document
from caluma_async.form.verbs import SaveDocument, SaveForm
from caluma_async.identity import User
from caluma_async.verbs import arun, run

__all__ = [
    "FormFields",
    "acopy_document",
    "acreate_document",
    "aremove_answer",
    "aremove_document",
    "asave_answer",
    "asave_document",
    "asave_form",
    "check_document",
    "copy_document",
    "create_document",
    "create_documents",
    "remove_answer",
    "remove_document",
    "save_answer",
    "save_document",
    "save_form",
]


class FormFields(TypedDict, total=False):
    """What a form can be given."""

    name: str | Mapping[str, str | None]
    description: str | Mapping[str, str | None] | None
    meta: Mapping[str, Any] | None
    is_archived: bool
    is_published: bool


def save_form(slug: str, user: User, **fields: Unpack[FormFields]) -> Form:
    """Create or change a form; fields left out stay as they are."""
    return run(SaveForm(user, slug=slug, **fields))


async def asave_form(slug: str, user: User, **fields: Unpack[FormFields]) -> Form:
    """`save_form` for coroutines."""
    return await arun(SaveForm(user, slug=slug, **fields))


def create_document(form: Form | str, user: User, *, meta: Mapping[str, Any] | None = None) -> Document:
    """A new root document of the form."""
    return run(SaveDocument(user, form=form, meta=meta))


async def acreate_document(form: Form | str, user: User, *, meta: Mapping[str, Any] | None = None) -> Document:
    """`create_document` for coroutines."""
    return await arun(SaveDocument(user, form=form, meta=meta))
