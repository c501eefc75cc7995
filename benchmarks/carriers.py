"""The carriers beside each other on PostgreSQL, and beside Procrastinate itself doing the same work."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from benchmarks.engine import figures
from benchmarks.report import Options, Row
from benchmarks.server import fresh_database

KINDS = {"awaited": "async def, many cases", "threaded": "def, many cases"}
CARRIERS = {"asyncio": "asyncio", "procrastinate": "Procrastinate's jobs"}


def run(options: Options) -> list[Row]:
    """Recording, delivering and delay, by carrier; ours first and last, the peer between."""
    if find_spec("procrastinate") is None:
        print("  Procrastinate is not installed: `make install-dev` installs it")
        return []
    first = _measure("benchmarks.measuring", "carriers", options)
    peer = _measure("benchmarks.peers", "procrastinate_loading", options)
    idle = _measure("benchmarks.peers", "procrastinate_jobs", options)["rate"]
    last = _measure("benchmarks.measuring", "carriers", options)
    ours = {name: (first[name] + last[name]) / 2 for name in first}
    return [*(row for carrier in CARRIERS for row in _rows(carrier, ours, peer)), _beside_idle_jobs(ours, idle)]


def _measure(package: str, name: str, options: Options) -> Mapping[str, float]:
    print(f"  · {name} …", flush=True)
    with fresh_database(options.database) as database:
        arguments = ["-m", package, name, str(options.seconds)]
        return figures(database, arguments, EVENT_CARRIER="procrastinate")


def _rows(carrier: str, ours: Mapping[str, float], peer: Mapping[str, float]) -> list[Row]:
    title = CARRIERS[carrier]
    delivered = [
        Row(
            scenario=f"{title}: {scenario}",
            figure="delivered",
            value=ours[f"{carrier}_{kind}"],
            unit="deliveries/s",
            peer=f"Procrastinate, 10 at once, the same objects loaded, {peer[kind]:,.0f}/s",
            ratio=ours[f"{carrier}_{kind}"] / peer[kind],
        )
        for kind, scenario in KINDS.items()
    ]
    others = {
        "recorded": ("one event a transaction", "recorded", "events/s"),
        "median": ("50 events/s", "emission to start, median", "ms"),
        "p99": ("50 events/s", "emission to start, 99th percentile", "ms"),
    }
    return [
        *delivered,
        *(
            Row(scenario=f"{title}: {scenario}", figure=figure, value=ours[f"{carrier}_{name}"], unit=unit)
            for name, (scenario, figure, unit) in others.items()
        ),
    ]


def _beside_idle_jobs(ours: Mapping[str, float], idle: float) -> Row:
    return Row(
        scenario=f"{CARRIERS['procrastinate']}: {KINDS['awaited']}",
        figure="delivered",
        value=ours["procrastinate_awaited"],
        unit="deliveries/s",
        peer=f"Procrastinate, 10 at once, nothing loaded, {idle:,.0f}/s",
        ratio=ours["procrastinate_awaited"] / idle,
    )
