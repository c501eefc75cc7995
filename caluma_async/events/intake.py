"""Taking in what a source says is waiting: no more than there is room for, so that other workers are told of the rest.

Belongs to one event loop; what waits itself is claimed elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from caluma_async.connections import KeptConnections
from caluma_async.events.carriers.base import Drawn, Named, Source
from caluma_async.events.crew import Desk
from caluma_async.events.outbox.dialect import tune
from caluma_async.events.rounds import Rounds
from caluma_async.events.telemetry import Kind, Told, tell

_PAUSE: Final = 0.25
"""Seconds before the next try when the database does not answer."""


class Intake:
    """Draws from a source as much as is `wanted`, and has it brought to the worker.

    `rested` is called whenever nothing is left to draw.
    """

    def __init__(
        self,
        source: Source,
        kept: KeptConnections,
        wanted: Callable[[], int],
        bring: Callable[[Sequence[Named]], None],
        rested: Callable[[], None],
    ) -> None:
        self._source = source
        self._wanted = wanted
        self._bring = bring
        self._desk = Desk("caluma-intake", kept)
        self._rounds = Rounds(self._round, rested)
        self._left = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being drawn."""
        return self._rounds.is_idle

    def kick(self) -> None:
        """There may be something to draw."""
        self._rounds.kick()

    def go_on(self) -> None:
        """There is room again."""
        if self._left:
            self._rounds.kick()

    def close(self) -> None:
        """End the thread. Blocks for as long as it needs for what it does."""
        self._desk.shutdown()

    async def _round(self) -> None:
        wanted = self._wanted()
        self._left = wanted <= 0
        if self._left:
            return
        try:
            drawn = await asyncio.get_running_loop().run_in_executor(self._desk, self._draw, wanted)
        except Exception as error:  # noqa: BLE001 - the next time may be better
            tell(Told(kind=Kind.STUMBLED, error=error, reason="fetching jobs"))
            await asyncio.sleep(_PAUSE)
            self._rounds.kick()
            return
        self._bring(drawn.named)
        if drawn.more:
            self._rounds.kick()

    def _draw(self, limit: int) -> Drawn:
        tune()
        return self._source.draw(limit)
