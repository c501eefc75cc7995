"""The event engine in one process on PostgreSQL: recording, delivering, and what it costs; beside its peers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from benchmarks.report import Options, Row
from benchmarks.server import ROOT, environment, fresh_database, manage

PEERS = {
    "procrastinate": ("procrastinate_jobs", "Procrastinate, 10 at once, no locks"),
    "django_domain_events": ("domain_events", "django-domain-events"),
}
Figures = Mapping[str, float]


def run(options: Options) -> list[Row]:
    """Every figure that the engine promises, each beside its peer of this run."""
    rows = [*_emitting(options), *_delivering(options), *_latency(options), *_cost(options)]
    return [*rows, *_loose(options)]


def _emitting(options: Options) -> list[Row]:
    figures = measured("emitting", options)
    ratio = figures["durable"] / figures["bare"]
    bare = f"bare one-row transactions, {figures['bare']:,.0f}/s"
    return [_row("durable events, one receiver", "recorded", figures["durable"], "events/s", bare, ratio)]


def _delivering(options: Options) -> list[Row]:
    first = measured("awaited", options)
    peers = list(_peers(options))
    last = measured(
        "awaited", options
    )  # before and after the peers: the machine may be busier at one time than at another
    spread, hot = ((first[name] + last[name]) / 2 for name in ("spread", "hot"))
    threaded = measured("threaded", options)
    return [
        _row("async def, many cases", "delivered", spread, "deliveries/s"),
        *(
            _row("async def, many cases", "delivered", spread, "deliveries/s", f"{title}, {rate:,.0f}/s", spread / rate)
            for title, rate in peers
        ),
        _row("def that does nothing", "delivered", threaded["idle"], "deliveries/s"),
        _row("def that asks, each in its own transaction", "delivered", threaded["asking"], "deliveries/s"),
        _row("async def, one case", "delivered", hot, "deliveries/s"),
    ]


def _peers(options: Options) -> Iterator[tuple[str, float]]:
    """Each peer that is installed, with what it delivers per second."""
    for name, (module, title) in PEERS.items():
        if find_spec(name) is None:
            print(f"  {title} is not installed: `make bench` installs it")
            continue
        print(f"  · {title} …", flush=True)
        with fresh_database(options.database) as database:
            yield title, figures(database, ["-m", "benchmarks.peers", module, str(options.seconds)])["rate"]


def _latency(options: Options) -> list[Row]:
    figures = measured("latency", options)
    names = {
        "median": ("100 events/s", "commit to start, median"),
        "p99": ("100 events/s", "commit to start, 99th percentile"),
        "fan_median": ("40 async def receivers of 50 ms on one event", "commit to last end, median"),
        "fan_worst": ("40 async def receivers of 50 ms on one event", "commit to last end, worst"),
    }
    return [_row(*names[name], value, "ms") for name, value in figures.items()]


def _cost(options: Options) -> list[Row]:
    figures = measured("claiming", options)
    few = f"1 000 rows waiting, {figures['few']:.3f} ms"
    scenario = "100 000 rows waiting, 20 000 of them in one lane that is held"
    return [_row(scenario, "claim and acknowledge", figures["many"], "ms", few, figures["many"] / figures["few"])]


def _loose(options: Options) -> list[Row]:
    figures = measured("loose", options)
    bare = f"bare asyncio.Queue, one by one, {figures['bare']:,.0f}/s"
    ratio = figures["loose"] / figures["bare"]
    return [_row("durable=False", "delivered", figures["loose"], "deliveries/s", bare, ratio)]


def measured(name: str, options: Options) -> Figures:
    print(f"  · {name} …", flush=True)
    with fresh_database(options.database) as database:
        manage(database, "migrate", "--verbosity", "0")
        return figures(database, ["-m", "benchmarks.measuring", name, str(options.seconds)])


def figures(database: str, arguments: list[str], **settings: str) -> Figures:
    """What a process printed in its last line."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(database) | {"LOG_LEVEL": "WARNING", **settings},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
    )
    printed: Figures = json.loads(done.stdout.splitlines()[-1])
    return printed


def _row(scenario: str, figure: str, value: float, unit: str, peer: str = "", ratio: float | None = None) -> Row:
    return Row(scenario=scenario, figure=figure, value=value, unit=unit, peer=peer, ratio=ratio)
