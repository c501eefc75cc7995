"""A site's receivers for servers under test that do what receivers should not: each new case is told to all of them.

`GATE` is the folder with the pipes at which one waits, and with it the whole event loop. `UNRULY` says which are there.
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

from caluma_async.events import on
from caluma_async.workflow.events import post_create_case
from tests.acceptance.ledger import BEGIN, END, Ledger
from tests.acceptance.server import Gate

ledger = Ledger(Path(os.environ["LEDGER"]))
unruly = os.environ["UNRULY"]

if unruly == "blocks":
    gate = Gate(Path(os.environ["GATE"]))

    @on(post_create_case, name="blocks.the.loop")
    async def block_the_loop(case: Any, **kwargs: Any) -> None:
        """Wait as a thread would, where nothing else can run meanwhile."""
        gate.pass_through()


if unruly == "stays":

    @on(post_create_case, name="stays.awaiting")
    async def stay(case: Any, event: Any, **kwargs: Any) -> None:
        """Never return."""
        ledger.write(BEGIN, "stays.awaiting", event.id, case.family_id, "case", event.attempt)
        await asyncio.Event().wait()

    @on(post_create_case, name="stays.in.a.thread", blocking=False)
    def stay_in_a_thread(case: Any, event: Any, **kwargs: Any) -> None:
        """Never return."""
        ledger.write(BEGIN, "stays.in.a.thread", event.id, case.family_id, "case", event.attempt)
        threading.Event().wait()


@on(post_create_case, name="fine")
async def fine(case: Any, event: Any, **kwargs: Any) -> None:
    """Be quick."""
    ledger.write(END, "fine", event.id, case.family_id, "case", event.attempt)


@on(post_create_case, name="fine.in.a.thread", blocking=False)
def fine_in_a_thread(case: Any, event: Any, **kwargs: Any) -> None:
    """Be quick."""
    ledger.write(END, "fine.in.a.thread", event.id, case.family_id, "case", event.attempt)
