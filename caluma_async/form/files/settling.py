"""What happens to blobs after the commit: those of removed files move aside, those of copied files are copied.

Told as an event, so that it is durable and tried again while the storage does not answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models.signals import post_delete

from caluma_async.conf import settings
from caluma_async.events.event import EventType
from caluma_async.events.receivers import on
from caluma_async.events.retry import Retry
from caluma_async.form.files.blobs import Blob
from caluma_async.form.files.storage import storage
from caluma_async.form.history.entries import entries_of
from caluma_async.form.models import File, HistoryEntry

post_settle_blobs: Final = EventType("post_settle_blobs", arguments=("removed", "copied"))
"""Blobs have to follow their files: `removed` lists blobs, `copied` pairs of them, each blob as key and name."""

_PATIENCE: Final = Retry(max_attempts=12, base=2.0, cap=3600.0, jitter=False)


def install() -> None:
    """Hear of every file that is deleted."""
    post_delete.connect(_removed, sender=File, dispatch_uid=__name__)


def copied(pairs: Iterable[tuple[File, File]]) -> None:
    """Have the blobs of files copied for other files after the commit; those that were never uploaded are skipped."""
    listed = [[_plain(file.blob), _plain(copy.blob)] for file, copy in pairs]
    if listed:
        post_settle_blobs.send(None, removed=[], copied=listed)


def _removed(sender: Any, instance: File, **_: Any) -> None:
    post_settle_blobs.send(None, removed=[_plain(instance.blob)], copied=[])


@on(post_settle_blobs, blocking=False, ordered=False, transactional=False, retry=_PATIENCE)
def settle(removed: Sequence[Any], copied: Sequence[Any]) -> None:
    """Move and copy. Done twice, it comes to the same."""
    work = partial(_settle, [_blob(each) for each in removed], [(_blob(one), _blob(other)) for one, other in copied])
    if settings.EVENT_DISPATCH == "blocking":
        transaction.on_commit(work, robust=True)
    else:
        work()


def _settle(removed: Sequence[Blob], copied: Sequence[tuple[Blob, Blob]]) -> None:
    for blob, to in [*copied, *_asides(removed)]:
        (storage().copy if (blob, to) in copied else storage().move)(blob, to)


def _asides(blobs: Sequence[Blob]) -> Sequence[tuple[Blob, Blob]]:
    """Where the blobs of removed files are kept: under the key of the entry in the history that tells of it."""
    deletions = entries_of(File, [blob.key for blob in blobs]).filter(type=HistoryEntry.DELETED)
    keys = {UUID(object_id): key for object_id, key in deletions.order_by("id").values_list("object_id", "history_id")}
    return [(blob, Blob(keys[blob.key], blob.name)) for blob in blobs if blob.key in keys]


def _plain(blob: Blob) -> list[str]:
    return [blob.key.hex, blob.name]


def _blob(plain: Sequence[str]) -> Blob:
    return Blob(UUID(plain[0]), plain[1])
