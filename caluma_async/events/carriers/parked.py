"""Carries nothing: deliveries stay in the table until somebody asks for them. For tests."""

from __future__ import annotations

from collections.abc import Sequence

from caluma_async.events.carriers.base import InHand, Waiting
from caluma_async.events.outbox import Claim
from caluma_async.events.receiver import Receiver


class Parked:
    """Leaves everything where it is. What has no row is kept here."""

    owner = None
    enlists = False

    def __init__(self) -> None:
        self.loose: list[Claim] = []

    def reserve(self, receiver: Receiver) -> bool:
        """There is no place."""
        return False

    def give_back(self, receiver: Receiver) -> None:
        """There was none to take."""

    def enlist(self, waiting: Sequence[Waiting]) -> None:
        """The rows are enough."""

    def carry(self, in_hand: Sequence[InHand], waiting: Sequence[Waiting]) -> None:
        """They wait in the table."""

    def carry_loose(self, claims: Sequence[Claim]) -> None:
        """Keep them."""
        self.loose.extend(claims)
