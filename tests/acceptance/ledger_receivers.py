"""A site's receivers that keep a ledger, for servers under test: one of each kind, on all that happens to a case.

`LEDGER` is the file. `LEDGER_PAUSE`: seconds each takes; `LEDGER_FAILS`, `LEDGER_HANGS`: which share of the attempts
fails, and which goes on for longer than it may.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.db import connection

from caluma_async.events import Event, Retry, on
from caluma_async.workflow.events import (
    post_complete_case,
    post_complete_work_item,
    post_create_case,
    post_create_work_item,
)
from tests.acceptance.ledger import BEGIN, END, FAIL, Ledger, is_hit

EVENTS: Final = [post_create_case, post_create_work_item, post_complete_work_item, post_complete_case]
PATIENT: Final = Retry(max_attempts=50, base=0.05, cap=0.1)

ledger: Final = Ledger(Path(os.environ["LEDGER"]))
pause: Final = float(os.environ.get("LEDGER_PAUSE", "0.01"))
fails: Final = float(os.environ.get("LEDGER_FAILS", "0"))
hangs: Final = float(os.environ.get("LEDGER_HANGS", "0"))


@on(EVENTS, name="awaited", retry=PATIENT, timeout=0.2 if hangs else None)
async def awaited(event: Event, work_item: Any = None, case: Any = None, **kwargs: Any) -> None:
    """Wait a moment."""
    with entered("awaited", event, work_item, case):
        await asyncio.sleep(pause)
        if _is_hit(hangs, event, "hangs"):
            await asyncio.Event().wait()
        _fail_at_times(event, "awaited")


@on(EVENTS, name="asking", retry=PATIENT)
async def asking(event: Event, work_item: Any = None, case: Any = None, **kwargs: Any) -> None:
    """Ask the database."""
    with entered("asking", event, work_item, case):
        subject = case if work_item is None else work_item.case
        await type(subject).objects.acount()
        _fail_at_times(event, "asking")


@on(EVENTS, name="threaded", blocking=False, retry=PATIENT)
def threaded(event: Event, work_item: Any = None, case: Any = None, **kwargs: Any) -> None:
    """Leave a row behind."""
    with entered("threaded", event, work_item, case):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO ledger_effect (event) VALUES (%s)", [str(event.id)])
        time.sleep(pause)
        _fail_at_times(event, "threaded")


@contextmanager
def entered(receiver: str, event: Event, work_item: Any, case: Any) -> Iterator[None]:
    """Put down when a receiver begins, and how it ends."""
    family = (case if work_item is None else work_item.case).family_id
    name = event.name.removeprefix("post_")
    facts = receiver, event.id, family, name if work_item is None else f"{name}:{work_item.task.slug}", event.attempt
    ledger.write(BEGIN, *facts)
    try:
        yield
    except BaseException:
        ledger.write(FAIL, *facts)
        raise
    ledger.write(END, *facts)


def _fail_at_times(event: Event, receiver: str) -> None:
    if _is_hit(fails, event, receiver):
        raise RuntimeError("It fails at times.")


def _is_hit(share: float, event: Event, salt: str) -> bool:
    return is_hit(share, salt, event.id, event.attempt)
