"""The form domain's verbs as Python functions, each with an async twin, and what other verbs need of documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caluma_async.form.default_api import asave_default_answer, save_default_answer
from caluma_async.form.design_api import FormFields, acopy_form, asave_form, copy_form, save_form
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
from caluma_async.form.verbs import SaveDocument
from caluma_async.identity import User
from caluma_async.verbs import arun, run

__all__ = [
    "FormFields",
    "acopy_document",
    "acopy_form",
    "acreate_document",
    "aremove_answer",
    "aremove_document",
    "asave_answer",
    "asave_default_answer",
    "asave_document",
    "asave_form",
    "check_document",
    "copy_document",
    "copy_form",
    "create_document",
    "create_documents",
    "remove_answer",
    "remove_document",
    "save_answer",
    "save_default_answer",
    "save_document",
    "save_form",
]


def create_document(form: Form | str, user: User, *, meta: Mapping[str, Any] | None = None) -> Document:
    """A new root document of the form."""
    return run(SaveDocument(user, form=form, meta=meta))


async def acreate_document(form: Form | str, user: User, *, meta: Mapping[str, Any] | None = None) -> Document:
    """`create_document` for coroutines."""
    return await arun(SaveDocument(user, form=form, meta=meta))
