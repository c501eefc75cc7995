"""Run benchmarks, print a table, write the figures as JSON."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks.report import Options, Row, print_table, write_json
from tests.databases import postgres_url

SCENARIOS = {
    "http": "benchmarks.http_mutations",
    "engine": "benchmarks.engine",
    "forms": "benchmarks.forms",
    "carriers": "benchmarks.carriers",
    "live": "benchmarks.live",
    "crash": "benchmarks.crash",
    "restart": "benchmarks.restart",
    "soak": "benchmarks.soak",
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scenario", nargs="*", help=f"one or more of {', '.join(SCENARIOS)}; all of them if left out")
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds per measurement (default: 4)")
    parser.add_argument("--database", help="address of a PostgreSQL server (default: the one the tests use)")
    parser.add_argument(
        "--json", type=Path, default=Path("benchmarks/results/latest.json"), help="where the figures go"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.scenario) - SCENARIOS.keys():
        parser.error(f"unknown scenario: {', '.join(sorted(unknown))}")
    options = Options(seconds=arguments.seconds, database=arguments.database or postgres_url())
    rows: list[Row] = []
    for name in arguments.scenario or SCENARIOS:
        print(f"· {name} …", flush=True)
        rows += importlib.import_module(SCENARIOS[name]).run(options)
        write_json(rows, arguments.json)
    print_table(rows)
    print(f"\nwritten to {arguments.json}")


if __name__ == "__main__":
    main()
