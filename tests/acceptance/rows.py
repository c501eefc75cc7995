"""What the database says, asked from outside the product: plain SQL on a connection of its own, on either database."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg


class Rows:
    """The database at an address like `DATABASE_URL`'s."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_postgres = not url.startswith("sqlite")
        self._connection: Any = None

    def __call__(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement; it is sent again if the database was restarted since the last one."""
        if self._connection is not None:
            try:
                return self._run(statement)
            except psycopg.OperationalError:
                self.close()
        self._connection = self._connect()
        return self._run(statement)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []

    def _connect(self) -> Any:
        if self.is_postgres:
            return psycopg.connect(self.url, autocommit=True)
        return sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)

    def unfinished(self) -> int:
        """How many deliveries wait or run."""
        ((number,),) = self("SELECT count(*) FROM events_delivery WHERE state IN ('waiting', 'running')")
        return int(number)

    def hit_twice(self) -> int:
        """How many of those have been under way in two processes that died."""
        ((number,),) = self(
            "SELECT count(*) FROM events_delivery WHERE state IN ('waiting', 'running') AND crashes >= 2"
        )
        return int(number)

    def states(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        return dict(self("SELECT state, count(*) FROM events_delivery GROUP BY state"))

    def claims(self) -> dict[tuple[str, str], int]:
        """How often each receiver's delivery of each event was taken in hand."""
        found = self("SELECT receiver, event_id, claims FROM events_delivery")
        return {(receiver, _uuid(event)): claims for receiver, event, claims in found}

    def completed(self) -> set[str]:
        """The work items that are completed."""
        return {_uuid(key) for (key,) in self("SELECT id FROM workflow_workitem WHERE status = 'completed'")}

    def histories(self) -> dict[str, list[str]]:
        """For each case what must have been told of it, by what became of it: its tasks come one after the other."""
        histories: dict[str, list[str]] = {
            _uuid(key): ["create_case"] for (key,) in self("SELECT id FROM workflow_case")
        }
        items = defaultdict(list)
        for case, task, status in self("SELECT case_id, task_id, status FROM workflow_workitem ORDER BY task_id"):
            items[_uuid(case)].append((task, status))
        for case, tasks in items.items():
            for task, status in tasks:
                histories[case].append(f"create_work_item:{task}")
                if status == "completed":
                    histories[case].append(f"complete_work_item:{task}")
        for (case,) in self("SELECT id FROM workflow_case WHERE status = 'completed'"):
            histories[_uuid(case)].append("complete_case")
        return histories

    def lanes(self) -> dict[tuple[str, str], list[str]]:
        """For each receiver and lane of an event the events, in the order of their commits."""
        lanes = defaultdict(list)
        found = self(
            "SELECT receiver, events_eventrecord.lane, event_id FROM events_delivery"
            " JOIN events_eventrecord ON events_eventrecord.id = event_id"
            " WHERE events_eventrecord.lane IS NOT NULL ORDER BY events_delivery.id"
        )
        for receiver, lane, event in found:
            lanes[receiver, lane].append(_uuid(event))
        return lanes

    def events(self) -> int:
        """How many events were recorded."""
        ((number,),) = self("SELECT count(*) FROM events_eventrecord")
        return int(number)

    def jobs(self) -> int:
        """How many of Procrastinate's jobs there are."""
        ((number,),) = self("SELECT count(*) FROM procrastinate_jobs")
        return int(number)

    def effects(self) -> dict[str, int]:
        """How many rows the `def` receiver left of each event."""
        return dict(self("SELECT event, count(*) FROM ledger_effect GROUP BY event"))

    def sessions(self) -> int:
        """How many others are connected (PostgreSQL)."""
        ((number,),) = self(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(number)

    @contextlib.contextmanager
    def with_effects(self) -> Iterator[None]:
        """The table of effects for the time of a block."""
        self("CREATE TABLE ledger_effect (event text NOT NULL)")
        try:
            yield
        finally:
            self("DROP TABLE ledger_effect")


def _uuid(key: Any) -> str:
    return str(UUID(key) if isinstance(key, str) else key)


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
