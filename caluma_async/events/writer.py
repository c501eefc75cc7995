"""What a process has in hand, and the rounds in which it is settled and taken: the state around the clerk's work.

Knows capacity and lanes; how an attempt is made is the runner's business.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from caluma_async.events import executor
from caluma_async.events.clerk import Clerk, Look, Report, Round
from caluma_async.events.crew import Desk
from caluma_async.events.executor import Assignment
from caluma_async.events.lanes import Followers, Room
from caluma_async.events.outbox import Claim, Fence, Follower, Result
from caluma_async.events.pace import Pace
from caluma_async.events.receiver import KINDS, Receiver
from caluma_async.events.registry import registry
from caluma_async.events.rounds import Rounds
from caluma_async.events.runner import Finish
from caluma_async.events.states import FINISHED, State
from caluma_async.events.telemetry import Kind, Told, about, tell

_PAUSE: Final = 0.25
"""Seconds before the next try when the database does not answer."""

_TIMERS: Final = 10_000
"""How many retries are waited for one by one."""

Seat = tuple[str, str]
"""A place: the kind of its room, and the receiver that holds it."""

_PATIENCE: Final = 0.1
"""Seconds for which requests come first, unless a lane's next delivery waits for what is to be written."""

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
        self.own_only = False
        """Whether nothing is looked for: what is due is all there is to do."""
        self._clerk = clerk
        self._desk = desk
        self._start = start
        self._place_is_free = place_is_free
        self._rounds = Rounds(self._round, place_is_free, patience=_PATIENCE)
        self._finished: list[Finish] = []
        self._releases: list[Result] = []
        self._followers: Followers[Claim] = Followers()
        self._busy: Counter[str] = Counter()
        self._heads: dict[str, Fence] = {}
        self._awaited: set[str] = set()
        self._fresh: set[str] = set()
        self._wanted: defaultdict[str, set[str]] = defaultdict(set)
        self._skipped: defaultdict[str, set[str]] = defaultdict(set)
        self._due: list[tuple[Seat, str | int]] = []
        self._looked_at: list[tuple[Seat, str | int]] = []
        self._looked: dict[str, float] = {}
        self._ended: Counter[str] = Counter()
        self._paces = {kind: Pace() for kind in KINDS}
        self._later_looks: set[str] = set()
        self._timers = 0
        self._left: dict[Seat, int] = {}
        self._known: dict[tuple[str, str], Receiver | None] = {}
        self._named: dict[str, Mapping[str, str]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in hand and nothing is to be settled."""
        return self._rounds.is_idle and not (self.held or self._finished or self._releases or self._left)

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
        self._named.clear()
        self._rounds.kick()

    def look_at(self, seat: Seat, candidate: str | int) -> None:
        """This lane or this delivery may be due, and would take such a seat."""
        self._due.append((seat, candidate))
        self._rounds.kick()

    def drain(self) -> None:
        """Take nothing more, and let nobody pass."""
        self.taking = False
        self._rounds.hasten()

    def is_busy(self, lane: str) -> bool:
        """Whether something of the lane is in hand here: what is behind it will be found when that is over."""
        return lane in self._busy

    def expect(self, lane: str) -> None:
        """Something waits behind what is in hand of this lane."""
        self._awaited.add(lane)
        if any(one.assignment.claim.lane == lane for one in self._finished):
            self._rounds.hasten()

    def over(self, finish: Finish) -> None:
        """An attempt is over. Its place is free, unless what comes next in its lane is to have it."""
        assignment = finish.assignment
        kind, lane = assignment.receiver.kind, assignment.claim.lane
        if finish.ran:
            self._paces[kind].note(finish.ran)
        if assignment.is_durable:
            self._finished.append(finish)
            self._settle_soon(kind, lane)
        else:
            self._tell(finish, Kind.DELIVERED if finish.error is None else Kind.FAILED)
        if lane is None:
            self._leave_soon(seat_of(assignment.receiver))

    def _settle_soon(self, kind: str, lane: str | None) -> None:
        """Now, if anybody waits for it; with the next look, if one is put off until more places are free."""
        self._ended[kind] += lane is not None
        if not self.taking or self._is_awaited(lane):
            self._rounds.hasten()
        elif not self._is_early(kind):
            self._rounds.kick()

    def _is_awaited(self, lane: str | None) -> bool:
        return lane is not None and (lane in self._awaited or self._busy[lane] > 1)

    def arrive(self, claims: Iterable[Claim], since: float | None = None) -> Counter[Seat]:
        """These are in hand now: those that have begun start, the others wait behind them.

        Returns how many places the former take.
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
        return Counter(seat_of(assignment.receiver) for assignment in assignments)

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
        if claim.is_durable:
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
                self._awaited.discard(lane)

    def _leave_soon(self, seat: Seat) -> None:
        """Leave it together with others that are over in the same turn of the loop."""
        if not self._left:
            asyncio.get_running_loop().call_soon(self._leave_all)
        self._left[seat] = self._left.get(seat, 0) + 1

    def _leave_all(self) -> None:
        left, self._left = self._left, {}
        for seat, places in left.items():
            self._leave(seat, places)

    def _leave(self, seat: Seat, places: int) -> None:
        kind, who = seat
        self.rooms[kind].give(who, places)
        if places:
            self._is_free(kind)

    def _is_free(self, kind: str) -> None:
        """There may be a place now for whoever waits for one."""
        self._place_is_free()
        if self.taking and (self._due or self._may_look(kind)):
            self._rounds.kick()

    def _may_look(self, kind: str) -> bool:
        wanted = kind in self._fresh or any(map(self.rooms[kind].may_take, self._wanted[kind]))
        return wanted and not self._is_early(kind)

    async def _round(self) -> None:
        finished, self._finished = self._finished, []
        self._ended.clear()
        releases, self._releases = self._releases, []
        todo = Round(results=releases)
        successors = self._gather(todo, finished)
        places = Counter(seat_of(one.assignment.receiver) for one in finished if one.assignment.claim.lane is not None)
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

    def _gather(self, todo: Round, finished: Sequence[Finish]) -> dict[Fence, Claim]:
        """What is to be settled, and what comes next in the lanes that are over."""
        successors = {}
        for one in finished:
            claim = one.assignment.claim
            self._ease(claim.lane)
            if one.settled:
                todo.settled.add(claim.fence)
            else:
                todo.results.append(one.result)
            if claim.lane is None or one.result.state not in FINISHED or not self.taking or not self._leads(claim):
                continue
            follower = self._followers.next(claim.lane)
            if follower is None:
                todo.lanes.append(claim.lane)
                continue
            successors[claim.fence] = follower
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

    def _look_further(self, todo: Round, places: Counter[Seat]) -> None:
        """What else there is room for."""
        self._looked_at = []
        if not self.taking:
            return
        due, self._due = self._due, []
        for (kind, who), candidate in due:
            if not self.rooms[kind].take(who):
                self._put_off((kind, who), candidate)
                continue
            self._looked_at.append(((kind, who), candidate))
            places[kind, who] += 1
            todo.lanes.append(candidate) if isinstance(candidate, str) else todo.ids.append(candidate)
        for kind in KINDS:
            if look := self._next_look(kind):
                todo.looks[kind] = look

    def _put_off(self, seat: Seat, candidate: str | int) -> None:
        """Keep it in mind; where its receiver holds all that it may, a look finds it when that has changed."""
        kind, who = seat
        if self.own_only or not self.rooms[kind].free:
            self._due.append((seat, candidate))
        else:
            self._wanted[kind].add(who)
            self._skipped[kind].add(who)

    def _next_look(self, kind: str) -> Look | None:
        """A look for those that are wanted and may have places; one that comes back in has to see every lane."""
        room, wanted, names = self.rooms[kind], self._wanted[kind], self._names(kind)
        if kind in self._fresh:
            wanted.update(names.values())
        if self._is_early(kind):
            return None
        looked = {who for who in wanted if room.may_take(who)}
        known = {name: who for name, who in names.items() if who in looked}
        if not known or not (shares := room.lend()).free:
            return None
        look = Look(
            receivers=known,
            limit=shares.free,
            shares=shares,
            fresh=kind in self._fresh or not looked.isdisjoint(self._skipped[kind]),
        )
        self._looked[kind] = asyncio.get_running_loop().time()
        self._fresh.discard(kind)
        wanted -= looked
        self._skipped[kind] = set(wanted)
        return look

    def _is_early(self, kind: str) -> bool:
        """Whether a look had better wait until more places are free; it will take place then, or in a moment.

        Places that are kept for what comes next in a lane count: they will be free if nothing does.
        """
        room, pace = self.rooms[kind], self._paces[kind]
        if pace.is_enough(room.free + self._ended[kind], room.size):
            return False
        loop = asyncio.get_running_loop()
        due = self._looked.get(kind, -pace.between) + pace.between
        if loop.time() >= due:
            return False
        if kind not in self._later_looks:
            self._later_looks.add(kind)
            loop.call_at(due, self._look_now, kind)
        return True

    def _look_now(self, kind: str) -> None:
        self._later_looks.discard(kind)
        self._rounds.kick()

    def _names(self, kind: str) -> Mapping[str, str]:
        """The receivers of a kind, by the names that rows may have."""
        if kind not in self._named:
            known = registry.deliverable_names()
            self._named[kind] = {
                name: receiver.name
                for receiver in registry.all()
                if receiver.kind == kind
                for name in (receiver.name, *receiver.aliases)
                if name in known
            }
        return self._named[kind]

    def _take_back(
        self,
        todo: Round,
        finished: list[Finish],
        releases: list[Result],
        successors: dict[Fence, Claim],
        places: Counter[Seat],
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
            self.rooms[kind].settle(look.limit)
            self._fresh.add(kind)
        for one in finished:
            places[seat_of(one.assignment.receiver)] -= one.assignment.claim.lane is not None
        for (kind, who), number in places.items():
            self.rooms[kind].give(who, number)
        self._due[:0] = self._looked_at

    def _apply(
        self,
        todo: Round,
        finished: Sequence[Finish],
        successors: dict[Fence, Claim],
        places: Counter[Seat],
        report: Report,
    ) -> None:
        for one in finished:
            accepted = one.assignment.claim.fence in report.accepted
            follower = successors.get(one.assignment.claim.fence)
            self._close(one, accepted)
            if follower is not None and follower.fence in report.begun:
                self._succeed(follower, places)
            else:
                self._give_up_lane(one, accepted, follower)
        self.taken += len(report.taken) + sum(map(len, report.found.values()))
        places.subtract(self.arrive(report.taken))
        for seat, number in places.items():
            self._leave(seat, number)
        for kind, look in todo.looks.items():
            if kind in report.more:
                self._wanted[kind].update(look.receivers.values())
            taken = self.arrive(report.found[kind])
            self.rooms[kind].settle(look.limit, {who: number for (_, who), number in taken.items()})
            self._is_free(kind)

    def _succeed(self, follower: Claim, places: Counter[Seat]) -> None:
        """Let the lane's next one start."""
        self._forget(follower)
        places.subtract(self.arrive([follower._replace(begun=True, attempt=follower.attempt + 1)]))

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
        if (not accepted or follower is not None) and self.taking:
            # it may have been settled all the same, and the answer got lost
            self.look_at(seat_of(one.assignment.receiver), claim.lane)

    def _close(self, one: Finish, accepted: bool) -> None:
        claim, state = one.assignment.claim, one.result.state
        self._let_go(claim)
        if not accepted:
            self._tell(one, Kind.LOST)
            return
        self._tell(one, one.kind)
        if state is State.WAITING and self.taking and one.result.delay is not None:
            candidate = claim.id if claim.lane is None else claim.lane
            self._later(one.result.delay, seat_of(one.assignment.receiver), candidate)

    def _later(self, delay: float, seat: Seat, candidate: str | int) -> None:
        """Look at a retry when it is due; polling finds those for which there is no timer."""
        if self._timers < _TIMERS:
            self._timers += 1
            asyncio.get_running_loop().call_later(delay + _TICK, self._ring, seat, candidate)

    def _ring(self, seat: Seat, candidate: str | int) -> None:
        self._timers -= 1
        self.look_at(seat, candidate)

    def _tell(self, one: Finish, kind: Kind) -> None:
        tell(about(one.assignment.claim, kind, seconds=one.result.delay or 0.0, ran=one.ran, error=one.error))


def seat_of(receiver: Receiver) -> Seat:
    """The place that a delivery of the receiver takes."""
    return receiver.kind, receiver.name
