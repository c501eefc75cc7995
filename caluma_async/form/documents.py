"""How documents come into being, for verbs that make them among other things. Says nothing on who may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caluma_async.form.models import Document
from caluma_async.identity import User


def create_documents(forms: Sequence[str], user: User, *, meta: Mapping[str, Any] | None = None) -> list[Document]:
    """New root documents of these forms (slugs), in the same order, in one statement.

    For use inside of a verb: the forms are known to exist, and the transaction is the caller's.
    """
    documents = [Document(form_id=form, meta=dict(meta or {})) for form in forms]
    for document in documents:
        document.family_id = document.pk
        document.stamp(user)
    return Document.objects.bulk_create(documents)
