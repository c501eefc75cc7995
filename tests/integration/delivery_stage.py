"""What tests of deliveries share: an event type with a receiver that does as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from caluma_async.events import EventType, Retry, on, send_event
from caluma_async.events.receivers import registry
from caluma_async.identity import User

ADA = User("ada")


class Stage:
    """An event type `post_parcel` in lanes, received by `porter`, which fails on the numbers in `failing`."""

    def __init__(self, **options: Any) -> None:
        self.failing: set[int] = set()
        self.seen: list[int] = []
        self.event = EventType("post_parcel", arguments=("number", "street"), lane=lambda given: given["street"])

        @on(self.event, **{"name": "porter", "blocking": False, "retry": Retry(max_attempts=1), **options})
        def porter(number: int, **kwargs: Any) -> None:
            self.seen.append(number)
            if number in self.failing:
                raise ValueError(f"parcel {number} is torn")

    def send(self, *numbers: int, street: str | None = "Elm Street") -> None:
        """Emit one event per number."""
        for number in numbers:
            send_event(self.event, "test", user=ADA, number=number, street=street)


@contextmanager
def stage(**options: Any) -> Iterator[Stage]:
    """The stage, for the length of the block; `options` are those of `on`."""
    with registry.isolated():
        yield Stage(**options)
