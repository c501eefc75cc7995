"""The schema has every member of the contract that the workflow part asks for."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

from django.core.management import call_command

from caluma_async.graphql.schema import schema

HERE = Path(__file__).parent
WORKFLOW_MEMBERS = "679 of 679 members of the contract"


def report(sdl: Path) -> str:
    """What the contract's own comparison says about a schema."""
    arguments = (HERE / "workflow.args").read_text().split()
    command = [sys.executable, str(HERE / "coverage.py"), str(sdl), "--missing", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_command_prints_the_schema() -> None:
    printed = StringIO()
    call_command("schema", stdout=printed)
    assert printed.getvalue().strip() == schema.as_str().strip()


def test_every_member_of_the_workflow_part_is_there(tmp_path: Path) -> None:
    sdl = tmp_path / "schema.graphql"
    sdl.write_text(schema.as_str())
    assert report(sdl).startswith(WORKFLOW_MEMBERS), report(sdl)


def test_the_comparison_notices_a_missing_member(tmp_path: Path) -> None:
    sdl = tmp_path / "schema.graphql"
    sdl.write_text(schema.as_str().replace("isRedoable: Boolean", "isRedoableNot: Boolean"))
    assert "WorkItem.isRedoable: missing" in report(sdl)
