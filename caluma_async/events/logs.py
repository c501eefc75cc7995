"""What the engine writes to the log: a listener to its telemetry."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from caluma_async.events.telemetry import Kind, Told

logger = logging.getLogger("caluma_async.events")

_QUIET: Final = 10.0
"""Seconds for which what was dropped is only counted before it is told again."""


def listen(told: Told) -> None:
    """Write one line, with the event, the receiver and the lane as attributes of the record."""
    if told.kind in _LINES:
        level, line = _LINES[told.kind]
        if logger.isEnabledFor(level):
            error = told.error if level >= logging.ERROR or told.kind is Kind.RETRIED else None
            logger.log(level, "%s", line(told), exc_info=error, extra=_attributes(told))
    elif told.kind is Kind.DROPPED:
        _dropped(told)


def _attributes(told: Told) -> dict[str, Any]:
    return {
        "event_id": str(told.event_id or ""),
        "event": told.event,
        "receiver": told.receiver,
        "lane": told.lane,
        "delivery": told.delivery,
        "attempt": told.attempt,
    }


def _name(told: Told) -> str:
    return f"{told.receiver} on {told.event} (delivery {told.delivery})" if told.event else told.receiver


_Line = Callable[[Told], str]

_LINES: Final[Mapping[Kind, tuple[int, _Line]]] = {
    Kind.STARTED: (logging.DEBUG, lambda told: f"{_name(told)} starts, {told.seconds * 1000:.1f} ms after the commit."),
    Kind.DELIVERED: (logging.DEBUG, lambda told: f"{_name(told)} is delivered, after {told.ran * 1000:.1f} ms."),
    Kind.RETRIED: (
        logging.WARNING,
        lambda told: f"{_name(told)} failed at attempt {told.attempt}; the next one is in {told.seconds:.1f} s.",
    ),
    Kind.FAILED: (
        logging.ERROR,
        lambda told: f"{_name(told)} failed for good at attempt {told.attempt}; what is behind it goes on.",
    ),
    Kind.HELD: (
        logging.ERROR,
        lambda told: f"{_name(told)} failed at attempt {told.attempt} and is held; its lane waits for a person.",
    ),
    Kind.DISCARDED: (logging.INFO, lambda told: f"{_name(told)} is discarded: {told.error}"),
    Kind.RECOVERED: (
        logging.WARNING,
        lambda told: (
            f"{_name(told)} (delivery {told.delivery}) was in the hand of a process that is gone; it waits again."
        ),
    ),
    Kind.LOST: (
        logging.WARNING,
        lambda told: f"{_name(told)} took so long, or the database was away, that another process has it by now.",
    ),
    Kind.OVERDUE: (
        logging.WARNING,
        lambda told: f"{_name(told)} runs for {told.seconds:.0f} s, longer than it may; a thread cannot be stopped.",
    ),
    Kind.BLOCKED: (
        logging.WARNING,
        lambda told: f"{told.receiver or 'Something'} blocks the event loop for {told.seconds:.1f} s:\n{told.reason}",
    ),
    Kind.UNKNOWN: (
        logging.WARNING,
        lambda told: f"{told.number} deliveries wait for {told.receiver}, which this process does not know.",
    ),
    Kind.STUMBLED: (logging.ERROR, lambda told: f"The engine stumbled over {told.reason}, and tries again."),
}

_counted: Final[dict[str, tuple[int, float]]] = {}


def _dropped(told: Told) -> None:
    """One line now and then however many are dropped."""
    number, since = _counted.get(told.receiver, (0, 0.0))
    now = time.monotonic()
    if now - since < _QUIET:
        _counted[told.receiver] = (number + 1, since)
        return
    _counted[told.receiver] = (0, now)
    more = f" So were {number} more before." if number else ""
    logger.warning(
        "%s on %s is dropped: the queue is full.%s", told.receiver, told.event, more, extra=_attributes(told)
    )
