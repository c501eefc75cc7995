"""The one path of every mutation: a verb in one thread and one transaction, then what it made, read after the commit.

Whoever asked may leave: what has begun runs to its end, and a shutdown waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from django.db.models import Model

from caluma_async.graphql.context import Context, Info
from caluma_async.graphql.database import orm
from caluma_async.verbs import Verb, run

R = TypeVar("R")
logger = logging.getLogger("caluma_async.graphql")


async def perform(info: Info, verb: Verb[R]) -> R | None:
    """Carry a verb out and give back its result as the user may see it after the commit (`None`: not at all).

    Raises the errors of `caluma_async.errors`; nothing of the verb is left then.
    """
    return await orm(_carry_out, info.context, verb)


def _carry_out(context: Context, verb: Verb[R]) -> R | None:
    result = run(verb)
    if isinstance(result, Model) and not verb.removes and (verb.overtaken or context.access.restricts(type(result))):
        manager = type(result)._default_manager
        visible = context.access.visible(manager.filter(pk=result.pk), context.user).first()
        return cast("R | None", visible)
    return result


class UnderWay:
    """The documents with mutations that are being carried out in this process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def to_the_end(self, work: Coroutine[Any, Any, R]) -> R:
        """Await the work; when the caller is cancelled meanwhile, the work goes on without it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    async def finished(self, seconds: float) -> bool:
        """Wait until nothing is under way, but no longer than that; whether it is so."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        if self._tasks:
            logger.error("%d mutations were still under way %g seconds after the stop.", len(self._tasks), seconds)
        return not self._tasks

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("A mutation ended with an error that nobody waited for.", exc_info=task.exception())


under_way = UnderWay()
