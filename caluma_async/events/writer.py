"""What a process has in hand, and the rounds in which it is settled and taken: the state around the clerk's work.

Knows capacity and lanes; how an attempt is made is the runner's business.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from caluma_async.events import executor
from caluma_async.events.carriers.base import ASYNC, THREAD, kind_of
from caluma_async.events.clerk import Clerk, Look, Report, Round
from caluma_async.events.crew import Desk
from caluma_async.events.executor import Assignment
from caluma_async.events.lanes import Followers, Room
from caluma_async.events.outbox import Claim, Fence, Follower, Result
from caluma_async.events.receiver import Receiver
from caluma_async.events.registry import registry
from caluma_async.events.rounds import Rounds
from caluma_async.events.runner import Finish
from caluma_async.events.states import FINISHED, State
from caluma_async.events.telemetry import Kind, Told, about, tell

_PAUSE: Final = 0.25
"""Seconds before the next try when the database does not answer."""

_TIMERS: Final = 10_000
"""How many retries are waited for one by one."""

_TICK: Final = 0.002
"""Clocks tick: a moment early is a look for nothing."""


class Writer:
    """Settles what is over, takes what comes next. Belongs to one event loop.

    `start` is called with what is to be attempted now, `place_is_free` when there is room again and when
    there is nothing left to write. Places in the `rooms` are taken by whoever takes a delivery in hand, and given back
    here.
    """

    def __init__(
        self,
        clerk: Clerk,
        desk: Desk,
        rooms: dict[str, Room],
        start: Callable[[Sequence[Assignment]], None],
        place_is_free: Callable[[], None],
    ) -> None:
        self.rooms = rooms
        self.held: dict[int, Fence] = {}
        """What is in hand, by key."""
        self.taken = 0
        """How many deliveries it has taken so far."""
        self.taking = True
        """Whether anything is taken; off while the process drains."""
        self._clerk = clerk
        self._desk = desk
        self._start = start
        self._place_is_free = place_is_free
        self._rounds = Rounds(self._round, place_is_free)
        self._finished: list[Finish] = []
        self._releases: list[Result] = []
        self._followers: Followers[Claim] = Followers()
        self._busy: Counter[str] = Counter()
        self._heads: dict[str, Fence] = {}
        self._fresh: set[str] = set()
        self._unfinished: set[str] = set()
        self._due: list[tuple[str, str | int]] = []
        self._looked_at: list[tuple[str, str | int]] = []
        self._timers = 0
        self._known: dict[tuple[str, str], Receiver | None] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in hand and nothing is to be settled."""
        return self._rounds.is_idle and not (self.held or self._finished or self._releases)

    @property
    def due(self) -> int:
        """How many lanes and deliveries it will look at when there is room."""
        return len(self._due)

    async def finish(self) -> None:
        """Wait until everything is settled that is over."""
        await self._rounds.finish()

    def look(self, *kinds: str) -> None:
        """There may be something that is due."""
        self._fresh.update(kinds)
        self._known.clear()
        self._rounds.kick()

    def look_at(self, kind: str, candidate: str | int) -> None:
        """This lane or this delivery may be due."""
        self._due.append((kind, candidate))
        self._rounds.kick()

    def is_busy(self, lane: str | None) -> bool:
        """Whether something of the lane is in hand here: what is behind it will be found when that is over."""
        return lane is not None and lane in self._busy

    def over(self, finish: Finish) -> None:
        """An attempt is over. Its place is free, unless what comes next in its lane is to have it."""
        assignment = finish.assignment
        if assignment.is_durable:
            self._finished.append(finish)
            self._rounds.kick()
        else:
            self._tell(finish, Kind.DELIVERED if finish.error is None else Kind.FAILED)
        if assignment.claim.lane is None:
            self._leave(kind_of(assignment.receiver), 1)

    def arrive(self, claims: Iterable[Claim], since: float | None = None) -> Counter[str]:
        """These are in hand now: those that have begun start, the others wait behind them.

        Returns how many places the former take, by kind.
        """
        assignments = []
        for claim in claims:
            receiver = self.receiver(claim)
            if receiver is None or not self.taking:  # a round was under way when the process began to drain
                self._disown(claim)
                continue
            self._hold(claim)
            if claim.begun:
                if claim.lane is not None:
                    self._heads[claim.lane] = claim.fence
                assignments.append(Assignment(claim, receiver, since or claim.event.emitted_at.timestamp()))
            elif claim.lane is not None:
                self._followers.add(claim.lane, claim)
        if assignments:
            self._start(assignments)
        return Counter(kind_of(assignment.receiver) for assignment in assignments)

    def give_back_followers(self) -> None:
        """Release what was only fetched."""
        self._give_back(self._followers.drop_all())

    def release(self, results: Sequence[Result]) -> None:
        """Settle what is in nobody's hand."""
        self._releases.extend(results)
        self._rounds.kick()

    def receiver(self, claim: Claim) -> Receiver | None:
        """Whom it is for; `None` if there is no such receiver any more."""
        key = claim.receiver, claim.event.type
        if key not in self._known:
            self._known[key] = registry.find(*key) or registry.find(claim.receiver)
        return self._known[key]

    def _disown(self, claim: Claim) -> None:
        """Its receiver was taken away between the claim and now, or this process stops: it is for another one."""
        self.release([executor.released(claim, uncounted=True)])

    def _hold(self, claim: Claim) -> None:
        if claim.claims:
            self.held[claim.id] = claim.fence
        if claim.lane is not None:
            self._busy[claim.lane] += 1

    def _give_back(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self._forget(claim)
            self._releases.append(executor.released(claim, uncounted=True))
            self._rounds.kick()

    def _forget(self, claim: Claim) -> None:
        self._let_go(claim)
        self._ease(claim.lane)

    def _let_go(self, claim: Claim) -> None:
        """Not of a later claim on the same delivery: an attempt that lost its lease may end while the next one runs."""
        if self.held.get(claim.id) == claim.fence:
            del self.held[claim.id]

    def _ease(self, lane: str | None) -> None:
        """One of the lane is over: whoever emits from now on has to look himself."""
        if lane is not None:
            self._busy[lane] -= 1
            if not self._busy[lane]:
                del self._busy[lane]

    def _leave(self, kind: str, places: int) -> None:
        self.rooms[kind].give(places)
        self._place_is_free()
        if places and self.taking and (self._due or kind in self._fresh | self._unfinished):
            self._rounds.kick()

    async def _round(self) -> None:
        finished, self._finished = self._finished, []
        releases, self._releases = self._releases, []
        todo = Round(results=releases)
        successors = self._gather(todo, finished)
        places = Counter(kind_of(one.assignment.receiver) for one in finished if one.assignment.claim.lane is not None)
        self._look_further(todo, places)
        if not (todo.results or todo.settled or todo.ids or todo.lanes or todo.looks):
            return
        try:
            report = await asyncio.get_running_loop().run_in_executor(self._desk, self._clerk.work, todo)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be lost by it
            self._take_back(todo, finished, releases, successors, places)
            tell(Told(kind=Kind.STUMBLED, error=error, reason="writing"))
            await asyncio.sleep(_PAUSE)
            self._rounds.kick()
        else:
            self._apply(todo, finished, successors, places, report)

    def _gather(self, todo: Round, finished: Sequence[Finish]) -> dict[int, Claim]:
        """What is to be settled, and what comes next in the lanes that are over."""
        successors = {}
        for one in finished:
            claim = one.assignment.claim
            self._ease(claim.lane)
            if one.settled:
                todo.settled.add(claim.id)
            else:
                todo.results.append(one.result)
            if claim.lane is None or one.result.state not in FINISHED or not self.taking or not self._leads(claim):
                continue
            follower = self._followers.next(claim.lane)
            if follower is None:
                todo.lanes.append(claim.lane)
                continue
            successors[claim.id] = follower
            if one.settled:
                todo.begin.append(follower.fence)
            else:
                todo.behind.append(Follower(follower.fence, claim.id))
        return successors

    def _leads(self, claim: Claim) -> bool:
        """Whether it is the one of its lane that was begun last.

        What a receiver's own transaction settles can be followed by the next one, found by a look, before it is over
        here: what waits behind that one must go on waiting.
        """
        return claim.lane is not None and self._heads.get(claim.lane) == claim.fence

    def _look_further(self, todo: Round, places: Counter[str]) -> None:
        """What else there is room for."""
        self._looked_at = []
        if not self.taking:
            return
        due, self._due = self._due, []
        for kind, candidate in due:
            if not self.rooms[kind].take(1):
                self._due.append((kind, candidate))
                continue
            self._looked_at.append((kind, candidate))
            places[kind] += 1
            todo.lanes.append(candidate) if isinstance(candidate, str) else todo.ids.append(candidate)
        for kind in (ASYNC, THREAD):
            if kind in self._fresh | self._unfinished and (receivers := self._receivers(kind)):
                limit = self.rooms[kind].take(self.rooms[kind].free)
                if limit:
                    todo.looks[kind] = Look(receivers=receivers, limit=limit, fresh=kind in self._fresh)
                    self._fresh.discard(kind)
                    self._unfinished.discard(kind)

    def _receivers(self, kind: str) -> list[str]:
        known = registry.deliverable_names()
        return [
            name
            for receiver in registry.all()
            if kind_of(receiver) == kind
            for name in (receiver.name, *receiver.aliases)
            if name in known
        ]

    def _take_back(
        self,
        todo: Round,
        finished: list[Finish],
        releases: list[Result],
        successors: dict[int, Claim],
        places: Counter[str],
    ) -> None:
        """The round failed: everything is as it was before."""
        for claim in successors.values():
            self._followers.put_back(str(claim.lane), claim)
        for one in finished:
            if one.assignment.claim.lane is not None:
                self._busy[one.assignment.claim.lane] += 1
        self._finished[:0] = finished
        self._releases[:0] = releases
        for kind, look in todo.looks.items():
            self.rooms[kind].give(look.limit)
            self._fresh.add(kind)
        for one in finished:
            places[kind_of(one.assignment.receiver)] -= one.assignment.claim.lane is not None
        for kind, number in places.items():
            self.rooms[kind].give(number)
        self._due[:0] = self._looked_at

    def _apply(
        self,
        todo: Round,
        finished: Sequence[Finish],
        successors: dict[int, Claim],
        places: Counter[str],
        report: Report,
    ) -> None:
        for one in finished:
            accepted = one.assignment.claim.id in report.accepted
            follower = successors.get(one.assignment.claim.id)
            self._close(one, accepted)
            if follower is not None and follower.id in report.begun:
                self._succeed(follower, places)
            else:
                self._give_up_lane(one, accepted, follower)
        self.taken += len(report.taken) + sum(map(len, report.found.values()))
        places.subtract(self.arrive(report.taken))
        for kind, number in places.items():
            self._leave(kind, number)
        for kind, claims in report.found.items():
            self._unfinished.update(report.more & {kind})
            self._leave(kind, todo.looks[kind].limit - self.arrive(claims)[kind])

    def _succeed(self, follower: Claim, places: Counter[str]) -> None:
        """Let the lane's next one start."""
        self._forget(follower)
        places.subtract(self.arrive([replace(follower, begun=True, attempt=follower.attempt + 1)]))

    def _give_up_lane(self, one: Finish, accepted: bool, follower: Claim | None) -> None:
        """Nothing comes next, or the lane is not over, or somebody else's by now."""
        claim = one.assignment.claim
        if claim.lane is None or not self._leads(claim):
            return
        del self._heads[claim.lane]
        if follower is not None:
            self._followers.put_back(claim.lane, follower)
        if follower is not None or one.result.state not in FINISHED or not accepted:
            self._give_back(self._followers.drop(claim.lane))
        if not accepted and self.taking:  # it may have been settled all the same, and the answer got lost
            self.look_at(kind_of(one.assignment.receiver), claim.lane)

    def _close(self, one: Finish, accepted: bool) -> None:
        claim, state = one.assignment.claim, one.result.state
        self._let_go(claim)
        if not accepted:
            self._tell(one, Kind.LOST)
            return
        self._tell(one, one.kind)
        if state is State.WAITING and self.taking and one.result.delay is not None:
            candidate = claim.id if claim.lane is None else claim.lane
            self._later(one.result.delay, kind_of(one.assignment.receiver), candidate)

    def _later(self, delay: float, kind: str, candidate: str | int) -> None:
        """Look at a retry when it is due; polling finds those for which there is no timer."""
        if self._timers < _TIMERS:
            self._timers += 1
            asyncio.get_running_loop().call_later(delay + _TICK, self._ring, kind, candidate)

    def _ring(self, kind: str, candidate: str | int) -> None:
        self._timers -= 1
        self.look_at(kind, candidate)

    def _tell(self, one: Finish, kind: Kind) -> None:
        tell(about(one.assignment.claim, kind, seconds=one.result.delay or 0.0, ran=one.ran, error=one.error))
