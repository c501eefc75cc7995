"""django-domain-events: deliveries per second of its relay, starting with so many in the table; and events per second.

The receivers do nothing. Claims of 500 rows are where it is fastest.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import environ
from django.conf import settings

BATCH = 500
PER_SECOND = 400

settings.configure(
    DATABASES={"default": {**environ.Env.db_url_config(os.environ["DATABASE_URL"]), "CONN_MAX_AGE": None}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_domain_events"],
    DJANGO_DOMAIN_EVENTS={"WARN_OUTSIDE_ATOMIC": False, "RELAY_PRUNE": False},
    USE_TZ=True,
)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django_domain_events import DURABLE, event, fire, receiver  # noqa: E402
from django_domain_events.delivery.run_relay import run_relay  # noqa: E402


@event(name="bench.completed")
@dataclass(frozen=True, slots=True)
class WorkItemCompleted:
    """What happened."""

    work_item: str


@receiver(WorkItemCompleted, mode=DURABLE, key="bench.nothing")
def nothing(completed: WorkItemCompleted) -> None:
    """Do nothing."""


def measure(seconds: float) -> dict[str, float]:
    """Both rates."""
    call_command("migrate", verbosity=0)
    number = int(PER_SECOND * seconds)
    begun = time.perf_counter()
    for place in range(number):
        with transaction.atomic():
            fire(WorkItemCompleted(work_item=str(place)))
    fired = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    started = time.perf_counter()
    counts = run_relay(worker_id="bench", passes=-(-number // BATCH), batch_size=BATCH)
    delivered = time.perf_counter()
    if sum(counts.values()) != number:
        raise RuntimeError(f"{counts} instead of {number}")
    return {"emitted": number / (fired - begun), "rate": number / (delivered - started)}
