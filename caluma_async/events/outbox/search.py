"""Finding deliveries for people: by what they look for, newest last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from caluma_async.events.models import Delivery
from caluma_async.events.outbox.dialect import Dialect, Statement, dialect


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which deliveries; what is left empty excludes none.

    `older_than`: seconds since the event was emitted.
    """

    ids: Collection[int] = ()
    states: Collection[str] = ()
    receivers: Collection[str] = ()
    events: Collection[str] = ()
    older_than: float | None = None


class Listed(NamedTuple):
    """A delivery as people see it; `event` is the type's name, `error` may be a whole traceback."""

    id: int
    state: str
    attempt: int
    receiver: str
    event: str
    event_id: UUID
    lane: str | None
    emitted_at: datetime
    available_at: datetime
    finished_at: datetime | None
    error: str


_COLUMNS = (
    "id",
    "state",
    "attempt",
    "receiver",
    "event__type",
    "event_id",
    "lane",
    "event__emitted_at",
    "available_at",
    "finished_at",
    "error",
)


def find(wanted: Wanted, limit: int) -> list[Listed]:
    """Up to `limit` of them, the oldest first."""
    return [Listed(*row) for row in _query(wanted).values_list(*_COLUMNS)[:limit]]


def latest(wanted: Wanted, limit: int) -> list[Listed]:
    """Up to `limit` of them, the latest first; without their errors, which may be long."""
    rows = _query(wanted).order_by("-id").values_list(*_COLUMNS[:-1])[:limit]
    return [Listed._make((*row, "")) for row in rows]


def states_of(wanted: Wanted, limit: int, after: int = 0) -> dict[int, str]:
    """The states of up to `limit` of them, by key, from the key after `after` on."""
    return dict(_query(wanted).filter(id__gt=after).values_list("id", "state")[:limit])


def reason(error: str) -> str:
    """The line of an error that says what went wrong: the last one of a traceback."""
    return next((line for line in reversed(error.splitlines()) if line.strip()), "")


def longest_due(ids: Sequence[int]) -> float:
    """For how many seconds the one of these is due that is due longest; 0 if there is none."""
    ((age,),) = _longest_due(dialect().listed(ids))
    return max(age or 0.0, 0.0)


def _query(wanted: Wanted) -> QuerySet[Delivery]:
    query = Delivery.objects.order_by("id")
    given = {
        "id__in": wanted.ids,
        "state__in": wanted.states,
        "receiver__in": wanted.receivers,
        "event__type__in": wanted.events,
    }
    query = query.filter(**{lookup: values for lookup, values in given.items() if values})
    if wanted.older_than is None:
        return query
    return query.filter(event__emitted_at__lt=datetime.now(UTC) - timedelta(seconds=wanted.older_than))


def _longest_due_text(into: Dialect) -> str:
    return f"SELECT max({into.age('available_at')}) FROM events_delivery WHERE id {into.one_of('bigint')}"


_longest_due = Statement(_longest_due_text)
