"""Loads what documents, their answers, rows and files were at a time: a statement or two per place in the document.

What the user may not see now is left out; what is deleted is nobody's who may not see everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model

from caluma_async.conf import settings
from caluma_async.errors import NotFound, Refused
from caluma_async.form.files.blobs import Blob
from caluma_async.form.history.entries import entries_of, newest, parts_of, restored
from caluma_async.form.models import Answer, AnswerDocument, Document, File, HistoryEntry, Question
from caluma_async.form.models.answers import KINDS
from caluma_async.graphql.context import Context
from caluma_async.graphql.loaders import affordable, left, loaded, spend, visible
from caluma_async.graphql.relay import key_of
from caluma_async.graphql.selection import ResolveInfo
from caluma_async.verbs.inputs import shown


@dataclass(frozen=True, slots=True)
class Was:
    """What an entry of the history tells of: `of`, whose attributes are its own. `within`: what that was part of."""

    entry: HistoryEntry
    of: Any
    within: Was | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of, name)

    @property
    def history_id(self) -> UUID:
        return self.entry.history_id

    @property
    def history_date(self) -> datetime:
        return self.entry.date

    @property
    def history_user_id(self) -> str | None:
        return self.entry.user_id

    @property
    def history_type(self) -> str:
        return self.entry.type

    @property
    def history_change_reason(self) -> str | None:
        """Nobody gives one."""
        return None

    @property
    def history_question_type(self) -> str:
        """What the question was when it was answered."""
        return str(self.entry.question_type)

    @property
    def is_deleted(self) -> bool:
        """Whether the entry tells of the object's end."""
        return self.entry.type == HistoryEntry.DELETED


def document_as_of(key: str, as_of: datetime, context: Context) -> Was:
    """The document as it was; raises `NotFound` where there was none, or none that the user may see."""
    if not settings.ENABLE_HISTORICAL_API:
        raise Refused("The history is not shown here: ENABLE_HISTORICAL_API is off.")
    wanted = key_of(key, Document, "id")
    for found in _seen(Document, newest(entries_of(Document, [wanted]), as_of), context):
        return found
    raise NotFound(f"There was no document {shown(key)} at that time.", field="id")


def answers_then(of: Was, as_of: datetime, exclude_deleted: bool, info: ResolveInfo) -> Awaitable[list[Was]]:
    """The answers in a document, in their order."""
    return _parts(info, of, lambda owners: _answers(owners, as_of, info.context), exclude_deleted)


def rows_then(of: Was, as_of: datetime, exclude_deleted: bool, info: ResolveInfo) -> Awaitable[list[Was]]:
    """The documents that were rows of a table answer, in their order."""
    return _parts(info, of, lambda owners: _rows(owners, as_of, exclude_deleted, info.context), exclude_deleted)


def files_then(of: Was, as_of: datetime, exclude_deleted: bool, info: ResolveInfo) -> Awaitable[list[Was]]:
    """The files of a files answer, in their order."""
    return _parts(info, of, lambda owners: _files(owners, as_of, info.context), exclude_deleted)


def blob_now(of: Was, info: ResolveInfo) -> Awaitable[Blob]:
    """Where what was uploaded for a file is now: aside, if the file has been removed since."""
    return loaded(info, of.of.blob, lambda: _blobs)


def _blobs(blobs: Sequence[Blob]) -> list[Blob]:
    deletions = entries_of(File, [blob.key for blob in blobs]).filter(type=HistoryEntry.DELETED).order_by("id")
    aside = {UUID(key): entry for key, entry in deletions.values_list("object_id", "history_id")}
    return [Blob(aside.get(blob.key, blob.key), blob.name) for blob in blobs]


Owners = dict[UUID, Was]
Load = Callable[[Owners], Iterable[tuple[UUID, Was]]]


async def _parts(info: ResolveInfo, of: Was, load: Load, exclude_deleted: bool) -> list[Was]:
    """What belonged to one object, loaded together with that of the others at this place."""
    owners: dict[Any, Was] = info.context.loaders.setdefault(("owners", id(info.field_nodes[0])), {})
    owners[of.pk] = of
    spend(info.context, 1)

    def load_all(keys: Sequence[UUID]) -> list[list[Was]]:
        grouped: dict[UUID, list[Was]] = defaultdict(list)
        for owner, part in load({key: owners[key] for key in keys}):
            if not (exclude_deleted and part.is_deleted):
                grouped[owner].append(part)
        return [grouped[key] for key in keys]

    found: list[Was] = await loaded(info, of.pk, lambda: load_all)
    spend(info.context, len(found))
    return found


def _answers(owners: Owners, as_of: datetime, context: Context) -> Iterable[tuple[UUID, Was]]:
    found = _seen(Answer, newest(parts_of(Answer, owners), as_of), context)
    for answer in sorted(found, key=lambda each: (each.created_at, each.pk)):
        if answer.history_question_type in KINDS:
            answer.of.question = Question(pk=answer.question_id, type=answer.history_question_type)
            yield answer.document_id, answer


def _files(owners: Owners, as_of: datetime, context: Context) -> Iterable[tuple[UUID, Was]]:
    found = _seen(File, newest(parts_of(File, owners), as_of), context)
    for file in sorted(found, key=lambda each: (each.created_at, each.pk)):
        yield file.answer_id, Was(file.entry, file.of, owners[file.answer_id])


def _rows(owners: Owners, as_of: datetime, exclude_deleted: bool, context: Context) -> Iterable[tuple[UUID, Was]]:
    entries = affordable(newest(parts_of(AnswerDocument, owners), as_of), left(context))
    links = [(entry, restored(AnswerDocument, entry)) for entry in entries]
    if exclude_deleted:
        links = [(entry, link) for entry, link in links if entry.type != HistoryEntry.DELETED]
    keys = {link.document_id for _, link in links}
    rows = {row.pk: row for row in _seen(Document, newest(entries_of(Document, keys), as_of), context)}
    told: set[tuple[UUID, UUID]] = set()
    # a document that was taken out and put in again has several links; one that is there counts before one that is gone
    for _, link in sorted(links, key=lambda each: (each[0].type == HistoryEntry.DELETED, -each[1].sort)):
        pair = (link.answer_id, link.document_id)
        if link.document_id in rows and pair not in told:
            told.add(pair)
            yield link.answer_id, rows[link.document_id]


def _seen(model: type[Model], entries: Any, context: Context) -> list[Was]:
    """What the entries tell, as far as the user may see it."""
    found = [Was(entry, restored(model, entry)) for entry in affordable(entries, left(context))]
    if not context.access.restricts(model):
        return found
    may_see = set(visible(model, context).filter(pk__in=[each.pk for each in found]).values_list("pk", flat=True))
    return [each for each in found if each.pk in may_see]
