"""What a process does for all now and then: deliveries of the dead, rows that are old, receivers nobody knows."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Final

from caluma_async.conf import settings
from caluma_async.events import outbox
from caluma_async.events.outbox import Recovered

GRACE: Final = 1.0
"""Seconds for which a process must seem dead: one whose session broke takes its lock again within that time."""

PRUNE_EVERY: Final = 600.0
"""Seconds between looks for old rows."""

COUNT_EVERY: Final = 60.0
"""Seconds between looks for deliveries whose receiver is not known."""


class Recovery:
    """Remembers since when processes seem dead, when rows were pruned, and which receivers were missed."""

    def __init__(self) -> None:
        self._suspects: dict[int, float] = {}
        self._prune_at = 0.0
        self._count_at = 0.0
        self._missed: set[str] = set()

    def recover(self, holding: Collection[str], living: Collection[int] = ()) -> list[Recovered]:
        """Free what dead processes have in hand, and what leases have ended; `living` are known to live."""
        now = time.monotonic()
        dead = outbox.dead_owners().difference(living)
        self._suspects = {owner: self._suspects.get(owner, now) for owner in dead}
        gone = [owner for owner, since in self._suspects.items() if now - since >= GRACE]
        return outbox.recover(gone, holding)

    def prune(self) -> int:
        """Delete a batch of old rows, if it is time; how many."""
        now = time.monotonic()
        if now < self._prune_at:
            return 0
        pruned = outbox.prune(settings.EVENT_RETENTION)
        if not pruned:
            self._prune_at = now + PRUNE_EVERY
        return pruned

    def missing(self, known: Collection[str]) -> list[tuple[str, int]]:
        """Receivers that deliveries wait for and that are not known, if it is time; each of them once."""
        now = time.monotonic()
        if now < self._count_at:
            return []
        self._count_at = now + COUNT_EVERY
        found = [(name, number) for name, number in outbox.unknown_receivers(known) if name not in self._missed]
        self._missed.update(name for name, _ in found)
        return found
