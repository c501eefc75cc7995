"""Running attempts: loads together what starts together, awaits `async def` receivers, has threads call the others.

Knows nothing of rows: whoever started an assignment is told how it went.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from django.db import DatabaseError, InterfaceError

from caluma_async.conf import settings
from caluma_async.events import executor
from caluma_async.events.crew import Crew, Desk, OwnDesk
from caluma_async.events.executor import Assignment, Attempt, now
from caluma_async.events.limits import Limits
from caluma_async.events.outbox import Result
from caluma_async.events.outbox.dialect import tune
from caluma_async.events.rounds import Rounds, call_on
from caluma_async.events.states import State
from caluma_async.events.telemetry import Kind, Told, about, tell
from caluma_async.precedence import requests

_TOGETHER: Final = 128
"""How many are loaded in one query: half of what runs at once, so that half is loaded while the other is settled."""

_BESIDE_REQUESTS: Final = 48
"""How many while requests are under way: one that waits for the loop, or for Python's lock, waits for one batch."""

_YOUNG_BESIDE_REQUESTS: Final = 3
"""How many `def` receivers may have been called in the last moment while requests are under way."""

_YOUNG: Final = 0.02
"""Seconds for which a `def` receiver is taken to work; after that it waits for something, and takes nothing away."""

_UNREACHABLE: Final = 1.0
"""Seconds after which a delivery is due again that could not be loaded because the database was away."""


@dataclass(slots=True, eq=False)
class Finish:
    """An assignment that is over: what becomes of it, why, and how many seconds its receiver ran.

    `settled`: its row says so already.
    """

    assignment: Assignment
    result: Result
    error: BaseException | None = None
    ran: float = 0.0
    settled: bool = False

    @property
    def kind(self) -> Kind:
        """What has happened, once it is settled."""
        if self.result.state is not State.WAITING:
            return Kind(self.result.state.value)
        return Kind.RELEASED if self.result.error is None else Kind.RETRIED


@dataclass(slots=True, eq=False)
class _Running:
    attempt: Attempt
    limit: float
    started: float = field(default_factory=time.perf_counter)
    task: asyncio.Task[None] | None = None
    is_young: bool = False


class Runner:
    """Runs what it is given at once: how much that may be is for others to say. Belongs to one event loop."""

    def __init__(self, loader: Desk, finished: Callable[[Finish], None]) -> None:
        self._loader = loader
        self._tell_finished = finished
        self._threads = Crew("caluma-receiver", settings.EVENT_THREADS)
        self._contexts = Crew("caluma-orm", settings.EVENT_THREADS)
        self._to_load: list[Assignment] = []
        self._loading = 0
        self._limits: Limits[_Running] = Limits(self._late)
        self._loads = Rounds(self._load, lambda: None)
        self._running: dict[int, _Running] = {}
        self._stopping = False
        self._young = 0
        self._waiting: deque[Attempt] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is loaded or running."""
        return not (self._running or self._to_load or self._loading or self._waiting)

    def start(self, assignments: Sequence[Assignment]) -> None:
        """Attempt these."""
        self._to_load.extend(assignments)
        self._loads.kick()

    def give_back(self) -> None:
        """Give back what has not started."""
        waiting, self._to_load = self._to_load, []
        waiting += [attempt.assignment for attempt in self._waiting]
        self._waiting.clear()
        for assignment in waiting:
            self._release(assignment, None)

    def cancel(self) -> None:
        """Cancel what runs, and give it back. Threads cannot be cancelled: what they do is outdated from now on."""
        self._stopping = True
        for one in list(self._running.values()):
            if one.task is not None:
                one.task.cancel()
            else:
                self._over(one, asyncio.CancelledError())

    def close(self) -> None:
        """End the threads that are not stuck. Blocks while they finish what they do."""
        self._threads.close()
        self._contexts.close()

    async def _load(self) -> None:
        most = _BESIDE_REQUESTS if requests.are_under_way else _TOGETHER
        batch, self._to_load = self._to_load[:most], self._to_load[most:]
        if self._to_load:
            self._loads.kick()
        batch = self._begin_at_once(batch)
        if not batch:
            await asyncio.sleep(0)
            return
        self._loading = len(batch)
        try:
            attempts = await self._prepared(batch)
        except Exception as error:  # noqa: BLE001 - one of them may be the reason, whatever it is
            tell(Told(kind=Kind.STUMBLED, error=error, reason="loading what receivers get"))
            attempts = [await self._prepared_alone(assignment) for assignment in batch]
        self._loading = 0
        self._begin_all(zip(batch, attempts, strict=True))

    def _begin_at_once(self, batch: Sequence[Assignment]) -> list[Assignment]:
        """Begin those for which nothing is to be loaded; the others."""
        prepared = [(assignment, executor.prepare_at_once(assignment)) for assignment in batch]
        self._begin_all((assignment, attempt) for assignment, attempt in prepared if attempt is not None)
        return [assignment for assignment, attempt in prepared if attempt is None]

    def _begin_all(self, prepared: Iterable[tuple[Assignment, Attempt | BaseException]]) -> None:
        for assignment, attempt in prepared:
            if isinstance(attempt, Attempt):
                if assignment.receiver.is_async:
                    self._begin(attempt)
                else:
                    self._waiting.append(attempt)
            elif isinstance(attempt, _Unreachable):
                self._release(assignment, attempt.error)
            else:
                self._tell_finished(Finish(assignment, executor.decide(assignment, attempt), attempt))
        self._begin_in_threads()

    def _begin_in_threads(self) -> None:
        """Begin `def` receivers; a few at a time while requests are under way, for those need the same lock."""
        while self._waiting and (self._young < _YOUNG_BESIDE_REQUESTS or not requests.are_under_way):
            self._begin(self._waiting.popleft())

    def _grow_up(self, one: _Running) -> None:
        """It is over, or works no more: the next one may begin."""
        if one.is_young:
            one.is_young = False
            self._young -= 1
            self._begin_in_threads()

    async def _prepared(self, batch: Sequence[Assignment]) -> list[Attempt | BaseException]:
        return await asyncio.get_running_loop().run_in_executor(self._loader, _prepare, batch)

    async def _prepared_alone(self, assignment: Assignment) -> Attempt | BaseException:
        """For the case that something is wrong with one of many."""
        return await asyncio.get_running_loop().run_in_executor(self._loader, _prepare_alone, assignment)

    def _release(self, assignment: Assignment, error: BaseException | None) -> None:
        delay = None if error is None else _UNREACHABLE
        self._tell_finished(Finish(assignment, executor.released(assignment.claim, uncounted=True, delay=delay), error))

    def _begin(self, attempt: Attempt) -> None:
        assignment = attempt.assignment
        receiver = assignment.receiver
        one = _Running(attempt, executor.time_limit(receiver))
        self._running[id(one)] = one
        self._limits.watch(one, one.limit)
        tell(about(assignment.claim, Kind.STARTED, seconds=max(now() - assignment.since, 0)))
        loop = asyncio.get_running_loop()
        if receiver.is_async:
            name = receiver.name
            if assignment.is_durable:
                name = f"{name} #{assignment.claim.id}"
            one.task = loop.create_task(self._await(one), name=name, context=contextvars.Context())
        else:
            one.is_young = True
            self._young += 1
            loop.call_later(_YOUNG, self._grow_up, one)
            desk = self._threads.take()
            desk.post(partial(self._call, one, desk, loop))

    async def _await(self, one: _Running) -> None:
        """Database calls of one delivery share a thread, and do not wait for those of others."""
        desk = OwnDesk(self._contexts)
        here = desk.enter()
        try:
            error = await executor.run_async(one.attempt)
        finally:
            desk.leave(here)
        self._over(one, error)

    def _call(self, one: _Running, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        error = executor.run_in_thread(one.attempt)
        self._threads.give(desk)
        call_on(loop, self._over, one, error, error is None and one.attempt.is_settled)

    def _over(self, one: _Running, error: BaseException | None, settled: bool = False) -> None:
        if self._running.pop(id(one), None) is None:
            return  # it was given back, and ends only now
        self._limits.forget(one, one.limit)
        assignment = one.attempt.assignment
        ran = time.perf_counter() - one.started
        if self._stopping and isinstance(error, asyncio.CancelledError):
            result = executor.released(assignment.claim, uncounted=False, delay=0)
        else:
            result = executor.decide(assignment, error)
        self._tell_finished(Finish(assignment, result, error, ran, settled))
        self._grow_up(one)

    def _late(self, one: _Running, limit: float) -> None:
        if one.task is not None:
            executor.expire(one.attempt, one.task)
        else:
            tell(about(one.attempt.assignment.claim, Kind.OVERDUE, seconds=limit))


class _Unreachable(Exception):
    """The database did not answer."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def _prepare(batch: Sequence[Assignment]) -> list[Attempt | BaseException]:
    tune()
    return executor.prepare(batch)


def _prepare_alone(assignment: Assignment) -> Attempt | BaseException:
    try:
        (attempt,) = _prepare([assignment])
    except (DatabaseError, InterfaceError) as error:
        return _Unreachable(error) if executor.is_unreachable(error) else error
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this delivery's failure
        return error
    return attempt
