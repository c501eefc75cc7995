"""The parts of the page as HTML. Each is put in its place when the page is made, and again whenever it has changed."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.template.loader import render_to_string

from caluma_async.events.outbox.figures import Chain
from caluma_async.monitor import picture
from caluma_async.monitor.board import KEPT, Board
from caluma_async.monitor.tally import BAR, BARS

NAMES: Final = ("tiles", "chart", "receivers", "kept", "stream", "chain")


def parts(board: Board, *, event: UUID | None = None, chain: Chain | None = None, may_act: bool) -> dict[str, str]:
    """All of them by name. `event`: the one whose chain is wanted; `may_act`: whether buttons are offered."""
    context = {
        "board": board,
        "columns": picture.columns(board.bars),
        "highest": max(map(sum, board.bars)),
        "well": sum(bar.well for bar in board.bars),
        "badly": sum(bar.badly for bar in board.bars),
        "chart_width": BARS * picture.BAR_WIDTH,
        "chart_height": picture.CHART_HEIGHT,
        "minutes": round(BAR * BARS / 60),
        "most_kept": KEPT,
        "asked": event,
        "chain": chain,
        "picture": picture.of_chain(chain, event) if chain is not None and event is not None else None,
        "may_act": may_act,
    }
    return {name: render_to_string(f"monitor/{name}.html", context) for name in NAMES}
