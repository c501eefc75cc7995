"""Where a delivery may stand. The diagram of how it gets there is in the documentation."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices


class State(TextChoices):
    """Where a delivery stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DELIVERED = "delivered"
    FAILED = "failed"
    HELD = "held"
    DISCARDED = "discarded"


UNFINISHED: Final = (State.WAITING, State.RUNNING, State.HELD)
"""The states in which a delivery stands in the way of those behind it in its lane."""

FINISHED: Final = (State.DELIVERED, State.FAILED, State.DISCARDED)

KEPT: Final = (State.FAILED, State.HELD)
"""The states that wait for a person; retention leaves them alone."""
