"""Mutations over HTTP on PostgreSQL, two server processes: without receivers, and with each kind of receiver.

Each kind has a server beside one without receivers, both with a new database; short rounds on one and the other take
turns, so that both are measured on the same machine whatever else it does. A ratio is the median over the turns, of
each round against the one without receivers of the same turn. A round begins when everything is delivered that the one
before it caused; while it lasts, its own deliveries run beside it, and have begun to before it is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from benchmarks.load import Connection, Measured, closed_loop
from benchmarks.report import Options, Row
from benchmarks.server import fresh_database, manage, running_server
from tests.acceptance.rows import Rows

SAVE_TASK = "mutation($slug: String!) { saveSimpleTask(input: {slug: $slug, name: $slug}) { task { id } } }"
SAVE_WORKFLOW = """mutation {
  saveWorkflow(input: {slug: "bench", name: "Bench", startTasks: ["first"], allowAllForms: true}) { workflow { id } }
  addWorkflowFlow(input: {workflow: "bench", tasks: ["first"], next: "'second'|task"}) { workflow { id } }
}"""
SAVE_CASE = 'mutation { saveCase(input: {workflow: "bench"}) { case { id status } } }'
COMPLETE = "mutation($id: ID!) { completeWorkItem(input: {id: $id}) { workItem { id status } } }"
READY = """query($after: String) {
  allWorkItems(filter: [{status: READY}, {task: "first"}], first: 5000, after: $after) {
    pageInfo { hasNextPage endCursor } edges { node { id } }
  }
}"""

KINDS = {
    "no receivers": "",
    "3 blocking receivers that do nothing": "benchmarks.receivers.blocking",
    "3 async receivers of 100 ms": "benchmarks.receivers.waiting",
    "3 def receivers of 100 ms, blocking=False": "benchmarks.receivers.threaded",
}

CLIENTS = (1, 16)

TURNS = 40
"""How many turns there are. Whatever else the machine does shows in each of them: on a busy one
single turns lie a quarter apart, and the medians of 16 turns, of the same code, between 0.69 and 0.77.
"""
_ROUNDS = 16
"""How many rounds last as long as is to be measured."""
_WARM = 0.3
_BETWEEN_LOOKS = 0.02
_WITHOUT_END = 1e9


@dataclass
class Served:
    """A server with one kind of receivers, and what was measured of it: a round of each turn."""

    kind: str
    port: int
    rows: Rows
    items: Iterator[str] = field(default_factory=lambda: iter(()))
    rounds: list[Measured] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Requests per second: the median of the rounds."""
        return statistics.median(each.per_second for each in self.rounds)

    @property
    def median_ms(self) -> float:
        """The latency in milliseconds: the median of the rounds."""
        return statistics.median(each.median_ms for each in self.rounds)

    def analyze(self) -> None:
        """Have the database count its rows now: what it thinks of new tables makes it choose one index or another."""
        with psycopg.connect(self.rows.url, autocommit=True) as connection:
            connection.execute("ANALYZE")

    async def calm(self) -> None:
        """Wait until nothing is left to deliver."""
        while self.rows.unfinished():  # noqa: ASYNC110 - what it waits for is in the database
            await asyncio.sleep(_BETWEEN_LOOKS)


Bodies = Callable[[Served], Iterator[dict[str, Any]]]


def run(options: Options) -> list[Row]:
    """Requests per second and median latency of saveCase and completeWorkItem at 1 and 16 clients."""
    rows: list[Row] = []
    (first, nothing), *others = KINDS.items()
    for kind, receivers in others:
        # two at a time: all together would have more connections than PostgreSQL allows if nobody asks it for more
        with (
            _served(first, nothing, options.database) as without,
            _served(kind, receivers, options.database) as one,
        ):
            measured = asyncio.run(_measure([without, one], options.seconds / _ROUNDS))
        known = {(row.scenario, row.figure) for row in rows}
        rows += [row for row in measured if (row.scenario, row.figure) not in known]
    return rows


@contextmanager
def _served(kind: str, receivers: str, server: str) -> Iterator[Served]:
    with fresh_database(server) as database, closing(Rows(database)) as rows:
        manage(database, "migrate", "--verbosity", "0")
        with running_server(database, EVENT_RECEIVER_MODULES=receivers) as running:
            yield Served(kind, running.port, rows)


async def _measure(served: Sequence[Served], seconds: float) -> list[Row]:
    rows = []
    for one in served:
        await prepare(one.port)
    for clients in CLIENTS:
        await _take_turns(served, clients, seconds, lambda _: itertools.repeat({"query": SAVE_CASE}))
        rows += _rows("saveCase", clients, served)
        await _have_ready(served, seconds)
        await _take_turns(served, clients, seconds, _completions)
        rows += _rows("completeWorkItem", clients, served)
    return rows


async def _take_turns(served: Sequence[Served], clients: int, seconds: float, bodies: Bodies) -> None:
    for one in served:
        one.rounds = []
        one.analyze()
    for turn in range(TURNS):
        for one in itertools.islice(itertools.cycle(served), turn, turn + len(served)):
            for each in served:
                await each.calm()
            sent = bodies(one)
            await closed_loop(one.port, clients, _WARM, sent)
            one.rounds.append(await closed_loop(one.port, clients, seconds, sent))


async def _have_ready(served: Sequence[Served], seconds: float) -> None:
    """See to it that no server runs out of work items: none completes them twice as fast as it saved their cases."""
    for one in served:
        number = int(2 * one.per_second * TURNS * (_WARM + seconds))
        items = await ready_items(one.port)
        if len(items) < number:
            more = itertools.repeat({"query": SAVE_CASE}, number - len(items))
            await closed_loop(one.port, max(CLIENTS), _WITHOUT_END, more)
            items = await ready_items(one.port)
        one.items = iter(items)


def _completions(one: Served) -> Iterator[dict[str, Any]]:
    return ({"query": COMPLETE, "variables": {"id": item}} for item in one.items)


def _rows(operation: str, clients: int, served: Sequence[Served]) -> list[Row]:
    rows = []
    for one in served:
        scenario = f"{operation}, {clients} client{'s' * (clients > 1)}, {one.kind}"
        for figure, unit, value in (("throughput", "requests/s", "per_second"), ("median", "ms", "median_ms")):
            peer, ratio = _against(served[0], one, value)
            row = Row(scenario=scenario, figure=figure, value=getattr(one, value), unit=unit, peer=peer, ratio=ratio)
            rows.append(row)
    return rows


def _against(peer: Served, one: Served, value: str) -> tuple[str, float | None]:
    """The peer, with the smallest and the largest ratio of one turn; the median ratio."""
    if one is peer:
        return "", None
    ratios = sorted(
        getattr(own, value) / getattr(other, value) for own, other in zip(one.rounds, peer.rounds, strict=True)
    )
    return f"{peer.kind}; {ratios[0]:.2f} to {ratios[-1]:.2f}", statistics.median(ratios)


async def prepare(port: int) -> None:
    """Save the workflow that is used here."""
    connection = Connection(port)
    await connection.open()
    for slug in ("first", "second"):
        await connection.post({"query": SAVE_TASK, "variables": {"slug": slug}})
    await connection.post({"query": SAVE_WORKFLOW})
    await connection.close()


async def ready_items(port: int) -> list[str]:
    """The ids of all work items that can be completed."""
    connection = Connection(port)
    await connection.open()
    items: list[str] = []
    after, is_more = None, True
    while is_more:
        answer = await connection.post({"query": READY, "variables": {"after": after}})
        found = answer["data"]["allWorkItems"]
        items += [edge["node"]["id"] for edge in found["edges"]]
        after, is_more = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]
    await connection.close()
    return items
