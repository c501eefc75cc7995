"""What happened in the last minutes, by receiver: how many, and how long they ran. In memory, bounded, no database."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from caluma_async.events.feed import Changed
from caluma_async.events.telemetry import Kind, Told

BAR: Final = 5.0
"""Seconds that one bar of the chart stands for."""

BARS: Final = 60

WINDOW: Final = BAR * BARS

_RUNS: Final = 500
"""Of how many of its latest runs a receiver's percentiles are taken."""

_ENDS: Final = frozenset({Kind.DELIVERED, Kind.RETRIED, Kind.FAILED, Kind.HELD, Kind.DISCARDED})
_BY_NAME: Final = {kind.value: kind for kind in _ENDS}


class Bar(NamedTuple):
    """How many attempts ended in a few seconds: well, and with an error."""

    well: int
    badly: int


class Pace(NamedTuple):
    """How a receiver did in the last minutes: deliveries a minute, and percentiles of its run time in seconds."""

    per_minute: float = 0.0
    median: float | None = None
    p95: float | None = None
    p99: float | None = None


class Tally:
    """Counts what it hears of. On any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._bars: deque[tuple[int, Counter[tuple[str, bool]]]] = deque(maxlen=BARS)
        self._runs: dict[str, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=_RUNS))

    def hear(self, told: Told) -> None:
        """Something happened in this process."""
        if told.kind in _ENDS:
            self._note(told.receiver, told.kind, told.ran)

    def hear_elsewhere(self, changes: Sequence[Changed]) -> None:
        """Something happened in another process."""
        for changed in changes:
            if changed.kind in _BY_NAME:
                self._note(changed.receiver, _BY_NAME[changed.kind], changed.ran)

    def bars(self) -> list[Bar]:
        """The last minutes, the earliest bar first."""
        last = self._number()
        with self._lock:
            counted = {number: counter.copy() for number, counter in self._bars}
        return [_bar(counted.get(number, Counter())) for number in range(last - BARS + 1, last + 1)]

    def paces(self) -> dict[str, Pace]:
        """Every receiver that did something in the last minutes."""
        oldest = self._clock() - WINDOW
        with self._lock:
            counts: Counter[str] = Counter()
            for number, counter in self._bars:
                if number > self._number() - BARS:
                    counts.update({name: count for (name, well), count in counter.items() if well})
            runs = {name: sorted(ran for at, ran in of if at >= oldest) for name, of in self._runs.items()}
        minutes = min(WINDOW, max(self._clock() - self._began, BAR)) / 60
        names = {*counts, *(name for name, of in runs.items() if of)}
        return {name: _pace(counts[name] / minutes, runs.get(name, [])) for name in names}

    def clear(self) -> None:
        """Begin anew. For tests."""
        self.__init__(self._clock)  # type: ignore[misc]

    def _number(self) -> int:
        return int(self._clock() / BAR)

    def _note(self, receiver: str, kind: Kind, ran: float) -> None:
        at = self._clock()
        number = int(at / BAR)
        with self._lock:
            if not self._bars or self._bars[-1][0] < number:
                self._bars.append((number, Counter()))
            self._bars[-1][1][receiver, kind is Kind.DELIVERED] += 1
            if ran:
                self._runs[receiver].append((at, ran))


def _bar(counter: Counter[tuple[str, bool]]) -> Bar:
    well = sum(count for (_, is_well), count in counter.items() if is_well)
    return Bar(well, counter.total() - well)


def _pace(per_minute: float, runs: Sequence[float]) -> Pace:
    if not runs:
        return Pace(per_minute)
    return Pace(per_minute, *(runs[min(int(len(runs) * share), len(runs) - 1)] for share in (0.5, 0.95, 0.99)))


tally: Final = Tally()
"""That of this process."""
