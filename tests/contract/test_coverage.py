"""The schema has every member of the contract that the workflow part and the whole with forms ask for."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from caluma_async.graphql.schema import schema

HERE = Path(__file__).parent
MEMBERS = {
    "workflow.args": "679 of 679 members of the contract",
    "forms.args": "2308 of 2308 members of the contract",
}


def report(sdl: Path, part: str) -> str:
    """What the contract's own comparison says about a part of a schema."""
    arguments = (HERE / part).read_text().split()
    command = [sys.executable, str(HERE / "coverage.py"), str(sdl), "--missing", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_command_prints_the_schema() -> None:
    printed = StringIO()
    call_command("schema", stdout=printed)
    assert printed.getvalue().strip() == schema.as_str().strip()


@pytest.mark.parametrize("part", MEMBERS)
def test_every_member_is_there(part: str, tmp_path: Path) -> None:
    sdl = tmp_path / "schema.graphql"
    sdl.write_text(schema.as_str())
    assert report(sdl, part).startswith(MEMBERS[part]), report(sdl, part)


def test_the_comparison_notices_a_missing_member(tmp_path: Path) -> None:
    sdl = tmp_path / "schema.graphql"
    sdl.write_text(schema.as_str().replace("isRedoable: Boolean", "isRedoableNot: Boolean"))
    assert "WorkItem.isRedoable: missing" in report(sdl, "workflow.args")
