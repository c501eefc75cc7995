"""Evaluating documents on PostgreSQL, in one process: validity, and an answer that feeds two calculated ones."""

from __future__ import annotations

from benchmarks.engine import measured
from benchmarks.report import Options, Row

NAMES = {
    "validity": ("documentValidity", "60 questions, 20 rows"),
    "page": ("a form page", "form, questions, answers, rows, options"),
    "integer": ("saveDocumentIntegerAnswer", "feeds 2 calculated answers"),
}


def run(options: Options) -> list[Row]:
    """Milliseconds, each beside those of 100 bare indexed SELECTs in the same run, and statements."""
    figures = measured("forms", options)
    bare = f"100 bare SELECTs, {figures['bare']:.1f} ms"
    rows = []
    for name, (scenario, figure) in NAMES.items():
        ratio = figures[name] / figures["bare"]
        rows.append(Row(scenario=scenario, figure=figure, value=figures[name], unit="ms", peer=bare, ratio=ratio))
        statements = figures[f"{name}_statements"]
        rows.append(Row(scenario=scenario, figure=figure, value=statements, unit="statements"))
    return rows
