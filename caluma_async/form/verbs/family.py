"""How verbs find documents: lock the family first, then look up, through what the user may see."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeVar
from uuid import UUID

from caluma_async.errors import Busy
from caluma_async.form import families
from caluma_async.form.lanes import Lane
from caluma_async.form.models import Document
from caluma_async.verbs.looking import LookingVerb

R = TypeVar("R")

MOST_LOCKS: Final = 5
"""How often a lock is taken anew because the document came into another family while the verb waited."""


class DocumentVerb(LookingVerb[R]):
    """A verb on something in a family of documents.

    The lock comes in a statement of its own: what is looked up along with the row that is waited for may be stale.
    """

    lane: Lane

    def locked_document(self, name: str) -> Document:
        """The document that the input names, under its family's lock, which nobody gets who may not see it."""
        return self.locked(name, self.key(name, Document))[0]

    def locked(self, name: str, key: UUID, others: Collection[UUID] = ()) -> tuple[Document, set[UUID]]:
        """The document of that key, and the roots of the families that are locked: its own and those of `others`.

        `name` is the input's key for it. A family in which nothing is to be seen is not locked.
        """
        for _ in range(MOST_LOCKS):
            roots = self._lock(key, others)
            document = self._look_up(name, key)
            if document.family_id in roots:
                self.lane = Lane(document.family_id)
                self.lane.holds_for([document])
                return document, roots
        raise Busy("The document is being moved from one table to another; try again later.", field=name)

    def _lock(self, key: UUID, others: Collection[UUID]) -> set[UUID]:
        if others or self.access.restricts(Document):
            return families.lock(self.visible(Document.objects.filter(pk__in=[key, *others])))
        return set(families.lock_family_of(key))

    def _look_up(self, name: str, key: UUID) -> Document:
        if self.access.restricts(Document):
            return self.found(name, self.visible(Document.objects.filter(pk=key)))
        for document in families.document_by_key(key):
            return document
        raise self.not_found(name, Document)
