"""Mutations over HTTP on PostgreSQL, two server processes: without receivers, and with each kind of receiver."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

from benchmarks.load import Connection, Measured, closed_loop
from benchmarks.report import Options, Row
from benchmarks.server import fresh_database, manage, running_server

SAVE_TASK = "mutation($slug: String!) { saveSimpleTask(input: {slug: $slug, name: $slug}) { task { id } } }"
SAVE_WORKFLOW = """mutation {
  saveWorkflow(input: {slug: "bench", name: "Bench", startTasks: ["first"], allowAllForms: true}) { workflow { id } }
  addWorkflowFlow(input: {workflow: "bench", tasks: ["first"], next: "'second'|task"}) { workflow { id } }
}"""
SAVE_CASE = 'mutation { saveCase(input: {workflow: "bench"}) { case { id status } } }'
COMPLETE = "mutation($id: ID!) { completeWorkItem(input: {id: $id}) { workItem { id status } } }"
READY = '{ allWorkItems(filter: [{status: READY}, {task: "first"}]) { edges { node { id } } } }'

KINDS = {
    "no receivers": "",
    "3 blocking receivers that do nothing": "benchmarks.receivers.blocking",
    "3 async receivers of 100 ms": "benchmarks.receivers.waiting",
    "3 def receivers of 100 ms, blocking=False": "benchmarks.receivers.threaded",
}


def run(options: Options) -> list[Row]:
    """Requests per second and median latency of saveCase and completeWorkItem at 1 and 16 clients."""
    rows: list[Row] = []
    baseline: dict[tuple[str, int], Measured] = {}
    for kind, receivers in KINDS.items():
        with fresh_database(options.database) as database:
            manage(database, "migrate", "--verbosity", "0")
            with running_server(database, EVENT_RECEIVER_MODULES=receivers) as server:
                measured = asyncio.run(_measure(server.port, options.seconds))
        if not baseline:
            baseline = measured
        for (operation, clients), figures in measured.items():
            rows += _rows(kind, operation, clients, figures, baseline[operation, clients])
    return rows


def _rows(kind: str, operation: str, clients: int, figures: Measured, peer: Measured) -> list[Row]:
    scenario = f"{operation}, {clients} client{'s' * (clients > 1)}, {kind}"
    against = "" if figures is peer else "no receivers"
    return [
        Row(
            scenario=scenario,
            figure="throughput",
            value=figures.per_second,
            unit="requests/s",
            peer=against,
            ratio=figures.per_second / peer.per_second if against else None,
        ),
        Row(
            scenario=scenario,
            figure="median",
            value=figures.median_ms,
            unit="ms",
            peer=against,
            ratio=figures.median_ms / peer.median_ms if against else None,
        ),
    ]


async def _measure(port: int, seconds: float) -> dict[tuple[str, int], Measured]:
    await _prepare(port)
    measured: dict[tuple[str, int], Measured] = {}
    for clients in (1, 16):
        await closed_loop(port, clients, 1.0, _save_case())
        saved = measured["saveCase", clients] = await closed_loop(port, clients, seconds, _save_case())
        items = await _ready_items(port)
        bodies = ({"query": COMPLETE, "variables": {"id": item}} for item in items)
        # completing takes longer than saving, so that the work items just made last for the whole measurement
        await closed_loop(port, clients, 1.0, itertools.islice(bodies, int(saved.per_second)))
        measured["completeWorkItem", clients] = await closed_loop(port, clients, seconds, bodies)
    return measured


def _save_case() -> Iterator[dict[str, Any]]:
    return itertools.repeat({"query": SAVE_CASE})


async def _prepare(port: int) -> None:
    connection = Connection(port)
    await connection.open()
    for slug in ("first", "second"):
        await connection.post({"query": SAVE_TASK, "variables": {"slug": slug}})
    await connection.post({"query": SAVE_WORKFLOW})
    await connection.close()


async def _ready_items(port: int) -> list[str]:
    connection = Connection(port)
    await connection.open()
    answer = await connection.post({"query": READY})
    await connection.close()
    return [edge["node"]["id"] for edge in answer["data"]["allWorkItems"]["edges"]]
