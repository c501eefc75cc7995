"""A receiver that ends its process at once: it is given up after three, also where it was fetched behind another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from caluma_async.events.outbox import MAX_CRASHES
from tests.acceptance.facts import eventually
from tests.acceptance.rows import Rows
from tests.acceptance.server import ROOT, database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

DEADLY = "tests.acceptance.deadly_receivers"


@pytest.mark.parametrize("receiver", ["awaited", "threaded"])
def test_what_ends_its_process_at_once_is_given_up_after_three(receiver: str) -> None:
    rows = Rows(database_url())
    manage("shell", "-c", f"from {DEADLY} import strike; strike(False, True)", EVENT_DELIVERS="false").wait()
    rows(f"DELETE FROM events_delivery WHERE receiver <> '{receiver}'")
    for _ in range(MAX_CRASHES):
        assert manage("work_events").wait(60) == -signal.SIGKILL
    survivor = manage("work_events")
    try:
        eventually(lambda: not rows.unfinished())
    finally:
        survivor.terminate()
        survivor.wait(60)
    told = rows("SELECT state, attempt, crashes FROM events_delivery ORDER BY id")
    assert told == [("delivered", 1, 0), ("failed", MAX_CRASHES, MAX_CRASHES)]
    rows.close()


def manage(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """A command of the site's, under way."""
    surroundings = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "caluma_async.settings",
        "DATABASE_URL": database_url(),
        "EVENT_RECEIVER_MODULES": DEADLY,
        **environment,
    }
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
