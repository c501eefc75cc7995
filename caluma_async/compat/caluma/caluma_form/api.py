"""Stands for `caluma.caluma_form.api`: of its functions those that there is a verb for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caluma_async.form.models import Document, Form
from caluma_async.form.verbs import SaveDocument
from caluma_async.identity import ANONYMOUS, User
from caluma_async.verbs import run

__all__ = ["save_document"]


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
