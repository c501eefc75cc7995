"""The event types of the workflow domain, written out; which verb emits which is told in `transitions.py` and `verbs/`.

The lane of an event is the family of its case: what happens in one family is delivered in the order in which it
happened.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.apps import apps

from caluma_async.events.event import EventType


def family_lane(family: object) -> str:
    """The lane of what happens in a case family, given the key of its root case."""
    return f"case:{family}"


def lane_of_document(family: UUID) -> str | None:
    """The lane of what happens in a family of documents, given the key of its root; `None` if no case has it."""
    of_case = apps.get_model("workflow", "Case").objects.filter(document=family).values_list("family")
    of_item = apps.get_model("workflow", "WorkItem").objects.filter(document=family).values_list("case__family")
    for (case,) in of_case.union(of_item):
        return family_lane(case)
    return None


def _case_family(arguments: Mapping[str, Any]) -> str | None:
    case = arguments.get("case")
    return None if case is None else family_lane(case.family_id)


def _work_item_family(arguments: Mapping[str, Any]) -> str | None:
    work_item = arguments.get("work_item")
    return None if work_item is None else family_lane(work_item.case.family_id)


def _case(name: str, phase: str, *more: str) -> EventType:
    return EventType(name, phase=phase, subject="case", arguments=("case", *more), lane=_case_family)


def _work_item(name: str, phase: str, *more: str) -> EventType:
    return EventType(name, phase=phase, subject="work_item", arguments=("work_item", *more), lane=_work_item_family)


pre_create_work_item: Final = _work_item("pre_create_work_item", "pre", "validated_data")
post_create_work_item: Final = _work_item("post_create_work_item", "post")
pre_complete_work_item: Final = _work_item("pre_complete_work_item", "pre")
post_complete_work_item: Final = _work_item("post_complete_work_item", "post")
pre_cancel_work_item: Final = _work_item("pre_cancel_work_item", "pre")
post_cancel_work_item: Final = _work_item("post_cancel_work_item", "post")
pre_skip_work_item: Final = _work_item("pre_skip_work_item", "pre")
post_skip_work_item: Final = _work_item("post_skip_work_item", "post")
pre_suspend_work_item: Final = _work_item("pre_suspend_work_item", "pre")
post_suspend_work_item: Final = _work_item("post_suspend_work_item", "post")
pre_resume_work_item: Final = _work_item("pre_resume_work_item", "pre")
post_resume_work_item: Final = _work_item("post_resume_work_item", "post")
pre_redo_work_item: Final = _work_item("pre_redo_work_item", "pre")
post_redo_work_item: Final = _work_item("post_redo_work_item", "post")

pre_create_case: Final = _case("pre_create_case", "pre", "validated_data")
post_create_case: Final = _case("post_create_case", "post")
pre_complete_case: Final = _case("pre_complete_case", "pre")
post_complete_case: Final = _case("post_complete_case", "post")
pre_cancel_case: Final = _case("pre_cancel_case", "pre")
post_cancel_case: Final = _case("post_cancel_case", "post")
pre_suspend_case: Final = _case("pre_suspend_case", "pre")
post_suspend_case: Final = _case("post_suspend_case", "post")
pre_resume_case: Final = _case("pre_resume_case", "pre")
post_resume_case: Final = _case("post_resume_case", "post")
pre_reopen_case: Final = _case("pre_reopen_case", "pre", "work_items")
post_reopen_case: Final = _case("post_reopen_case", "post", "work_items")

DEPRECATED: Final[Mapping[str, EventType]] = {
    "created_work_item": post_create_work_item,
    "completed_work_item": post_complete_work_item,
    "skipped_work_item": post_skip_work_item,
    "suspended_work_item": post_suspend_work_item,
    "resumed_work_item": post_resume_work_item,
    "canceled_work_item": post_cancel_work_item,
    "cancelled_work_item": post_cancel_work_item,
    "created_case": post_create_case,
    "completed_case": post_complete_case,
    "suspended_case": post_suspend_case,
    "resumed_case": post_resume_case,
    "canceled_case": post_cancel_case,
    "cancelled_case": post_cancel_case,
}
"""Former names; each is the event type itself and warns once per process when it is asked for."""

_warned: set[str] = set()


def __getattr__(name: str) -> EventType:
    if name not in DEPRECATED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _warned:
        _warned.add(name)
        instead = DEPRECATED[name].name
        warnings.warn(f"{name} is a former name: import {instead} instead.", DeprecationWarning, stacklevel=2)
    return DEPRECATED[name]
