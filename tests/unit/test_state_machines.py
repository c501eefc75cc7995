"""The diagrams of the documentation say what the tables in the code say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from caluma_async.events.states import State
from caluma_async.workflow.transitions import CASE, WORK_ITEM, Transition

PAGE = Path(__file__).resolve().parents[2] / "docs" / "state-machines.md"


def arrows(heading: str) -> set[tuple[str, str, str]]:
    """The arrows of the diagram under a heading: from, to, what they say."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^    (\S+) --> (\w+|\[\*\])(?:: (.*))?$", section, flags=re.MULTILINE)
    return {(start, end, said) for start, end, said in found}


@pytest.mark.parametrize(("heading", "table"), [("Work item", WORK_ITEM), ("Case", CASE)])
def test_every_transition_is_drawn_and_no_other(heading: str, table: Mapping[str, Transition]) -> None:
    expected = {(start, one.to, name) for name, one in table.items() for start in one.allowed}
    assert {arrow for arrow in arrows(heading) if arrow[0] != "[*]"} == expected


def test_every_state_of_a_delivery_is_drawn() -> None:
    drawn = {state for start, end, _ in arrows("Delivery") for state in (start, end)}
    assert drawn == {"[*]", *State}
