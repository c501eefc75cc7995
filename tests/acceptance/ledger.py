"""What receivers did, a line each time, in a file that outlives every kill; and what must be true of it.

A line is written whole and behind all others, whichever process writes: the file's order is the order in which things
happened. Knows neither rows nor the engine.
"""

from __future__ import annotations

import os
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

BEGIN: Final = "begin"
END: Final = "end"
FAIL: Final = "fail"


@dataclass(frozen=True, slots=True)
class Line:
    """What a receiver did (`mark`) with an event of a case family.

    `step` names the event, `at` is in seconds. `group` is the process group: all processes of one server.
    """

    mark: str
    receiver: str
    event: str
    family: str
    step: str
    attempt: int
    pid: int
    group: int
    at: float


class Ledger:
    """The file, for those who write and for those who read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._read: list[Line] = []
        self._place = 0

    def write(self, mark: str, receiver: str, event: object, family: object, step: str, attempt: int) -> None:
        """Add a line."""
        line = Line(mark, receiver, str(event), str(family), step, attempt, os.getpid(), os.getpgrp(), time.monotonic())
        os.write(self._file, (" ".join(map(str, astuple(line))) + "\n").encode())

    def lines(self) -> list[Line]:
        """All of them so far."""
        with self.path.open("rb") as file:
            file.seek(self._place)
            new = file.read()
        self._place += len(new)
        self._read += [_parsed(text) for text in new.decode().splitlines()]
        return self._read

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _parsed(text: str) -> Line:
    mark, receiver, event, family, step, attempt, pid, group, at = text.split()
    return Line(mark, receiver, event, family, step, int(attempt), int(pid), int(group), float(at))


def is_hit(share: float, *facts: object) -> bool:
    """Whether these facts are among a share of all there could be: the same ones each time."""
    return zlib.crc32(" ".join(map(str, facts)).encode()) < share * 2**32


def executions(lines: Iterable[Line]) -> Counter[tuple[str, str]]:
    """How often each receiver began with each event."""
    return Counter((line.receiver, line.event) for line in lines if line.mark == BEGIN)


def by_lane(lines: Iterable[Line]) -> dict[tuple[str, str], list[Line]]:
    """The lines of each receiver and family."""
    lanes = defaultdict(list)
    for line in lines:
        lanes[line.receiver, line.family].append(line)
    return lanes


def replay(lane: Sequence[Line], killed: Collection[int] | None) -> list[str]:
    """The steps that a lane went through, each once.

    Fails if two ran at a time, if one began before the one before it was done, or if one was done again though the
    process that had done it was not `killed`, alone or with its group (`None`: whoever did it).
    """
    steps: list[str] = []
    last: Line | None = None
    for line in lane:
        if line.mark == BEGIN:
            if last is not None:
                _check_begin(last, line, killed)
        else:
            assert last is not None, f"ended without a beginning: {line}"
            assert (last.mark, last.event, last.pid) == (BEGIN, line.event, line.pid), f"{line} came after {last}"
            if line.mark == END and (not steps or steps[-1] != line.step):
                steps.append(line.step)
        last = line
    assert last is None or last.mark == END, f"never came to its end: {last}"
    return steps


def _check_begin(last: Line, line: Line, killed: Collection[int] | None) -> None:
    repeated = last.event == line.event
    assert repeated or last.mark == END, f"out of order: {line} began after {last}"
    if last.mark != FAIL and repeated:
        assert killed is None or {last.pid, last.group} & set(killed), (
            f"done twice, and nobody was killed: {line} after {last}"
        )
