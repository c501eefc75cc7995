"""What those who run the site may do with events and deliveries, and what they must be allowed in order to look.

All of it is refused unless a permission class names it, or `Operation`. The rows themselves are the outbox's.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from caluma_async.access import Operation
from caluma_async.errors import InvalidInput, NotFound, Refused
from caluma_async.events import feed, outbox
from caluma_async.events.event import event_types
from caluma_async.events.feed import Changed
from caluma_async.events.lanes import lane_of
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.receiver import Receiver
from caluma_async.events.registry import registry
from caluma_async.events.states import KEPT, State
from caluma_async.events.stored import argument_names
from caluma_async.identity import User
from caluma_async.verbs import inputs
from caluma_async.verbs.base import Verb

DISCARDABLE = (State.WAITING, *KEPT)


class _Look(Operation):
    """To look at something."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.context: Any = None
        self.data: dict[str, Any] = {}


class SeeEvents(_Look):
    """To look at the events that were stored, and to be shown events that are about no object."""


class SeeDeliveries(_Look):
    """To look at deliveries, whose errors may tell what is nobody else's business."""


class _OnDelivery(Operation, Verb[Delivery]):
    """Something with one delivery. `id`: its number."""

    delivery: Delivery

    def load(self) -> Delivery:
        """Look it up."""
        wanted = str(self.data.get("id") or "")
        if not (wanted.isascii() and wanted.isdecimal() and len(wanted) <= 18):
            raise InvalidInput(f"id: {inputs.shown(wanted)} is not the number of a delivery.", field="id")
        found = self.access.visible(Delivery.objects.filter(pk=int(wanted)), self.user).first()
        if found is None:
            raise NotFound(f"There is no delivery {wanted}, or you may not see it.")
        self.delivery = found
        return found

    def _refuse_unless(self, states: tuple[State, ...], done: str) -> None:
        state = self.delivery.state
        if state not in states:
            possible = " or ".join(states)
            raise Refused(f"Delivery {self.delivery.pk} is {state}; only what is {possible} can be {done}.")

    def _moved(self) -> Delivery:
        self.delivery.refresh_from_db()
        _tell(self.delivery)
        return self.delivery


class RetryDelivery(_OnDelivery):
    """Let a delivery that failed or is held wait again. `out_of_order`: later ones of its lane were done already."""

    out_of_order = False

    def check(self) -> None:
        """Only what failed or is held."""
        self._refuse_unless(KEPT, "retried")

    def write(self) -> Delivery:
        """Let it wait, and have somebody look."""
        moved = outbox.retry([self.delivery.pk])
        if not moved:
            raise Refused(f"Delivery {self.delivery.pk} has moved on meanwhile.")
        self.out_of_order = moved[0].out_of_order
        outbox.announce()
        return self._moved()


class DiscardDelivery(_OnDelivery):
    """Give up a delivery that waits, failed or is held. `reason`: what is noted."""

    def check(self) -> None:
        """Only what is not over and not under way."""
        self._refuse_unless(DISCARDABLE, "discarded")
        if self.data.get("reason") is not None:
            inputs.text("reason", self.data["reason"])

    def write(self) -> Delivery:
        """Discard it."""
        reason = self.data.get("reason") or f"Discarded by {self.user}."
        if not outbox.discard([self.delivery.pk], reason):
            raise Refused(f"Delivery {self.delivery.pk} has moved on meanwhile.")
        return self._moved()


class ReplayEvent(Operation, Verb[Delivery]):
    """Have one receiver told of a stored event once more. `id`: the event's; `receiver`: the receiver's name."""

    event: EventRecord

    def load(self) -> EventRecord:
        """Look the event up."""
        key: UUID = inputs.uuid("id", self.data.get("id"))
        found = self.access.visible(EventRecord.objects.filter(pk=key), self.user).first()
        if found is None:
            raise NotFound(f"There is no event {key}, or you may not see it.")
        self.event = found
        return found

    def check(self) -> None:
        """The receiver must be one that gets such events without blocking, and the event must be there as a whole."""
        name, kind = str(self.data.get("receiver") or ""), event_types().get(self.event.type)
        receiver = registry.find(name, self.event.type)
        if kind is None or receiver is None or not receiver.durable or receiver.blocks(kind):
            raise Refused(f"No receiver {inputs.shown(name)} gets {self.event.type} without blocking.")
        if missing := set(kind.arguments or ()) - argument_names(self.event.arguments):
            raise Refused(f"Event {self.event.pk} was stored without {' and '.join(sorted(missing))}.")
        self._receiver: Receiver = receiver

    def write(self) -> Delivery:
        """Make the delivery, and have somebody look."""
        lane = lane_of(self._receiver.name, self.event.lane) if self._receiver.ordered else None
        key = outbox.replay(self.event.pk, self._receiver.name, event_lane=self.event.lane, lane=lane)
        outbox.announce()
        delivery = Delivery.objects.get(pk=key)
        _tell(delivery)
        return delivery


def _tell(delivery: Delivery) -> None:
    """Tell those who watch deliveries, once it is committed."""
    changes = [Changed(delivery.pk, delivery.receiver)]
    transaction.on_commit(lambda: feed.moved(changes), robust=True)
