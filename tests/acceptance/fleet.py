"""Servers that share a database and a ledger, the clients that keep them busy, and the judgement in the end."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.acceptance.facts import eventually
from tests.acceptance.ledger import END, FAIL, Ledger, Line, by_lane, executions, replay
from tests.acceptance.rows import Rows
from tests.acceptance.server import Server
from tests.acceptance.traffic import Traffic, prepare
from tests.acceptance.worker import WorkerProcess

LEDGER_RECEIVERS: Final = "tests.acceptance.ledger_receivers"
RECEIVERS: Final = ("awaited", "asking", "threaded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was seen: events, deliveries and lanes, how many deliveries were never carried out, and how many more than
    once, what was asked of the server."""

    events: int
    deliveries: int
    lanes: int
    lost: int
    repeated: int
    answered: int
    unanswered: int
    kills: int


class Fleet:
    """Servers on one database whose receivers keep one ledger."""

    def __init__(self, folder: Path, url: str, receivers: str = LEDGER_RECEIVERS, **environment: str) -> None:
        self.folder = folder
        self.rows = Rows(url)
        self.ledger = Ledger(folder / "ledger")
        self.environment = {
            "DATABASE_URL": url,
            "LEDGER": str(self.ledger.path),
            "EVENT_RECEIVER_MODULES": receivers,
            "LOG_LEVEL": "WARNING",
            **environment,
        }
        self.servers: list[Server | WorkerProcess] = []
        self.killed: set[int] = set()
        self._numbers = itertools.count(1)

    def open(self, *arguments: str, **environment: str) -> Server:
        """Start a server, and wait until it listens."""
        server = Server(self._new_folder(), *arguments, **(self.environment | environment))
        self.servers.append(server)
        return server

    def open_worker(self) -> WorkerProcess:
        """Start a process that only delivers."""
        worker = WorkerProcess(self._new_folder(), **self.environment)
        self.servers.append(worker)
        return worker

    def open_together(self, servers: int, workers: int) -> tuple[list[Server], list[WorkerProcess]]:
        """Start so many of each at the same time."""
        opened = [self.open_worker() for _ in range(workers)]
        with ThreadPoolExecutor(servers) as threads:
            return list(threads.map(lambda _: self.open(), range(servers))), opened

    def _new_folder(self) -> Path:
        folder = self.folder / f"process-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def kill(self, server: Server | WorkerProcess) -> None:
        """End a server and its worker processes, or a worker, with SIGKILL."""
        self.killed.add(server.process.pid)
        server.kill()
        self.servers.remove(server)

    def kill_a_worker(self, server: Server) -> None:
        """End one of the server's worker processes with SIGKILL; the server starts another one."""
        alive = {line.pid for line in self.ledger.lines() if line.group == server.process.pid} - self.killed
        victim = random.choice(sorted(alive))
        self.killed.add(victim)
        os.kill(victim, signal.SIGKILL)

    def stop(self, server: Server | WorkerProcess) -> int:
        """End a process with SIGTERM; its exit status."""
        self.servers.remove(server)
        return server.stop()

    def wait_for_work(self, server: Server | WorkerProcess, lines: int = 30) -> None:
        """Until the receivers in a process have done something more."""
        group, before = server.process.pid, len(self.ledger.lines())
        eventually(
            lambda: sum(line.group == group for line in self.ledger.lines()[before:]) >= lines,
            otherwise=lambda: f"{self.rows.states()}\n{server.log[-3000:]}",
        )

    def spare_the_twice_hit(self) -> None:
        """Until nothing is left to do during which processes died twice: a third time it would be given up."""
        eventually(lambda: not self.rows.hit_twice(), otherwise=self.describe)

    def wait_until_all_is_delivered(self, within: float = 60) -> None:
        """Until nothing waits or runs. Fails when so many seconds have brought nothing to its end."""
        while left := self.rows.unfinished():
            eventually(lambda left=left: self.rows.unfinished() != left, within=within, otherwise=self.describe)

    def wait_until_the_rest_is_delivered(self) -> None:
        """Start a server that does what others have left, and stop it when nothing is left."""
        server = self.open()
        self.wait_until_all_is_delivered()
        self.stop(server)

    def describe(self) -> str:
        """The state of things, for a test that failed."""
        logs = "\n".join(server.log[-2000:] for server in self.servers)
        return f"{self.rows.states()}\n{logs}"

    def judge(self, traffic: Traffic, *, anybody_repeats: bool = False) -> Verdict:
        """What was seen. Fails if anything was lost, done twice without a kill, or out of order.

        `anybody_repeats`: also a process that was not killed may have had to do something again.
        """
        lines = self.ledger.lines()
        self._judge_states()
        self._judge_answers(traffic)
        self._judge_lanes(lines, None if anybody_repeats else self.killed)
        return self._verdict(lines, traffic)

    def _judge_states(self) -> None:
        states = self.rows.states()
        assert set(states) == {"delivered"}, states

    def _judge_answers(self, traffic: Traffic) -> None:
        """What a client was told has happened."""
        histories = self.rows.histories()
        assert traffic.cases() <= set(histories)
        assert traffic.completions() <= self.rows.completed()

    def _judge_lanes(self, lines: list[Line], killed: set[int] | None) -> None:
        """Everything that became of a case was told to each receiver, in that order."""
        lanes = by_lane(lines)
        histories = self.rows.histories()
        assert len(lanes) == len(RECEIVERS) * len(histories)
        for (receiver, family), lane in lanes.items():
            assert replay(lane, killed) == histories[family], (receiver, family)

    def _verdict(self, lines: list[Line], traffic: Traffic) -> Verdict:
        ran, claims = executions(lines), self.rows.claims()
        assert set(ran) == set(claims), set(ran).symmetric_difference(claims)
        unclaimed = [which for which, number in ran.items() if number > claims[which]]
        assert not unclaimed, f"{len(unclaimed)} were done more often than they were taken in hand: {unclaimed[:3]}"
        failures = Counter((line.receiver, line.event) for line in lines if line.mark == FAIL)
        repeated = [which for which, number in ran.items() if number - failures[which] > 1]
        self._judge_effects({event for receiver, event in ran if receiver == "threaded"}, ran)
        return Verdict(
            events=len({event for _, event in ran}),
            deliveries=len(claims),
            lanes=len(by_lane(lines)),
            lost=len(claims.keys() - {(line.receiver, line.event) for line in lines if line.mark == END}),
            repeated=len(repeated),
            answered=len(traffic.answered),
            unanswered=len(traffic.unanswered),
            kills=len(self.killed),
        )

    def _judge_effects(self, events: set[str], ran: Counter[tuple[str, str]]) -> None:
        """A `def` receiver's row and its acknowledgement are one transaction on PostgreSQL."""
        effects = self.rows.effects()
        assert set(effects) == events
        for event, number in effects.items():
            assert number == 1 or (not self.rows.is_postgres and number <= ran["threaded", event])

    def close(self) -> None:
        """End what still runs."""
        for server in self.servers:
            server.kill()
        self.ledger.close()


@contextmanager
def fleet(folder: Path, url: str, receivers: str = LEDGER_RECEIVERS, **environment: str) -> Iterator[Fleet]:
    """A fleet for the time of a block, with the receivers' own table."""
    opened = Fleet(folder, url, receivers, **environment)
    with contextlib.closing(opened.rows), opened.rows.with_effects():
        try:
            yield opened
        finally:
            opened.close()


def port_of(server: Server) -> int:
    """Where it listens."""
    return int(urlsplit(server.url).port or 0)


def busy(server: Server, clients: int = 8, *, persistent: bool = True) -> Traffic:
    """Clients that have begun to work through cases."""
    prepare(port_of(server))
    traffic = Traffic(clients, persistent, ports=[port_of(server)])
    traffic.start()
    return traffic
