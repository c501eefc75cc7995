"""A closed-loop client: every connection sends its next request when the answer to the last one is there."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Latencies in seconds, in the order in which the answers came, and how long it all took."""

    latencies: list[float]
    elapsed: float

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.elapsed

    @property
    def median_ms(self) -> float:
        """The median latency in milliseconds."""
        return statistics.median(self.latencies) * 1000

    def percentile_ms(self, percent: int) -> float:
        """A percentile of the latency in milliseconds."""
        return sorted(self.latencies)[min(len(self.latencies) - 1, len(self.latencies) * percent // 100)] * 1000


class Connection:
    """One persistent HTTP/1.1 connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def open(self) -> None:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send a GraphQL request; raise if it is answered with an error."""
        payload = json.dumps(body).encode()
        lines = [
            "POST /graphql HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(payload)}",
        ]
        head = "\r\n".join([*lines, "", ""])
        self.writer.write(head.encode() + payload)
        answer_head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in answer_head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        answer: dict[str, Any] = json.loads(await self.reader.readexactly(length))
        if "errors" in answer:
            raise RuntimeError(f"the server answered with an error: {answer['errors'][0]['message']}")
        return answer

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self.writer.wait_closed()


async def closed_loop(
    port: int,
    clients: int,
    seconds: float,
    bodies: Iterator[dict[str, Any]],
    *,
    seen: Callable[[Any], None] | None = None,
) -> Measured:
    """Send requests for `seconds`, or until there are no more bodies."""
    latencies: list[float] = []
    started = time.perf_counter()

    async def client() -> None:
        connection = Connection(port)
        await connection.open()
        for body in bodies:
            sent = time.perf_counter()
            answer = await connection.post(body)
            received = time.perf_counter()
            latencies.append(received - sent)
            if seen is not None:
                seen(answer)
            if received - started > seconds:
                break
        await connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return Measured(latencies=latencies, elapsed=time.perf_counter() - started)
