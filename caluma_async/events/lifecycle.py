"""The carrier of this process: which one it is, when it starts and when it stops."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.core.management.base import BaseCommand

from caluma_async.conf import settings, variable
from caluma_async.events import logs
from caluma_async.events.carriers.asyncio_queue import AsyncioQueue
from caluma_async.events.carriers.base import Carrier
from caluma_async.events.carriers.inline import Inline
from caluma_async.events.carriers.procrastinate import Jobs, Procrastinate
from caluma_async.events.telemetry import listeners

queue: Final = AsyncioQueue()
_carriers: Final[Mapping[str, Carrier]] = {
    "asyncio": queue,
    "inline": Inline(),
    "procrastinate": Procrastinate(queue),
}
_instead: Final[list[Carrier]] = []

_NEW_OBJECTS: Final = 5_000
"""How many more objects than before make the garbage collector look: what some sixty mutations with receivers leave."""


def current() -> Carrier:
    """What carries deliveries in this process."""
    if _instead:
        return _instead[-1]
    return _carriers.get(settings.EVENT_CARRIER, queue)


@contextmanager
def using(carrier: Carrier) -> Iterator[Carrier]:
    """Let another one carry for the length of the block. For tests."""
    _instead.append(carrier)
    try:
        yield carrier
    finally:
        _instead.remove(carrier)


async def start() -> None:
    """Begin to deliver in this process, if it is one that does. For the ASGI lifespan."""
    if settings.EVENT_CARRIER == "asyncio" and servers_deliver() and not is_autoreloader():
        _settle_down()
        await queue.start()


async def start_worker() -> None:
    """Begin to deliver in this process, which is there for nothing else."""
    _settle_down()
    await queue.start(Jobs() if settings.EVENT_CARRIER == "procrastinate" else None)


@functools.cache
def _settle_down() -> None:
    """Once: have the garbage collector pass over what is loaded, which stays for as long as the process does.

    Each full collection would look at all of it, and the event loop waits meanwhile. What deliveries and requests in
    hand are made of would be looked at over and over, if the collector came each time that a few objects are new.
    """
    gc.collect()
    gc.freeze()
    if 0 < gc.get_threshold()[0] < _NEW_OBJECTS:  # a site may want even fewer collections, or none
        gc.set_threshold(_NEW_OBJECTS)


async def stop() -> None:
    """Finish what runs, for up to `EVENT_DRAIN` seconds, and give the rest back. For the ASGI lifespan."""
    await queue.stop()
    await asyncio.to_thread(queue.drain)


def servers_deliver() -> bool:
    """Whether it is for processes that answer requests to deliver."""
    return settings.EVENT_CARRIER != "procrastinate" and settings.EVENT_DELIVERS


def is_autoreloader() -> bool:
    """Whether this process only watches files and has a child that serves."""
    return "runserver" in sys.argv and "--noreload" not in sys.argv and variable("RUN_MAIN") != "true"


def install() -> None:
    """Once per process: write a log, forget the parent's worker after a fork, drain when a management command ends."""
    if logs.listen not in listeners:
        listeners.append(logs.listen)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=queue.forget)
    _drain_after_commands()


def _drain_after_commands() -> None:
    """Commands have no end that could be listened to, and when the interpreter ends it is too late for threads."""
    execute = BaseCommand.execute
    if hasattr(execute, "__wrapped__"):
        return

    @functools.wraps(execute)
    def execute_and_drain(self: BaseCommand, *args: Any, **options: Any) -> Any:
        _depth.append(None)
        try:
            return execute(self, *args, **options)
        finally:
            _depth.pop()
            if not _depth:
                queue.drain()

    BaseCommand.execute = execute_and_drain  # type: ignore[method-assign]


_depth: Final[list[None]] = []
