"""Who deleted what: the triggers do not know it, so the verbs' deletions say so in a statement of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Model

from caluma_async.events.scope import current_scope
from caluma_async.form.history.entries import entries_of
from caluma_async.form.history.triggers import PARENTS
from caluma_async.form.models import HistoryEntry
from caluma_async.verbs import bulk


def install() -> None:
    """Have deletions signed."""
    bulk.deleted.connect(_sign, dispatch_uid=__name__)


def _sign(sender: type[Model], rows: Sequence[Model], **_: Any) -> None:
    scope = current_scope()
    name = getattr(scope.user, "username", None) if scope is not None else None
    if sender in PARENTS and name is not None:
        deletions = entries_of(sender, [row.pk for row in rows]).filter(type=HistoryEntry.DELETED, user_id=None)
        deletions.update(user_id=name)
