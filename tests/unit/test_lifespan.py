"""Parts start in order, stop in the opposite one, and hinder each other in neither."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.lifespan import Lifespan
from caluma_async.serving import refuse_websocket


class Record:
    """A lifespan whose parts write down what happens to them."""

    def __init__(self) -> None:
        self.lifespan = Lifespan()
        self.events: list[str] = []

    def part(self, name: str, *, failing: str = "") -> None:
        async def start() -> None:
            self.events.append(f"start {name}")
            if failing == "start":
                raise ValueError(name)

        async def stop() -> None:
            self.events.append(f"stop {name}")
            if failing == "stop":
                raise ValueError(name)

        self.lifespan.register(name, start=start, stop=stop)


async def test_stops_in_the_opposite_order_and_once() -> None:
    record = Record()
    record.part("a")
    record.part("b")
    await record.lifespan.stop()
    await record.lifespan.start()
    await record.lifespan.start()
    await record.lifespan.stop()
    await record.lifespan.stop()
    assert record.events == ["start a", "start b", "stop b", "stop a"]


async def test_can_be_started_again() -> None:
    record = Record()
    record.part("a")
    for _ in range(2):
        await record.lifespan.start()
        await record.lifespan.stop()
    assert record.events == ["start a", "stop a"] * 2


async def test_a_failing_start_stops_what_had_started_and_goes_on() -> None:
    record = Record()
    record.part("a")
    record.part("b", failing="start")
    record.part("c")
    with pytest.raises(ValueError, match="b"):
        await record.lifespan.start()
    assert record.events == ["start a", "start b", "stop a"]


async def test_a_failing_stop_hinders_no_other(caplog: pytest.LogCaptureFixture) -> None:
    record = Record()
    record.part("a")
    record.part("b", failing="stop")
    await record.lifespan.start()
    await record.lifespan.stop()
    assert record.events == ["start a", "start b", "stop b", "stop a"]
    assert "Stopping b failed." in caplog.text


async def test_a_part_may_have_nothing_to_do() -> None:
    lifespan = Lifespan()
    lifespan.register("nothing")
    await lifespan.start()
    await lifespan.stop()


async def converse(application: Any, *received: str) -> list[Any]:
    """What the application sends while it receives these messages."""
    messages = iter([{"type": kind} for kind in received])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    await application({"type": "lifespan"}, receive, send)
    return sent


async def test_speaks_the_protocol_of_asgi() -> None:
    record = Record()
    record.part("a")
    sent = await converse(record.lifespan, "lifespan.startup", "lifespan.unknown", "lifespan.shutdown")
    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    assert record.events == ["start a", "stop a"]


async def test_tells_the_server_that_the_start_failed(caplog: pytest.LogCaptureFixture) -> None:
    record = Record()
    record.part("a", failing="start")
    assert await converse(record.lifespan, "lifespan.startup") == [
        {"type": "lifespan.startup.failed", "message": "ValueError"}
    ]
    assert "The start failed." in caplog.text


async def test_a_websocket_is_closed_before_it_is_accepted() -> None:
    assert await converse(refuse_websocket, "websocket.connect") == [{"type": "websocket.close", "code": 1008}]
