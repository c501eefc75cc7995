"""A site's receivers for servers under test: each new case sows many events of the site's own, in lanes of their own.

`SEEDS` is how many events a case sows, `LANES` over how many lanes, `LEDGER` where it is put down. `SOWN` says when: in
the mutation itself (`before`), after it each in a transaction of its own (`apart`) or all in one (`together`). `KINDS`
names the receivers that are told of them.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any, Final

from caluma_async.events import Event, EventType, on, send_event
from caluma_async.workflow.events import post_create_case
from tests.acceptance.ledger import BEGIN, END, Ledger

sown: Final = EventType("sown", arguments=("place", "case"), lane=lambda arguments: f"lane-{arguments['place']}")

ledger: Final = Ledger(Path(os.environ["LEDGER"]))
seeds: Final = int(os.environ["SEEDS"])
lanes: Final = int(os.environ["LANES"])
kinds: Final = os.environ.get("KINDS", "awaited,another,threaded").split(",")
WHEN: Final[dict[str, dict[str, Any]]] = {
    "before": {},
    "apart": {"blocking": False, "transactional": False},
    "together": {"blocking": False, "transactional": True},
}


@on(post_create_case, **WHEN[os.environ.get("SOWN", "apart")])
def sow(case: Any, **kwargs: Any) -> None:
    """Send them, in any order of lanes, about as many in each."""
    places = [seed % lanes for seed in range(seeds)]
    random.shuffle(places)
    for place in places:
        send_event(sown, place=place, case=case)


async def awaited(event: Event, place: int, case: Any) -> None:
    """Put it down."""
    _put_down("awaited", event, place)


async def another(event: Event, place: int, case: Any) -> None:
    """Put it down."""
    _put_down("another", event, place)


def threaded(event: Event, place: int, case: Any) -> None:
    """Put it down, in a transaction of its own."""
    _put_down("threaded", event, place)


for receiver in (awaited, another, threaded):
    if receiver.__name__ in kinds:
        on(sown, name=receiver.__name__, blocking=False)(receiver)


def _put_down(receiver: str, event: Event, place: int) -> None:
    facts = receiver, event.id, f"lane-{place}", str(event.id), event.attempt
    ledger.write(BEGIN, *facts)
    ledger.write(END, *facts)
