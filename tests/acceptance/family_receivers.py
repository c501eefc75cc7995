"""A site's receivers for servers and workers under test: whatever becomes of a case sows events of the site's own.

They are in the lane of the case's family. `SEEDS` is how many each time, `LEDGER_FAILS` which share of the attempts
fails, `LEDGER` where it is put down.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.db import connection

from caluma_async.events import Event, EventType, Retry, on, send_event
from caluma_async.workflow.events import post_complete_work_item, post_create_case
from tests.acceptance.ledger import BEGIN, END, FAIL, Ledger, is_hit

sown: Final = EventType("sown", arguments=("family", "case"), lane=lambda arguments: arguments["family"])

PATIENT: Final = Retry(max_attempts=50, base=0.05, cap=0.1)

ledger: Final = Ledger(Path(os.environ["LEDGER"]))
fails: Final = float(os.environ["LEDGER_FAILS"])
seeds: Final = int(os.environ["SEEDS"])


@on([post_create_case, post_complete_work_item])
def sow(case: Any = None, work_item: Any = None, **kwargs: Any) -> None:
    """Emit, in the mutation itself."""
    subject = case if work_item is None else work_item.case
    for _ in range(seeds):
        send_event(sown, family=str(subject.family_id), case=subject)


@on(sown, name="awaited", retry=PATIENT)
async def awaited(event: Event, family: str, case: Any) -> None:
    """Put it down."""
    with _put_down("awaited", event, family):
        assert str(case.family_id) == family


@on(sown, name="threaded", blocking=False, retry=PATIENT)
def threaded(event: Event, family: str, case: Any) -> None:
    """Leave a row behind, too."""
    with _put_down("threaded", event, family), connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_effect (event) VALUES (%s)", [str(event.id)])


@contextmanager
def _put_down(receiver: str, event: Event, family: str) -> Iterator[None]:
    """Put down when a receiver begins, and how it ends: at times it fails, after it has done its work."""
    facts = receiver, event.id, family, str(event.id), event.attempt
    ledger.write(BEGIN, *facts)
    yield
    if is_hit(fails, receiver, event.id, event.attempt):
        ledger.write(FAIL, *facts)
        raise RuntimeError("It fails at times.")
    ledger.write(END, *facts)
