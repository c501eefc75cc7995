"""What every carrier offers: it takes deliveries from the commit to their execution. The rows stay the truth."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from caluma_async.events.outbox import Claim, Fence, HandedEvent, NewDelivery, Recorded, Result, StoredEvent, settle
from caluma_async.events.receiver import Receiver
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind, Told, tell


class Waiting(NamedTuple):
    """A delivery that was recorded and is in nobody's hand."""

    id: int
    kind: str
    lane: str | None
    receiver: str


class InHand(NamedTuple):
    """A delivery that was recorded in hand, and the kind of the place that was taken for it."""

    claim: Claim
    kind: str


class Named(NamedTuple):
    """A delivery that somebody says is waiting, and whom it is for."""

    id: int
    receiver: str


class Source(Protocol):
    """Where a worker is told which deliveries wait, beside looking for itself."""

    channel: str
    """On which the database says that something is there to be drawn."""

    def draw(self, limit: int) -> Drawn:
        """Take out up to so many messages: nobody else is told of them. Blocks."""


class Drawn(NamedTuple):
    """What messages named, and whether there may be more of them."""

    named: Sequence[Named]
    more: bool


class Carrier(Protocol):
    """Brings deliveries from the commit to their receivers.

    `owner` is the process's number as which deliveries may be recorded in hand; `None` while none may. `enlists` says
    whether it writes something itself, in the transaction that records.
    """

    enlists: bool

    @property
    def owner(self) -> int | None:
        """As whom deliveries may be recorded in hand."""

    def reserve(self, receiver: Receiver) -> bool:
        """Take a place for a delivery that is about to be recorded in hand; called inside the transaction."""

    def give_back(self, receiver: Receiver) -> None:
        """Give such a place back."""

    def enlist(self, waiting: Sequence[Waiting]) -> None:
        """Note what waits, still inside the transaction that records it."""

    def carry(self, in_hand: Sequence[InHand], waiting: Sequence[Waiting]) -> None:
        """Take over what was committed: what is in hand, and what waits. Must not raise, and not wait."""

    def carry_loose(self, claims: Sequence[Claim]) -> None:
        """Take over what has no row."""


class Parcel:
    """What one transaction hands to the carrier: called at the commit, and gone when there is none.

    It holds places for what is recorded in hand, and gives them back when it goes without having been called: that
    is how a rollback is noticed.
    """

    __slots__ = ("_in_hand", "_lanes", "_loose", "_places", "_recorded", "_waiting", "carrier", "owner")

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.owner = carrier.owner
        self._lanes: set[str] = set()
        self._places: list[Receiver] = []
        self._in_hand: list[InHand] = []
        self._waiting: list[Waiting] = []
        self._loose: list[Claim] = []
        self._recorded: list[tuple[StoredEvent, str]] = []

    def reserve(self, receiver: Receiver, lane: str | None) -> bool:
        """Whether a delivery may be recorded in hand: there is a place, and it is the first of its lane in here."""
        if lane is not None:
            if lane in self._lanes:
                return False
            self._lanes.add(lane)
        if self.owner is None or not self.carrier.reserve(receiver):
            return False
        self._places.append(receiver)
        return True

    def add(self, event: StoredEvent, receiver: Receiver, new: NewDelivery, row: Recorded) -> None:
        """Take in what was recorded."""
        self._recorded.append((event, receiver.name))
        if row.state == State.RUNNING:
            claim = Claim(
                fence=Fence(row.id, 1), attempt=1, receiver=receiver.name, lane=new.lane, begun=True, event=event
            )
            self._in_hand.append(InHand(claim, receiver.kind))
            return
        if new.start:
            self._places.remove(receiver)
            self.carrier.give_back(receiver)
        if row.state == State.WAITING:
            self._waiting.append(Waiting(row.id, receiver.kind, new.lane, receiver.name))

    def add_loose(self, event: StoredEvent | HandedEvent, receiver: Receiver) -> None:
        """Take in what has no row."""
        self._loose.append(Claim(Fence(next(_loose), 0), 1, receiver.name, None, True, event))

    def enlist(self) -> None:
        """Everything was added; the transaction is still open."""
        if self._waiting:
            self.carrier.enlist(self._waiting)

    def __call__(self) -> None:
        """The transaction is committed."""
        if self._in_hand and not self._is_ours:
            self._open_hand()
        self._places.clear()
        for event, receiver in self._recorded:
            tell(Told(kind=Kind.RECORDED, receiver=receiver, event=event.type, event_id=event.id, lane=event.lane))
        if self._recorded:
            self.carrier.carry(self._in_hand, self._waiting)
        if self._loose:
            self.carrier.carry_loose(self._loose)

    @property
    def _is_ours(self) -> bool:
        """Whether the hand is still there that this was recorded in: a carrier may change it, or stop."""
        return self.carrier.owner == self.owner

    def _open_hand(self) -> None:
        """Nobody would know of what is in a hand that is gone: let it wait."""
        in_hand, self._in_hand = self._in_hand, []
        settle([Result(fence=one.claim.fence, state=State.WAITING, uncounted=True) for one in in_hand])
        self._waiting += [Waiting(one.id, kind, one.lane, one.receiver) for one, kind in in_hand]

    def give_up(self) -> None:
        """Nothing comes of it: give the places back. Safe to call twice."""
        places, self._places = self._places, []
        for receiver in places if self._is_ours else ():
            self.carrier.give_back(receiver)

    __del__ = give_up


_loose: Final = itertools.count(1)
"""Numbers for deliveries that have no row."""
