"""The event types of the workflow domain."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

from caluma_async.events.event import EventType
from caluma_async.workflow import events
from caluma_async.workflow.models import Case, WorkItem

DECLARED = {name: value for name, value in vars(events).items() if isinstance(value, EventType)}
WORK_ITEM = ["create", "complete", "cancel", "skip", "suspend", "resume", "redo"]
CASE = ["create", "complete", "cancel", "suspend", "resume", "reopen"]
ALIASES = {
    "created_work_item": "post_create_work_item",
    "completed_work_item": "post_complete_work_item",
    "skipped_work_item": "post_skip_work_item",
    "suspended_work_item": "post_suspend_work_item",
    "resumed_work_item": "post_resume_work_item",
    "canceled_work_item": "post_cancel_work_item",
    "cancelled_work_item": "post_cancel_work_item",
    "created_case": "post_create_case",
    "completed_case": "post_complete_case",
    "suspended_case": "post_suspend_case",
    "resumed_case": "post_resume_case",
    "canceled_case": "post_cancel_case",
    "cancelled_case": "post_cancel_case",
}


def test_there_are_a_pre_and_a_post_event_for_all_that_happens() -> None:
    names = [f"{action}_work_item" for action in WORK_ITEM] + [f"{action}_case" for action in CASE]
    assert sorted(DECLARED) == sorted(f"{phase}_{name}" for phase in ("pre", "post") for name in names)


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_each_says_its_name_phase_subject_and_arguments(name: str) -> None:
    event = DECLARED[name]
    subject = "case" if name.endswith("_case") else "work_item"
    more = {"pre_create": ("validated_data",), "pre_reopen": ("work_items",), "post_reopen": ("work_items",)}
    action = name.removesuffix(f"_{subject}")
    assert (event.name, event.phase, event.subject) == (name, name.partition("_")[0], subject)
    assert event.arguments == (subject, *more.get(action, ()))


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_the_lane_of_an_event_is_the_family_of_its_case(name: str) -> None:
    root = Case()
    root.family = root
    child = Case(family=root)
    lane = DECLARED[name].lane
    assert lane is not None
    if name.endswith("_case"):
        assert lane({"case": child}) == f"case:{root.pk}"
        assert lane({"case": None}) is None
    else:
        assert lane({"work_item": WorkItem(case=child)}) == f"case:{root.pk}"
        assert lane({"work_item": None}) is None


@pytest.mark.parametrize(("former", "name"), ALIASES.items())
def test_former_names_are_the_post_events_and_warn_once(
    monkeypatch: pytest.MonkeyPatch, former: str, name: str
) -> None:
    monkeypatch.setattr(events, "_warned", set())
    with pytest.warns(DeprecationWarning, match=rf"^{former} is a former name: import {name} instead\.$") as caught:
        assert getattr(events, former) is DECLARED[name]
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert getattr(events, former) is DECLARED[name]


def test_there_are_no_other_names() -> None:
    assert set(events.DEPRECATED) == set(ALIASES)
    with pytest.raises(AttributeError, match="has no attribute 'eaten_work_item'"):
        _ = events.eaten_work_item


def test_the_events_can_be_imported_before_the_models_may_be() -> None:
    code = "import caluma_async.workflow; from caluma_async.workflow.events import post_create_case as e; print(e.name)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout, result.returncode) == ("post_create_case\n", 0), result.stderr
