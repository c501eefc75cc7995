"""The verb that answers a table: which documents are its rows, in which order, and what becomes of those dropped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone

from caluma_async.errors import Busy, InvalidInput, NotFound, Refused
from caluma_async.form import answer_inputs, families
from caluma_async.form.events import post_add_row, post_remove_row, pre_add_row, pre_remove_row
from caluma_async.form.models import Answer, AnswerDocument, Document
from caluma_async.form.row_lists import explained
from caluma_async.form.verbs.answers import SaveDocumentAnswer
from caluma_async.form.verbs.family import DocumentVerb
from caluma_async.verbs import bulk, inputs


class SaveDocumentTableAnswer(SaveDocumentAnswer):
    """Say which documents are the rows of a table, in their order.

    `known_rows` are those that the client knew of when it made the list; what the list means where these are not given
    tells `row_lists`.
    """

    async_twin = "asave_answer"
    kind = "table"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        **answer_inputs.COMMON,
        "value": answer_inputs.documents,
        "known_rows": lambda name, value: None if value is None else answer_inputs.documents(name, value),
    }

    links: Sequence[AnswerDocument]
    """The rows that are there."""
    new: Sequence[Document]
    """The documents that become rows, and those that are rows of theirs."""

    def load(self) -> Answer | None:
        """Lock the families of the document and of the rows, then look up the answer and what it consists of."""
        self._named = _keys(self.data.get("value"))
        self.document = self.locked_document("document", self._named)
        self.answer = self.look_up()
        self.links = [] if self.answer is None else families.rows_of(self.answer.pk)
        return self.answer

    def check_value(self) -> None:
        """New rows must be free and of the table's form."""
        wanted = self.changes["value"]
        present = [(link.document_id, link.created_at) for link in self.links]
        there = {key for key, _ in present}
        self.rows = explained(present, wanted, self.changes.get("known_rows"), self._hidden(there))
        self.new = self._new([key for key in wanted if key not in there])

    def previous(self) -> Any:
        """The keys of the rows until now."""
        return None if self.answer is None else [link.document_id for link in self.links]

    def assign(self, answer: Answer, value: Any) -> None:
        """The value is in its rows."""

    def write_parts(self, answer: Answer) -> Collection[UUID]:
        """Let rows go, take new ones in, and put all in order."""
        drop_rows(self, answer, [link for link in self.links if link.document_id in set(self.rows.dropped)])
        joining, added = self._taken_in(answer)
        self._put_in_order(added)
        for link in added:
            self.emit(post_add_row, document=link.document, answer=answer)
        return joining

    def _hidden(self, keys: Collection[UUID]) -> Collection[UUID]:
        """Those of the rows that the user may not see: a list of what is seen says nothing of them."""
        if not keys or not self.access.restricts(Document):
            return ()
        visible = self.visible(Document.objects.filter(pk__in=keys)).values_list("pk", flat=True)
        return set(keys).difference(visible)

    def _new(self, keys: Sequence[UUID]) -> Sequence[Document]:
        """The new rows, each checked, with the documents that are rows of theirs: two statements at most."""
        if not keys:
            return []
        if added := [key for key in keys if key not in self._named]:  # by what changes the input
            self.roots |= families.lock(Document.objects.filter(pk__in=added))
        others = AnswerDocument.objects.filter(document=OuterRef("pk"))
        visible = self.visible(Document.objects.filter(pk__in=keys)).annotate(is_row=Exists(others))
        found = {document.pk: document for document in visible}
        for key in keys:
            if key not in found:
                raise NotFound(f"There is no document '{key}'.", field="value")
            self._refuse_unfit(found[key])
        if owned := families.owned(keys):
            raise Refused(f"Document {owned[0].pk} belongs to a case or a work item, and cannot be a row.")
        return [found[key] for key in keys]

    def _refuse_unfit(self, row: Document) -> None:
        wanted = self.question.row_form_id
        if row.form_id != wanted:
            message = (
                f"Document {row.pk} is of the form '{row.form_id}'; rows of '{self.question.pk}' are of '{wanted}'."
            )
            raise self.refused("value", message)
        if row.pk in (self.document.pk, self.document.family_id):
            raise self.refused("value", f"Document {row.pk} cannot be a row in itself.")
        if getattr(row, "is_row", False) or row.family_id != row.pk:
            raise self.refused("value", f"Document {row.pk} is a row of another table.")
        if row.family_id not in self.roots:
            raise Busy(f"Document {row.pk} is just being moved; try again later.", field="value")

    def _taken_in(self, answer: Answer) -> tuple[list[UUID], list[AnswerDocument]]:
        """What joins the family, that is the new rows with what is below them; and the former as rows of the answer."""
        if not self.new:
            return [], []
        self.lane.holds_for(self.new)
        for row in self.new:
            self.emit(pre_add_row, document=row, answer=answer)
        keys = {row.pk: row for row in self.new}
        joining = [keys.get(each.pk, each) for each in Document.objects.filter(family__in=list(keys))]
        for document in joining:
            document.family_id = self.document.family_id
            document.stamp(self.user)
        bulk.update(joining, ["family"])
        now = self._later_than_all()
        added = [AnswerDocument(answer=answer, document=row) for row in self.new]
        for link in added:
            link.stamp(self.user, now)
        return [document.pk for document in joining], added

    def _later_than_all(self) -> datetime:
        """Now, or a moment after the last row came, should that have been written by a clock that is ahead."""
        last = max((link.created_at for link in self.links), default=None)
        now = timezone.now()
        return now if last is None or last < now else last + timedelta(microseconds=1)

    def _put_in_order(self, added: Sequence[AnswerDocument]) -> None:
        links = {link.document_id: link for link in (*self.links, *added)}
        moved = []
        for sort, key in zip(range(len(self.rows.order), 0, -1), self.rows.order, strict=True):
            link = links[key]
            if link.sort != sort:
                link.sort = sort
                if not link._state.adding:
                    link.stamp(self.user)
                    moved.append(link)
        bulk.update_each(moved, ["sort"])
        bulk.insert(added)


def _keys(value: Any) -> list[UUID]:
    """The documents that an input names; one that is wrong is refused later, and names none."""
    try:
        return answer_inputs.documents("value", value)
    except InvalidInput:
        return []


def drop_rows(verb: DocumentVerb[Any], answer: Answer, links: Sequence[AnswerDocument]) -> None:
    """Let documents be rows no more: they become roots of families of their own, with the rows that they have."""
    if not links:
        return
    dropped = [link.document for link in links]
    verb.lane.holds_for(dropped)
    for document in dropped:
        verb.emit(pre_remove_row, document=document, answer=answer)
    moved = []
    for root, documents in families.subtrees(dropped).items():
        for document in documents:
            document.family_id = root
            document.stamp(verb.user)
        moved += documents
    bulk.update_each(moved, ["family"])
    bulk.delete(links)
    for document in dropped:
        verb.emit(post_remove_row, document=document, answer=answer)
    verb.calculate_all(dropped)
