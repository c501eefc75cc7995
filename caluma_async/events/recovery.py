"""What a process does for all of them now and then: deliveries of the dead, rows that are old."""

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


class Recovery:
    """Remembers since when processes seem dead, and when rows were pruned."""

    def __init__(self) -> None:
        self._suspects: dict[int, float] = {}
        self._prune_at = 0.0

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
