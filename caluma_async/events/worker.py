"""One process's part in delivering: start, wake or poll, drain, stop. Ties runner, writer and keeper together."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from caluma_async.conf import settings
from caluma_async.connections import KeptConnections
from caluma_async.events import outbox
from caluma_async.events.carriers.base import InHand, Named, Source, Waiting
from caluma_async.events.clerk import Clerk
from caluma_async.events.crew import Desk
from caluma_async.events.executor import Assignment, now
from caluma_async.events.intake import Intake
from caluma_async.events.lanes import Room
from caluma_async.events.lease import Keeper
from caluma_async.events.outbox import Claim, Fence, Hand, Recovered, Result, in_hand
from caluma_async.events.outbox.dialect import tune
from caluma_async.events.outbox.upkeep import CHANNEL
from caluma_async.events.receiver import ASYNC, KINDS, THREAD, Receiver
from caluma_async.events.recovery import Recovery
from caluma_async.events.registry import registry
from caluma_async.events.rounds import call_on
from caluma_async.events.runner import Finish, Runner
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind, Told, tell
from caluma_async.events.writer import Seat, Writer, seat_of
from caluma_async.precedence import requests

_REMEMBERED: Final = 1_000
"""How many claims are known that were given back because nobody knew of them."""

_PATIENCE: Final = 0.1
"""Seconds for which requests come first: their answers leave before what they caused begins."""

_LAST_WORDS: Final = 2.0
"""Seconds that cancelled deliveries get, and what is to be given back."""


class Worker:
    """Delivers in this process, on the event loop on which it is started.

    `own_only`: nothing but what this process emitted itself, and nothing that others left behind. `source`: where it is
    told what waits, so that it need not look. `reserve`, `carry` and `wake` may be called from any thread, everything
    else belongs to the loop.
    """

    def __init__(self, *, own_only: bool = False, source: Source | None = None) -> None:
        self.own_only = own_only
        self.rooms = {ASYNC: Room(settings.EVENT_CONCURRENCY), THREAD: Room(settings.EVENT_THREADS)}
        self.hand = Hand(owner=0, lease=settings.EVENT_LEASE)
        self._kept = KeptConnections()
        self._clerk_desk = Desk("caluma-clerk", self._kept)
        self._loader_desk = Desk("caluma-loader", self._kept)
        self._intake = None if source is None else Intake(source, self._kept, self._wanted, self._bring, self._rested)
        self._keeper = Keeper(self._fences, self._wakes(source))
        self._recovery = Recovery()
        self._inbox: deque[Callable[[], None]] = deque()
        self._noted: set[bool] = set()
        self._queue = Room(settings.EVENT_QUEUE_SIZE)
        self._loose: dict[str, deque[tuple[Claim, float]]] = {}
        self._strays: set[Fence] = set()
        self._given_back: deque[Fence] = deque(maxlen=_REMEMBERED)
        self._own: dict[int, Seat] = {}
        self._poll: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()

    @property
    def is_running(self) -> bool:
        """Whether it takes deliveries."""
        return self._loop is not None and self._stopped is None

    async def start(self) -> None:
        """Begin; when it returns, emitters may hand over."""
        if self._loop is not None:
            return
        loop = asyncio.get_running_loop()
        self._keeper.start(loop)
        await loop.run_in_executor(self._clerk_desk, self._keeper.wait_until_ready)
        self.hand = Hand(owner=self._keeper.owner, lease=settings.EVENT_LEASE)
        self._runner = Runner(self._loader_desk, self._over)
        self._writer = Writer(Clerk(self.hand), self._clerk_desk, self.rooms, self._start, self._place_is_free)
        self._writer.own_only = self.own_only
        self._loop = loop
        self._share_rooms()
        self._open_inbox()
        self._poll = loop.create_task(self._poll_always())

    async def stop(self, drain: float | None = None) -> None:
        """Take nothing more, let what runs finish for up to `drain` seconds, give the rest back.

        Safe to call twice, and before `start`.
        """
        if self._loop is None:
            return
        if self._stopped is not None:
            await asyncio.shield(self._stopped)
            return
        self._stopped = self._loop.create_future()
        await self._stop(settings.EVENT_DRAIN if drain is None else drain)
        self._stopped.set_result(None)

    def reserve(self, receiver: Receiver) -> bool:
        """Take a place for a delivery that is about to be recorded as in hand; from any thread."""
        return self.is_running and self.rooms[receiver.kind].reserve(receiver.name)

    def give_back(self, receiver: Receiver) -> None:
        """Give a place back that was reserved; from any thread."""
        self.rooms[receiver.kind].give(receiver.name)

    def carry(self, in_hand: Sequence[InHand], waiting: Sequence[Waiting]) -> None:
        """Take over what was committed: what is in hand already, and what waits; from any thread."""
        self._post(partial(self._take_over, in_hand, waiting, now()), lets_pass=True)

    def carry_loose(self, claims: Sequence[Claim]) -> None:
        """Take over what has no row; from any thread. What does not fit is dropped, and told about."""
        fit = self._queue.take_each([claim.receiver for claim in claims])
        kept = []
        for claim, fits in zip(claims, fit, strict=True):
            kept.append(claim) if fits else _tell_dropped(claim)
        self._post(partial(self._queue_up, kept, now()), lets_pass=True)

    def wake(self) -> None:
        """There may be something due; from any thread."""
        self._post(self._look)

    def _wakes(self, source: Source | None) -> Mapping[str, Callable[[], None]]:
        wakes = {CHANNEL: self.wake}
        return wakes if source is None else {**wakes, source.channel: lambda: self._post(self._draw)}

    async def idle(self) -> None:
        """Wait until nothing is in hand."""
        await self._until(self._is_idle)

    async def until_nothing_is_due(self) -> None:
        """Wait until nothing is in hand, and a look found nothing that is due."""
        found = True
        while found:
            await self.idle()
            before = self._writer.taken
            self._writer.look(*KINDS)
            await self._writer.finish()
            found = self._writer.taken != before

    async def finish_own(self, seconds: float) -> None:
        """Wait until nothing is in hand and nothing that this process emitted is left to do, for so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._until(lambda: self._is_idle() and not self._own)

    async def _until(self, fact: Callable[[], bool]) -> None:
        while not fact():
            self._changed.clear()
            await self._changed.wait()

    def _is_idle(self) -> bool:
        drawing = self._intake is not None and not self._intake.is_idle
        return not (self._inbox or self._loose or drawing) and self._writer.is_idle and self._runner.is_idle

    def _rested(self) -> None:
        self._changed.set()

    def _post(self, job: Callable[[], None], *, lets_pass: bool = False) -> None:
        """Have the loop do it; what `lets_pass` requests is done together with what else comes up meanwhile."""
        self._inbox.append(job)
        if self._loop is not None and lets_pass not in self._noted:
            self._noted.add(lets_pass)
            call_on(self._loop, self._open_inbox_later if lets_pass else self._open_inbox)

    def _open_inbox_later(self) -> None:
        passed = requests.let_pass(_PATIENCE)
        if passed is None:
            self._open_inbox()
        else:
            passed.add_done_callback(lambda _: self._open_inbox())

    def _open_inbox(self) -> None:
        self._noted.clear()
        while self._inbox:
            self._inbox.popleft()()
        self._changed.set()

    def _fences(self) -> Sequence[Fence]:
        return list(self._writer.held.values()) if self._loop is not None else []

    def _draw(self) -> None:
        if self._intake is not None and self._stopped is None:
            self._intake.kick()

    def _wanted(self) -> int:
        """How many more it would take, or keep in mind until there is room."""
        return 0 if self._stopped is not None else sum(room.size for room in self.rooms.values()) - self._writer.due

    def _bring(self, named: Sequence[Named]) -> None:
        known = registry.deliverable_names()
        for key, name in named:
            receiver = registry.find(name) if name in known else None
            if receiver is not None:  # else another process knows it, and finds the row by looking
                self._writer.look_at(seat_of(receiver), key)

    def _share_rooms(self) -> None:
        """A receiver that is the only one has all places for itself."""
        kinds = Counter(receiver.kind for receiver in registry.all() if not all(map(receiver.blocks, receiver.events)))
        for kind, room in self.rooms.items():
            room.share(kinds[kind] > 1)
        self._queue.share(kinds.total() > 1)

    def _look(self) -> None:
        self._share_rooms()
        self._draw()
        if not self.own_only:
            self._writer.look(*KINDS)
        for key, seat in self._own.items():
            self._writer.look_at(seat, key)

    def _start(self, assignments: Sequence[Assignment]) -> None:
        for assignment in assignments:
            self._own.pop(assignment.claim.id, None)
        self._runner.start(assignments)

    def _over(self, finish: Finish) -> None:
        self._writer.over(finish)

    def _place_is_free(self) -> None:
        self._start_loose()
        if self._intake is not None:
            self._intake.go_on()
        self._changed.set()

    def _queue_up(self, claims: Sequence[Claim], since: float) -> None:
        for claim in claims:
            self._loose.setdefault(claim.receiver, deque()).append((claim, since))
        self._start_loose()

    def _start_loose(self) -> None:
        """Start what has no row, as far as there is room."""
        if not self._loose:
            return
        started = []
        for name, waiting in list(self._loose.items()):
            receiver = self._writer.receiver(waiting[0][0])
            leaving = len(waiting)
            if receiver is not None:
                leaving = self.rooms[receiver.kind].take_up_to(receiver.name, leaving)
            self._queue.give(name, leaving)
            for claim, since in (waiting.popleft() for _ in range(leaving)):
                if receiver is not None:
                    started.append(Assignment(claim, receiver, since))
            if not waiting:
                del self._loose[name]
        self._runner.start(started)

    def _take_over(self, in_hand: Sequence[InHand], waiting: Sequence[Waiting], since: float) -> None:
        if self._stopped is not None:
            self._writer.release([_untouched(one.claim.fence) for one in in_hand])
            return
        claims, again = [], []
        for one in in_hand:
            if self._writer.receiver(one.claim) is None:
                self._leave(one)
            elif self._is_late(one.claim, since):
                again.append(self._leave(one))
            else:
                claims.append(one.claim)
        self._writer.arrive(claims, since)
        self._find([*waiting, *again])

    def _find(self, waiting: Sequence[Waiting]) -> None:
        for one in waiting:
            if self.own_only:
                self._own[one.id] = one.kind, one.receiver
                self._writer.look_at(self._own[one.id], one.id)
            elif one.lane is not None and self._writer.is_busy(one.lane):
                self._writer.expect(one.lane)
            else:
                self._writer.look(one.kind)

    def _is_late(self, claim: Claim, since: float) -> bool:
        """Whether what was recorded in hand may be in another hand by now.

        The transaction lasted, or the commit's other handlers did.
        """
        return claim.fence in self._given_back or since - claim.event.emitted_at.timestamp() > self.hand.lease / 2

    def _leave(self, one: InHand) -> Waiting:
        """Give it back, and its place, unless somebody has it already; it is found like everything that waits."""
        claim, kind = one
        self._writer.release([_untouched(claim.fence)])
        self.rooms[kind].give(claim.receiver)
        return Waiting(claim.id, kind, claim.lane, claim.receiver)

    async def _poll_always(self) -> None:
        """Look now and then: for what nobody announced, what others left behind, and what is in hand by mistake."""
        while True:
            self._look()
            try:
                await asyncio.get_running_loop().run_in_executor(self._clerk_desk, self._keep_order)
            except Exception as error:  # noqa: BLE001 - the next time may be better
                tell(Told(kind=Kind.STUMBLED, error=error, reason="polling"))
            await asyncio.sleep(settings.EVENT_POLL)

    def _keep_order(self) -> None:
        """On the clerk's thread: what this process has in hand without knowing, recovery, and then what can wait."""
        tune()
        self._give_strays_back()
        if self.own_only:
            strays = {fence.id for fence in self._strays}
            self._post(partial(self._disown, set(self._own) - strays - outbox.still_waiting(list(self._own))))
            return
        holding = [receiver.name for receiver in registry.all() if receiver.on_exhausted == "hold"]
        self._post(partial(self._tell_recovered, self._recovery.recover(holding, living=[self.hand.owner])))
        for name, number in self._recovery.missing(registry.deliverable_names()):
            tell(Told(kind=Kind.UNKNOWN, receiver=name, number=number))
        self._recovery.prune()

    def _give_strays_back(self) -> None:
        """Rows in our hand that we do not know of, twice in a row: their claim worked, and its answer got lost."""
        known = set(self._fences())
        strays = in_hand(self.hand.owner) - known
        self._post(partial(self._release_strays, strays & self._strays))
        self._strays = strays

    def _disown(self, taken: set[int]) -> None:
        """Others have taken these."""
        for key in taken:
            self._own.pop(key, None)

    def _release_strays(self, strays: set[Fence]) -> None:
        unknown = strays.difference(self._writer.held.values())
        self._given_back.extend(unknown)
        self._writer.release([_untouched(fence) for fence in unknown])

    def _tell_recovered(self, recovered: Sequence[Recovered]) -> None:
        for one in recovered:
            kind = {State.FAILED: Kind.FAILED, State.HELD: Kind.HELD}.get(one.state, Kind.RECOVERED)
            tell(Told(kind=kind, receiver=one.receiver, delivery=one.id, lane=one.lane, number=1))
        if recovered:
            self._look()

    async def _stop(self, drain: float) -> None:
        for room in self.rooms.values():
            room.close()
        self._writer.drain()
        if self._poll is not None:
            self._poll.cancel()
        self._open_inbox()
        self._loose.clear()
        self._writer.give_back_followers()
        self._runner.give_back()
        try:
            async with asyncio.timeout(drain):
                await self.idle()
        except TimeoutError:
            self._runner.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await self.idle()
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        """Blocks for as long as threads need to end; those that are stuck end with the process."""
        self._keeper.stop()
        self._runner.close()
        if self._intake is not None:
            self._intake.close()
        self._clerk_desk.submit(outbox.announce)  # what was given back is for somebody else, who need not wait for it
        for desk in (self._loader_desk, self._clerk_desk):
            desk.shutdown()
        self._kept.close()


def _tell_dropped(claim: Claim) -> None:
    tell(Told(kind=Kind.DROPPED, receiver=claim.receiver, event=claim.event.type, event_id=claim.event.id))


def _untouched(fence: Fence) -> Result:
    """It is for somebody else; no attempt took place."""
    return Result(fence=fence, state=State.WAITING, uncounted=True)
