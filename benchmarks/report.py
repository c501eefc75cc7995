"""What a benchmark gives back, as a table for people and as JSON for comparisons."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Options:
    """How long and on what a benchmark runs: `seconds` per measurement, `database` a PostgreSQL address."""

    seconds: float
    database: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure: of which scenario, what it counts, its value, and how it compares with its peer of the same run."""

    scenario: str
    figure: str
    value: float
    unit: str
    peer: str = ""
    ratio: float | None = None


def print_table(rows: Iterable[Row]) -> None:
    """One line a figure."""
    lines = [("scenario", "figure", "value", "against", "ratio")]
    lines += [
        (
            row.scenario,
            row.figure,
            f"{row.value:,.2f} {row.unit}",
            row.peer,
            "" if row.ratio is None else f"{row.ratio:.2f}",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def write_json(rows: Iterable[Row], path: Path) -> None:
    """Everything, with the moment and the machine it was measured on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "machine": platform.machine(),
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(report, indent=2) + "\n")
