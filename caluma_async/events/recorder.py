"""Takes over what is pending at the end of a verb: rows inside its transaction, the carrier's turn after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from django.db import transaction

from caluma_async.conf import settings
from caluma_async.events import feed, outbox
from caluma_async.events.carriers.base import Carrier, Parcel
from caluma_async.events.executor import described
from caluma_async.events.handing import Handing
from caluma_async.events.lanes import lane_of
from caluma_async.events.lifecycle import current
from caluma_async.events.outbox import NewDelivery, StoredEvent
from caluma_async.events.scope import Due, Pending
from caluma_async.events.states import State
from caluma_async.events.stored import Memo, encode_event, encode_fitting


def record(pendings: Sequence[Pending], *, is_last: bool = False) -> None:
    """Write events and deliveries in at most two statements; hand them to the carrier once they are committed.

    If that `is_last` in the transaction, it may be committed with them.
    Raises `NotStorable` for an argument that cannot be kept.
    """
    parcel = Parcel(current())
    try:
        _record(pendings, parcel, is_last)
    except BaseException:
        parcel.give_up()  # the error may be kept for long, and the parcel with it
        raise


def _record(pendings: Sequence[Pending], parcel: Parcel, is_last: bool) -> None:
    rows: list[tuple[StoredEvent, Due, NewDelivery]] = []
    events: list[StoredEvent] = []
    heard: list[StoredEvent] = []
    is_logged = settings.EVENT_LOG
    memo: Memo = {}
    handing = Handing(memo)
    for pending in pendings:
        if not pending.is_heard and _hand_over(pending, handing, parcel):
            continue
        event = (encode_event if pending.deliveries else encode_fitting)(pending.event, memo)
        if pending.is_heard:
            heard.append(event)
        has_rows = pending.is_heard and is_logged
        for due in pending.deliveries:
            if due.receiver.durable:
                rows.append((event, due, _new(event, due, parcel)))
                has_rows = True
            elif due.error is None:
                parcel.add_loose(event, due.receiver)
        if has_rows:
            events.append(event)
    database = transaction.get_connection()
    if events:
        _write(events, rows, parcel, is_logged, is_last and not parcel.carrier.enlists)
    database.on_commit(parcel, robust=True)
    if heard:
        database.on_commit(lambda: feed.committed(heard), robust=True)  # Django logs a failing one by its name


def _hand_over(pending: Pending, handing: Handing, parcel: Parcel) -> bool:
    """Hand it over as it is, if none of its receivers has a row for it; whether it was possible."""
    for due in pending.deliveries:
        if due.receiver.durable or due.error is not None:
            return False
    for due in pending.deliveries:
        event = handing.over(pending.event)
        if event is None:
            return False
        parcel.add_loose(event, due.receiver)
    return True


def _new(event: StoredEvent, due: Due, parcel: Parcel) -> NewDelivery:
    receiver = due.receiver
    lane = lane_of(receiver.name, event.lane) if receiver.ordered else None
    if due.error is not None:
        state = State.HELD if receiver.on_exhausted == "hold" else State.FAILED
        return NewDelivery(event.id, receiver.name, lane, state, described(due.error))
    return NewDelivery(event.id, receiver.name, lane, start=parcel.reserve(receiver, lane))


def _write(
    events: Sequence[StoredEvent],
    rows: Sequence[tuple[StoredEvent, Due, NewDelivery]],
    parcel: Parcel,
    is_logged: bool,
    is_last: bool,
) -> None:
    deliveries = [new for _, _, new in rows]
    with _one_transaction(parcel.carrier):
        recorded = outbox.record(
            events,
            deliveries,
            owner=parcel.owner,
            lease=settings.EVENT_LEASE,
            logged=is_logged,
            is_last=is_last,
        )
        for (event, due, new), row in zip(rows, recorded, strict=True):
            parcel.add(event, due.receiver, new, row)
        parcel.enlist()


def _one_transaction(carrier: Carrier) -> AbstractContextManager[object]:
    """One statement is in one transaction anyway, which is spoilt if it fails, whoever catches that."""
    if not carrier.enlists and outbox.records_in_one_statement():
        return transaction.mark_for_rollback_on_error()
    return transaction.atomic(savepoint=False)
