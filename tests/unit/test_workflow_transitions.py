"""The state table: each way leads from somewhere to somewhere else, and its parts have a way of their own."""

from __future__ import annotations

import pytest

from caluma_async.workflow import events
from caluma_async.workflow.models import Case, WorkItem
from caluma_async.workflow.transitions import CASE, WORK_ITEM, Transition

ALL = [pytest.param(WORK_ITEM, name, "work_item", id=f"{name} work item") for name in WORK_ITEM] + [
    pytest.param(CASE, name, "case", id=f"{name} case") for name in CASE
]


@pytest.mark.parametrize(("table", "name", "subject"), ALL)
def test_a_transition_is_whole(table: dict[str, Transition], name: str, subject: str) -> None:
    transition = table[name]
    statuses = Case.STATUSES if table is CASE else WorkItem.STATUSES
    other = WORK_ITEM if table is CASE else CASE
    assert transition.allowed <= set(statuses)
    assert transition.to in set(statuses) - transition.allowed
    assert transition.before is getattr(events, f"pre_{name}_{subject}")
    assert transition.after is getattr(events, f"post_{name}_{subject}")
    assert transition.parts is None or transition.parts in other


def test_every_event_but_those_of_creation_belongs_to_a_transition() -> None:
    told = {event.name for each in (*WORK_ITEM.values(), *CASE.values()) for event in (each.before, each.after)}
    declared = {name for name in vars(events) if name.startswith(("pre_", "post_"))}
    assert declared - told == {"pre_create_case", "post_create_case", "pre_create_work_item", "post_create_work_item"}
