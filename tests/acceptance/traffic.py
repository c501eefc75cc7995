"""Clients that work through cases over HTTP, whatever happens to the server, and know what they were answered."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

TASKS: Final = ("t1", "t2", "t3", "t4")
SLUG: Final = "traffic"

_CASE: Final = "id status workItems(filter: [{status: READY}]) { edges { node { id } } }"
SAVE: Final = f'mutation {{ saveCase(input: {{workflow: "{SLUG}"}}) {{ case {{ {_CASE} }} }} }}'
_COMPLETE: Final = (
    f"mutation($id: ID!) {{ completeWorkItem(input: {{id: $id}}) {{ workItem {{ id case {{ {_CASE} }} }} }} }}"
)
LOOK_AROUND: Final = "{ allCases(first: 10) { edges { node { id status } } } }"
_LOOK: Final = f"query($id: ID!) {{ node(id: $id) {{ ... on Case {{ {_CASE} }} }} }}"
_TASK: Final = "mutation($slug: String!) { saveSimpleTask(input: {slug: $slug, name: $slug}) { task { id } } }"
_BETWEEN_TRIES: Final = 0.05
_LONGEST: Final = 60.0
"""Seconds without an answer after which the server counts as stuck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what came of it. `subject` is the work item's key; `answer` is empty if none came.

    `sent` and `seconds` are by `time.monotonic`.
    """

    subject: str
    answer: dict[str, Any]
    status: int
    partial: bool
    sent: float
    seconds: float


@dataclass(slots=True)
class Traffic:
    """So many clients, each with a connection of its own to one of the `ports`, in a thread with an event loop.

    `persistent` clients go on when a server is gone, others stop at the first request that is not answered.
    """

    clients: int
    persistent: bool = True
    ports: Sequence[int] = ()
    exchanges: list[Exchange] = field(default_factory=list)
    stopping: bool = False
    _thread: threading.Thread | None = None
    _errors: list[BaseException] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let every client finish its request, and end."""
        self.stopping = True
        self.join()

    def join(self) -> None:
        """Wait for the end of all clients."""
        if self._thread is not None:
            self._thread.join(60)
            assert not self._thread.is_alive(), "Clients do not come to an end."
        self._raise()

    def _raise(self) -> None:
        if self._errors:
            raise self._errors[0]

    @property
    def answered(self) -> list[Exchange]:
        """What was answered with data."""
        self._raise()
        return [one for one in self.exchanges if one.answer.get("data") and not one.answer.get("errors")]

    @property
    def refused(self) -> list[Exchange]:
        """What was answered with an error."""
        return [one for one in self.exchanges if one.answer.get("errors") or (one.status and one.status != 200)]

    @property
    def unanswered(self) -> list[Exchange]:
        """What was not answered to the end."""
        return [one for one in self.exchanges if not one.answer]

    def completions(self) -> set[str]:
        """The work items whose completion was answered."""
        return {one.subject for one in self.answered if one.subject and "completeWorkItem" in one.answer["data"]}

    def cases(self) -> set[str]:
        """The cases whose creation was answered."""
        answers = [one.answer["data"] for one in self.answered]
        return {key_of(data["saveCase"]["case"]["id"]) for data in answers if "saveCase" in data}

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:  # noqa: BLE001 - whoever waits for the end is told
            self._errors.append(error)

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self.clients):
                group.create_task(_Client(self, number).work())


class _Client:
    def __init__(self, traffic: Traffic, number: int) -> None:
        self.traffic = traffic
        self.number = number
        self.wire: Wire | None = None
        self.gave_up = False

    def is_over(self) -> bool:
        """Whether it sends nothing more."""
        return self.traffic.stopping or self.gave_up

    async def work(self) -> None:
        """One case after the other."""
        await self.connect()
        while not self.is_over():
            case = _case_in(await self.ask(SAVE))
            while case and not self.is_over():
                case = await self.go_on(case)
        if self.wire is not None:
            await self.wire.close()

    async def go_on(self, case: dict[str, Any]) -> dict[str, Any] | None:
        """Complete what is ready; when nobody knows whether that worked, look."""
        ready = [edge["node"]["id"] for edge in case["workItems"]["edges"]]
        if not ready:
            return None
        after = _case_in(await self.ask(_COMPLETE, ready[0]))
        while not after and not self.is_over():
            after = _case_in(await self.ask(_LOOK, case["id"], subject=""))
        return after

    async def ask(self, query: str, key: str = "", *, subject: str | None = None) -> dict[str, Any]:
        """Send, and note what comes."""
        if self.wire is None:
            await self.connect()
        if self.wire is None:
            return {}
        sent = time.monotonic()
        status, answer, partial = await self.wire.post({"query": query, "variables": {"id": key} if key else {}})
        about = (key_of(key) if key else "") if subject is None else subject
        self.traffic.exchanges.append(
            Exchange(
                subject=about,
                answer=answer,
                status=status,
                partial=partial,
                sent=sent,
                seconds=time.monotonic() - sent,
            )
        )
        if not status:
            await self.wire.close()
            self.wire = None
            self.gave_up = not self.traffic.persistent
        elif answer.get("errors"):
            await asyncio.sleep(_BETWEEN_TRIES)
        return answer

    async def connect(self) -> None:
        """Until somebody listens, or it is over."""
        while not self.is_over():
            try:
                self.wire = await Wire.to(self.traffic.ports[self.number % len(self.traffic.ports)])
            except OSError:
                await asyncio.sleep(_BETWEEN_TRIES)
            else:
                return


class Wire:
    """A connection on which answers may stay away, or break off."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int) -> Wire:
        """Connect to a port of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, body: dict[str, Any]) -> tuple[int, dict[str, Any], bool]:
        """Status, answer, and whether it broke off in the middle; 0 and nothing if no answer came."""
        content = json.dumps(body).encode()
        head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length:"
        try:
            self.writer.write(f"{head} {len(content)}\r\n\r\n".encode() + content)
            async with asyncio.timeout(_LONGEST):
                lines = (await self.reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        except asyncio.IncompleteReadError as error:
            return 0, {}, bool(error.partial)
        except TimeoutError:
            raise AssertionError(f"No answer within {_LONGEST:g} seconds.") from None
        except OSError:
            return 0, {}, False
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        try:
            return int(lines[0].split()[1]), json.loads(await self.reader.readexactly(length)), False
        except (OSError, asyncio.IncompleteReadError):
            return 0, {}, True

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return  # the other side was first


def prepare(port: int) -> None:
    """Make the workflow: its tasks come one after the other."""
    asyncio.run(_prepare(port))


async def _prepare(port: int) -> None:
    wire = await Wire.to(port)
    for slug in TASKS:
        await _done(wire, {"query": _TASK, "variables": {"slug": slug}})
    flows = [
        f'f{task}: addWorkflowFlow(input: {{workflow: "{SLUG}", tasks: ["{task}"], next: "\'{after}\'|task"}})'
        " { workflow { id } }"
        for task, after in itertools.pairwise(TASKS)
    ]
    workflow = f'saveWorkflow(input: {{slug: "{SLUG}", name: "x", startTasks: ["{TASKS[0]}"], allowAllForms: true}})'
    await _done(wire, {"query": f"mutation {{ {workflow} {{ workflow {{ id }} }} {' '.join(flows)} }}"})
    await wire.close()


def save_cases(ports: Sequence[int], number: int) -> None:
    """So many new cases, one after the other at each of the servers."""

    async def save(port: int, cases: int) -> None:
        wire = await Wire.to(port)
        for _ in range(cases):
            await _done(wire, {"query": SAVE})
        await wire.close()

    async def save_all() -> None:
        await asyncio.gather(*(save(port, number // len(ports)) for port in ports))

    asyncio.run(save_all())


async def _done(wire: Wire, body: dict[str, Any]) -> None:
    _, answer, _ = await wire.post(body)
    assert "errors" not in answer, answer


def key_of(global_id: str) -> str:
    """The key in a global id."""
    return base64.b64decode(global_id).decode().partition(":")[2]


def _case_in(answer: dict[str, Any]) -> dict[str, Any] | None:
    if answer.get("errors"):
        return None  # what it says may be in parts only
    data = answer.get("data") or {}
    for field_, path in {"saveCase": ["case"], "completeWorkItem": ["workItem", "case"], "node": []}.items():
        found: Any = data.get(field_)
        for name in path:
            found = found and found[name]
        if found:
            return dict(found)
    return None
