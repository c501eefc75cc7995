"""The pytest plugin: what was emitted, and deliveries when the test asks for them. Nobody needs a sleep.

While a test runs, nothing is delivered by itself: deliveries wait in the table until `deliver()` is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from asgiref.sync import sync_to_async

from caluma_async.events import lifecycle
from caluma_async.events.carriers import inline
from caluma_async.events.carriers.parked import Parked
from caluma_async.events.emit import watchers
from caluma_async.events.event import Event, EventType


@dataclass
class Emitted:
    """What was emitted, in order: `emitted.events`, their `names`, or those `of` one type."""

    events: list[Event] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of the events."""
        return [event.name for event in self.events]

    def of(self, kind: EventType) -> list[Event]:
        """The events of one type."""
        return [event for event in self.events if event.type is kind]

    def clear(self) -> None:
        """Forget them."""
        self.events.clear()


@dataclass
class Deliver:
    """Runs what is due, and what that causes, until nothing is left: on the caller's thread and connection.

    So it works inside the transaction of a test. Call it from a `def`, or await `deliver.later()` in an `async def`.
    Returns how many deliveries were attempted. One that is to be retried later is not due.
    """

    parked: Parked

    def __call__(self) -> int:
        """Deliver now."""
        number = inline.deliver_due()
        while self.parked.loose:
            inline.attempt(self.parked.loose.pop(0))
            number += 1 + inline.deliver_due()
        return number

    async def later(self) -> int:
        """Deliver, from a coroutine: in the thread that its database calls use."""
        return await sync_to_async(self)()


@pytest.fixture(autouse=True)
def _parked_deliveries() -> Iterator[Parked]:
    """Nothing is delivered unless a test asks for it."""
    parked = Parked()
    with lifecycle.using(parked):
        yield parked


@pytest.fixture
def deliver(_parked_deliveries: Parked) -> Deliver:
    """Call it to run what is due."""
    return Deliver(_parked_deliveries)


@pytest.fixture
def emitted() -> Iterator[Emitted]:
    """What the test emits."""
    seen = Emitted()
    watchers.append(seen.events.append)
    yield seen
    watchers.remove(seen.events.append)
