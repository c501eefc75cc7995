"""The two tables of the outbox: what happened, and who is still to be told. Their statements stand in `outbox`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from caluma_async.events.states import KEPT, UNFINISHED, State
from caluma_async.keys import uuid7


class LaneField(models.CharField):  # type: ignore[type-arg]
    """The name of a lane, compared by bytes whatever the database's language: skipping over lanes needs that."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """The column's type, with the collation `C` where the database has another by default."""
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters

    def deconstruct(self) -> Any:
        """What a migration writes of the field."""
        name, _, arguments, options = super().deconstruct()
        return name, "caluma_async.events.models.LaneField", arguments, options


class EventRecord(models.Model):
    """One event that somebody receives without blocking, or that is logged; stored once however many receive it.

    `sender`, `arguments`, `user`, `context` and `chain` are JSON as `stored` writes it: as text, so that a receiver
    finds what was emitted and not what the database's own JSON type makes of it.

    `trace` is the traceparent (W3C) under which it was recorded, if anybody traces.
    `position` is its place in the log: in the order of commits, from 1 on. 0: not placed yet; `None`: not in the log.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    type = models.CharField(max_length=255)
    sender = models.TextField()
    arguments = models.TextField()
    user = models.TextField()
    context = models.TextField()
    lane = models.CharField(max_length=255, null=True)
    emitted_at = models.DateTimeField()
    causation_id = models.UUIDField(null=True)
    correlation_id = models.UUIDField()
    chain = models.TextField()
    trace = models.CharField(max_length=64, null=True, editable=False)
    position = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = "event"
        indexes: ClassVar = [
            models.Index("id", name="event_unplaced", condition=models.Q(position=0)),
            models.Index("lane", "id", name="event_logged", condition=models.Q(position__isnull=False)),
            # only what was caused: others cost nothing, and the first of a chain is found by its key
            models.Index("correlation_id", "id", name="event_caused", condition=models.Q(causation_id__isnull=False)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("position", name="event_has_its_place", condition=models.Q(position__gt=0))
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Delivery(models.Model):
    """That one receiver is to be told of one event, and how far that has come.

    `claims` counts how often somebody took it in hand and is the fence: only the latest claim may say how it went.
    `attempt` counts the attempts that began, `crashes` those of them during which the process died. `owner` is the
    process that has it, `lease_until` how long at least; `started_at` is set while an attempt is under way.
    The counts have no constraints that they are positive: the database would make ready to check each, for each write.
    """

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(
        # no constraint: both rows are written by one statement, and checking it would cost every emission a look-up
        EventRecord,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_constraint=False,
        editable=False,
    )
    receiver = models.CharField(max_length=255)
    lane = LaneField(max_length=600, null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    available_at = models.DateTimeField()
    attempt = models.IntegerField(default=0)
    claims = models.IntegerField(default=0)
    crashes = models.IntegerField(default=0)
    owner = models.IntegerField(null=True)
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error = models.TextField(default="", blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(
                "lane",
                "id",
                name="delivery_lane",
                condition=models.Q(state__in=UNFINISHED, lane__isnull=False),
            ),
            models.Index(
                "receiver",
                "available_at",
                "id",
                name="delivery_unordered",
                condition=models.Q(state=State.WAITING, lane__isnull=True),
            ),
            models.Index("lane", name="delivery_running", condition=models.Q(state=State.RUNNING)),
            models.Index("state", "id", name="delivery_kept", condition=models.Q(state__in=KEPT)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="delivery_running_has_a_lease",
                condition=models.Q(state=State.RUNNING, lease_until__isnull=False, owner__isnull=False)
                | models.Q(~models.Q(state=State.RUNNING), lease_until__isnull=True, owner__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.receiver} #{self.pk}"
