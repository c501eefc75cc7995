"""What may be asked of the engine's order: receivers, transactions that emit, and what must come of them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.db import OperationalError, connections, transaction
from hypothesis import strategies as st

from caluma_async.events import Discard, EventType, Retry, RetryAfter, on, send_event
from caluma_async.events.emit import emissions
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.receivers import registry
from caluma_async.events.states import State
from caluma_async.events.worker import Worker

OUTCOMES: Final = ("fine", "fails", "again", "discards", "hangs")
FAMILIES: Final = 3
DEADLOCK: Final = "40P01"
RECEIVERS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a receiver is registered, and how often it is tried."""

    is_async: bool
    ordered: bool
    durable: bool
    transactional: bool | None
    attempts: int
    holds: bool

    def options(self) -> dict[str, Any]:
        """What `on` is given."""
        retry = Retry(max_attempts=self.attempts, base=0.001, jitter=False)
        options: dict[str, Any] = {"blocking": False, "ordered": self.ordered, "durable": self.durable}
        if self.durable:
            options |= {"retry": retry, "on_exhausted": "hold" if self.holds else "continue"}
        if not self.is_async and self.durable:
            options["transactional"] = self.transactional
        if self.is_async:
            options["timeout"] = 0.05
        return options

    def attempts_of(self, plan: Sequence[str]) -> tuple[int, State]:
        """How often a delivery with this plan is attempted, and where that leads."""
        for attempt, outcome in enumerate([*plan, "fine"], start=1):
            if outcome == "fine":
                return attempt, State.DELIVERED
            if not self.durable:
                return attempt, State.FAILED
            if outcome == "discards":
                return attempt, State.DISCARDED
            if attempt >= self.attempts:
                return attempt, State.HELD if self.holds else State.FAILED
        raise AssertionError("unreachable")


@dataclass(frozen=True)
class Emission:
    """An event of a family, and how each receiver's attempts at it go."""

    family: int
    plans: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Transaction:
    """Emissions in one transaction: as a verb hands them over, one by one, or rolled back."""

    how: str
    emissions: tuple[Emission, ...]


@dataclass(frozen=True)
class Story:
    """Receivers, and what emitters emit at the same time; how many transactions come before there is a worker."""

    kinds: tuple[Kind, ...]
    emitters: tuple[tuple[Transaction, ...], ...]
    before: int


kinds: Final = st.builds(
    Kind,
    is_async=st.booleans(),
    ordered=st.sampled_from([True, True, True, False]),
    durable=st.sampled_from([True, True, True, False]),
    transactional=st.sampled_from([None, False]),
    attempts=st.integers(1, 3),
    holds=st.booleans(),
).map(
    lambda kind: replace(
        kind, ordered=kind.ordered and kind.durable, holds=kind.holds and kind.ordered and kind.durable
    )
)
_plans: Final = st.lists(st.sampled_from(OUTCOMES), max_size=3).map(tuple)
_emissions: Final = st.builds(
    Emission, st.integers(0, FAMILIES - 1), st.tuples(*[st.one_of(st.just(()), _plans)] * RECEIVERS)
)
_transactions: Final = st.builds(
    Transaction,
    st.sampled_from(["verb", "verb", "together", "apart", "undone"]),
    st.lists(_emissions, min_size=1, max_size=6).map(tuple),
)


def stories(emitters: int) -> st.SearchStrategy[Story]:
    """Stories with up to so many emitters at once."""
    return st.builds(
        Story,
        st.lists(kinds, min_size=1, max_size=RECEIVERS).map(tuple),
        st.lists(st.lists(_transactions, max_size=8).map(tuple), min_size=1, max_size=emitters).map(tuple),
        st.integers(0, 4),
    )


@dataclass
class Ran:
    """What receivers did, in the order in which they did it, on whatever thread: marks of what began and ended."""

    marks: list[tuple[str, int, int, int, str]] = field(default_factory=list)

    def mark(self, receiver: str, family: int, number: int, attempt: int, mark: str) -> None:
        """Put it down."""
        self.marks.append((receiver, family, number, attempt, mark))

    def attempts(self, receiver: str, family: int | None = None) -> list[tuple[int, int]]:
        """The number of the event and of the attempt, as they began."""
        wanted = (receiver, "begin")
        return [one[2:4] for one in self.marks if (one[0], one[4]) == wanted and family in (None, one[1])]

    def overlaps(self, receiver: str, family: int) -> list[tuple[int, int]]:
        """Attempts that began while another one of their lane was under way."""
        running, found = 0, []
        for name, of, number, attempt, mark in list(self.marks):
            if (name, of) == (receiver, family):
                running += 1 if mark == "begin" else -1
                found += [(number, attempt)] if running > 1 else []
        return found


class Stage:
    """The receivers of a story, registered for one event type."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.ran = Ran()
        self.event = EventType(
            "post_told", arguments=("family", "number", "plans"), lane=lambda given: f"family:{given['family']}"
        )
        for place, kind in enumerate(story.kinds):
            self._register(place, kind)
        numbers = iter(range(10_000))
        self.numbered = [[(one, [next(numbers) for _ in one.emissions]) for one in mine] for mine in story.emitters]

    def _register(self, place: int, kind: Kind) -> None:
        name, ran = f"told {place}", self.ran

        async def awaited(family: int, number: int, plans: Any, event: Any) -> None:
            ran.mark(name, family, number, event.attempt, "begin")
            try:
                outcome = _outcome(plans[place], event.attempt)
                await (asyncio.Event().wait() if outcome == "hangs" else _turns(outcome))
                _fail(outcome)
            finally:
                ran.mark(name, family, number, event.attempt, "end")

        def threaded(family: int, number: int, plans: Any, event: Any) -> None:
            ran.mark(name, family, number, event.attempt, "begin")
            try:
                _fail(_outcome(plans[place], event.attempt))
            finally:
                ran.mark(name, family, number, event.attempt, "end")

        on(self.event, name=name, **kind.options())(awaited if kind.is_async else threaded)

    def emit(self, emitter: int, first: int, last: int | None = None) -> None:
        """Let one emitter emit some of its transactions; one that ends in a deadlock once more."""
        for one, numbers in self.numbered[emitter][first:last]:
            pairs = list(zip(one.emissions, numbers, strict=True))
            for part in [[pair] for pair in pairs] if one.how == "apart" else [pairs]:
                while not self._is_through(one.how, part):
                    pass

    def _is_through(self, how: str, pairs: Sequence[tuple[Emission, int]]) -> bool:
        """Whether it came to its end: those that enter several lanes one by one may be in each other's way.

        PostgreSQL may end one that only waits behind them.
        """
        try:
            with transaction.atomic() if how != "apart" else nullcontext():
                with emissions() if how == "verb" else nullcontext():
                    for emission, number in pairs:
                        send_event(self.event, family=emission.family, number=number, plans=emission.plans)
                if how == "undone":
                    transaction.set_rollback(True)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != DEADLOCK:
                raise
            return False
        return True

    def emit_in_thread(self, emitter: int, first: int) -> None:
        """The same on a thread of its own, which leaves no connection behind."""
        try:
            self.emit(emitter, first)
        finally:
            connections.close_all()

    def committed(self) -> list[list[tuple[int, Emission]]]:
        """What each emitter has emitted to stay, in order."""
        return [
            [pair for one, numbers in mine if one.how != "undone" for pair in zip(numbers, one.emissions, strict=True)]
            for mine in self.numbered
        ]


@dataclass
class Outcome:
    """What must come of a story: the numbers in each lane as their rows stand, by receiver and family; by lane, and by
    receiver without one, the attempts; by receiver where each delivery ends."""

    lanes: dict[tuple[str, int], list[int]]
    attempts: dict[tuple[int, int | None], list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[int, dict[int, State]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def ends_told(self) -> int:
        """How many deliveries come to an end."""
        return sum(end is not State.WAITING for of in self.ends.values() for end in of.values())


def expected(stage: Stage) -> Outcome:
    """What must come of what has been emitted. Without a row, nothing does if there was no worker yet."""
    outcome = Outcome(_rows_of_lanes())
    plans = {number: one for mine in stage.committed() for number, one in mine}
    early = {number for one, of in stage.numbered[0][: stage.story.before] for number in of}
    for place, kind in enumerate(stage.story.kinds):
        stopped = set()
        numbers = [n for (name, _), lane in outcome.lanes.items() if name == f"told {place}" for n in lane]
        for number in numbers if kind.durable else set(plans) - early:
            family = plans[number].family
            if family in stopped:
                outcome.ends[place][number] = State.WAITING
                continue
            times, end = kind.attempts_of(plans[number].plans[place])
            outcome.attempts[place, family if kind.ordered else None] += [(number, n + 1) for n in range(times)]
            outcome.ends[place][number] = end
            if end is State.HELD:
                stopped.add(family)
    return outcome


def _rows_of_lanes() -> dict[tuple[str, int], list[int]]:
    found: dict[tuple[str, int], list[int]] = defaultdict(list)
    for receiver, arguments in Delivery.objects.order_by("id").values_list("receiver", "event__arguments"):
        given = json.loads(arguments)
        found[receiver, given["family"]].append(given["number"])
    return found


def states(receiver: str) -> dict[int, State]:
    """Where a receiver's deliveries stand, by number."""
    found = Delivery.objects.filter(receiver=receiver).values_list("event__arguments", "state")
    return {json.loads(arguments)["number"]: State(state) for arguments, state in found}


def _outcome(plan: Sequence[str], attempt: int) -> str:
    return plan[attempt - 1] if attempt <= len(plan) else "fine"


async def _turns(outcome: str) -> None:
    """Let others run, also while the outcome is on its way; one that is fine needs no time that could run out."""
    if outcome != "fine":
        await asyncio.sleep(0)


def _fail(outcome: str) -> None:
    if outcome == "again":
        raise RetryAfter(0)
    if outcome == "discards":
        raise Discard("not wanted")
    if outcome != "fine":
        raise ValueError(outcome)


@contextmanager
def staged(story: Story) -> Iterator[Stage]:
    """A stage and empty tables, for the length of the block."""
    Delivery.objects.all().delete()
    EventRecord.objects.all().delete()
    with registry.isolated():
        yield Stage(story)


class Elsewhere:
    """A second worker, on an event loop in a thread of its own."""

    def __init__(self) -> None:
        self.worker = Worker()
        self._begun, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> Worker:
        self._thread.start()
        assert self._begun.wait(30)
        return self.worker

    def __exit__(self, *error: object) -> None:
        asyncio.run_coroutine_threadsafe(self.worker.stop(10), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.worker.start())
        self._begun.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
