"""How verbs find documents: lock the family first, then look up, through what the user may see."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar
from uuid import UUID

from caluma_async.errors import Busy
from caluma_async.form import families
from caluma_async.form.calculation import recalculate, recalculate_all
from caluma_async.form.events import post_calculate_answers
from caluma_async.form.lanes import Lane
from caluma_async.form.models import Document
from caluma_async.form.structure.recalculating import Key
from caluma_async.verbs.looking import LookingVerb

R = TypeVar("R")


class DocumentVerb(LookingVerb[R]):
    """A verb on something in a family of documents.

    The lock comes in a statement of its own: what is looked up along with the row that is waited for may be stale.
    """

    lane: Lane
    roots: dict[UUID, str]
    """The roots of the families that are locked, each with its form."""

    def locked_document(self, name: str, others: Collection[UUID] = ()) -> Document:
        """The document that the input names, under its family's lock, which nobody gets who may not see it."""
        return self.locked(name, self.key(name, Document), others)

    def locked(self, name: str, key: UUID, others: Collection[UUID] = ()) -> Document:
        """The document of that key; the families of `others` are locked with its own.

        `name` is the input's key for it. A family in which nothing is to be seen is not locked.
        """
        for _ in range(families.MOST_LOCKS):
            self.roots = self._lock(key, others)
            document = self._look_up(name, key)
            if document.family_id in self.roots:
                self.lane = Lane(document.family_id)
                self.lane.holds_for([document])
                return document
        raise Busy(families.MOVING, field=name)

    def calculate(self, document: Document, changed: Collection[Key] | None, new: Collection[UUID] = ()) -> None:
        """Keep the calculated answers of the document's family right, and tell which ones changed."""
        root = document.family_id
        form = self.roots[root], version_of(document)
        answers = recalculate(root, self.user, changed=changed, new=new, form=form)
        if answers:
            self.emit(post_calculate_answers, document=document, answers=answers)

    def calculate_all(self, documents: Collection[Document]) -> None:
        """As `calculate`, for the families of several roots in which anything may have changed."""
        changed = recalculate_all([document.pk for document in documents], self.user)
        for document in documents:
            if document.pk in changed:
                self.emit(post_calculate_answers, document=document, answers=changed[document.pk])

    def _lock(self, key: UUID, others: Collection[UUID]) -> dict[UUID, str]:
        if others or self.access.restricts(Document):
            return families.lock(self.visible(Document.objects.filter(pk__in=[key, *others])))
        return dict(families.lock_family_of(key))

    def _look_up(self, name: str, key: UUID) -> Document:
        if self.access.restricts(Document):
            return self.found(name, families.with_version(self.visible(Document.objects.filter(pk=key))))
        for document in families.document_by_key(key):
            return document
        raise self.not_found(name, Document)


def version_of(document: Document) -> str | None:
    """The stamp of what is asked, as it was read with the document."""
    return getattr(document, "forms_version", None)
