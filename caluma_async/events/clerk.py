"""The engine's writing: one round after the other settles results, begins followers and takes what comes next.

Knows the outbox but no event loop; it is called on a thread of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError

from caluma_async.events import outbox
from caluma_async.events.lanes import Shares, turned
from caluma_async.events.outbox import Claim, Fence, Follower, Hand, Result
from caluma_async.events.outbox.dialect import tune
from caluma_async.events.states import State


@dataclass(slots=True, kw_only=True)
class Look:
    """A look for whatever is due: for which receivers, by the names that rows may have, and how many places there are
    to be shared out.

    A `fresh` one goes once round all lanes, in as many rounds as that takes; the others go on with it.
    """

    receivers: Mapping[str, str]
    limit: int
    shares: Shares
    fresh: bool = True


@dataclass(slots=True, kw_only=True)
class Round:
    """What is to be done.

    `settled` are deliveries that were acknowledged already, in their receiver's transaction. `behind` are those that
    come next in the lanes of `results`, `begin` those that come next in the lanes of `settled`. `lanes` and `ids` are
    candidates: lanes that have just become free, deliveries that are due.
    """

    results: list[Result] = field(default_factory=list)
    behind: list[Follower] = field(default_factory=list)
    settled: set[Fence] = field(default_factory=set)
    begin: list[Fence] = field(default_factory=list)
    lanes: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    looks: dict[str, Look] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of a round.

    `accepted`: claims that still held when they were settled. `begun`: claims on followers whose attempt has begun.
    `taken`: from lanes and ids. `found`: from each look. `more`: the looks after which there may be more.
    """

    accepted: set[Fence]
    begun: set[Fence]
    taken: list[Claim]
    found: Mapping[str, list[Claim]]
    more: set[str]


class Clerk:
    """Does the rounds of one process."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self._cursors: dict[str, str] = {}
        self._laps: dict[str, int] = {}
        self._turns = 0

    def work(self, todo: Round) -> Report:
        """Settle first, then take: who emits commits first, then looks. So nothing is left that nobody sees.

        May be repeated after an error: what was done already is not accepted again.
        """
        tune()
        held = _settle(todo.results, todo.behind) | outbox.begin(todo.begin)
        accepted = todo.settled | held.intersection(result.fence for result in todo.results)
        taken = outbox.take([*outbox.first_of(todo.lanes), *todo.ids], self.hand)
        more: set[str] = set()
        found = {}
        for kind, look in todo.looks.items():
            found[kind], left = self._look(kind, look)
            if left:
                more.add(kind)
        return Report(accepted=accepted, begun=held - accepted, taken=taken, found=found, more=more)

    def _look(self, kind: str, look: Look) -> tuple[list[Claim], bool]:
        """Half of what fits may be without a lane, and all that lanes leave; whether there may be more."""
        self._turns += 1
        limit, known = look.limit, list(look.receivers)
        if look.fresh:
            self._laps[kind] = 2 if self._cursors.get(kind) else 1
        lanes = self._walked(kind, known, limit)
        unordered = outbox.unordered(turned(known, self._turns), limit)
        share = max(limit - len(unordered.ids), (limit + self._turns % 2) // 2)
        others = list(zip(*unordered[:2], strict=True))
        candidates = [*lanes[:share], *others, *lanes[share:]]
        ids = _dealt(look, candidates)
        passed_over = missed = len(ids) < len(candidates)
        while missed and self._cursors[kind] and (known := _still_served(look)):
            # what others may have stands behind all lanes of a receiver that may have no more
            lanes = self._walked(kind, known, look.shares.free)
            more = _dealt(look, lanes)
            missed = len(more) < len(lanes)
            ids += more
        if passed_over:
            self._laps[kind] = max(self._laps[kind], 2)  # they lie behind
        left = passed_over or len(others) == limit
        return outbox.take(ids, self.hand), left or self._laps[kind] > 0

    def _walked(self, kind: str, known: Sequence[str], limit: int) -> list[tuple[int, str]]:
        """The first due ones of the lanes from where the last look stood, and whom they are for."""
        found = outbox.first_in_lanes(known, limit, self._cursors.get(kind, ""))
        self._cursors[kind] = found.cursor
        if not found.cursor:
            self._laps[kind] -= 1
        return list(zip(*found[:2], strict=True))


def _dealt(look: Look, candidates: Sequence[tuple[int, str]]) -> list[int]:
    """Those of them whose receivers may have a place; they have it now."""
    return [id_ for id_, name in candidates if look.shares.take(look.receivers[name])]


def _still_served(look: Look) -> list[str]:
    """The names for which there are places left."""
    return [name for name, who in look.receivers.items() if look.shares.may_take(who)]


def _settle(results: Sequence[Result], behind: Sequence[Follower]) -> set[Fence]:
    """Settle; one that the database refuses fails, and keeps the others from nothing."""
    try:
        return outbox.settle(results, behind)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # noqa: BLE001 - which of them it is, and why, will be seen
        return {fence for result in results for fence in _settle_alone(result, behind)}


def _settle_alone(result: Result, behind: Sequence[Follower]) -> set[Fence]:
    try:
        return outbox.settle([result], behind)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - it cannot be kept as it is, whatever the reason
        reason = ascii(f"How it went could not be written down: {error}")
        return outbox.settle([Result(fence=result.fence, state=State.FAILED, error=reason)], behind)
