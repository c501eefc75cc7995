"""The state table of work items and cases, as data: from which status to which, with which events, and what parts do.

Whether something may happen is asked by `rules.py`; it is done by `verbs/changes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from caluma_async.events.event import EventType
from caluma_async.workflow import events
from caluma_async.workflow.models import Case, WorkItem


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One way from a status to another.

    ``done`` is the word for it in messages. ``closes``: `True` notes who closed it and when, `False` takes that back,
    `None` leaves it. ``parts`` is the transition, in the other table, of what belongs to it: of the work items of a
    case, of the child case of a work item; only of those that are in a status it allows. ``along`` is the status that
    work items get with it without events of their own: the successors of what is redone, what a case is reopened with.
    """

    done: str
    allowed: frozenset[str]
    to: str
    before: EventType
    after: EventType
    closes: bool | None = None
    parts: str | None = None
    along: str | None = None


_READY: Final = frozenset({WorkItem.STATUS_READY})
_CLOSABLE: Final = frozenset({WorkItem.STATUS_READY, WorkItem.STATUS_SUSPENDED})
_RUNNING: Final = frozenset({Case.STATUS_RUNNING})
_OPEN: Final = frozenset({Case.STATUS_RUNNING, Case.STATUS_SUSPENDED})

WORK_ITEM: Final[Mapping[str, Transition]] = {
    "complete": Transition(
        done="completed",
        allowed=_READY,
        to=WorkItem.STATUS_COMPLETED,
        before=events.pre_complete_work_item,
        after=events.post_complete_work_item,
        closes=True,
    ),
    "skip": Transition(
        done="skipped",
        allowed=_READY,
        to=WorkItem.STATUS_SKIPPED,
        before=events.pre_skip_work_item,
        after=events.post_skip_work_item,
        closes=True,
        parts="cancel",
    ),
    "cancel": Transition(
        done="canceled",
        allowed=_CLOSABLE,
        to=WorkItem.STATUS_CANCELED,
        before=events.pre_cancel_work_item,
        after=events.post_cancel_work_item,
        closes=True,
        parts="cancel",
    ),
    "suspend": Transition(
        done="suspended",
        allowed=_READY,
        to=WorkItem.STATUS_SUSPENDED,
        before=events.pre_suspend_work_item,
        after=events.post_suspend_work_item,
        parts="suspend",
    ),
    "resume": Transition(
        done="resumed",
        allowed=frozenset({WorkItem.STATUS_SUSPENDED}),
        to=WorkItem.STATUS_READY,
        before=events.pre_resume_work_item,
        after=events.post_resume_work_item,
        parts="resume",
    ),
    "redo": Transition(
        done="redone",
        allowed=frozenset(WorkItem.STATUSES) - _READY,
        to=WorkItem.STATUS_READY,
        before=events.pre_redo_work_item,
        after=events.post_redo_work_item,
        closes=False,
        along=WorkItem.STATUS_REDO,
    ),
}

CASE: Final[Mapping[str, Transition]] = {
    "complete": Transition(
        done="completed",
        allowed=_RUNNING,
        to=Case.STATUS_COMPLETED,
        before=events.pre_complete_case,
        after=events.post_complete_case,
        closes=True,
    ),
    "cancel": Transition(
        done="canceled",
        allowed=_OPEN,
        to=Case.STATUS_CANCELED,
        before=events.pre_cancel_case,
        after=events.post_cancel_case,
        closes=True,
        parts="cancel",
    ),
    "suspend": Transition(
        done="suspended",
        allowed=_RUNNING,
        to=Case.STATUS_SUSPENDED,
        before=events.pre_suspend_case,
        after=events.post_suspend_case,
        parts="suspend",
    ),
    "resume": Transition(
        done="resumed",
        allowed=frozenset({Case.STATUS_SUSPENDED}),
        to=Case.STATUS_RUNNING,
        before=events.pre_resume_case,
        after=events.post_resume_case,
        parts="resume",
    ),
    "reopen": Transition(
        done="reopened",
        allowed=frozenset({Case.STATUS_COMPLETED, Case.STATUS_CANCELED}),
        to=Case.STATUS_RUNNING,
        before=events.pre_reopen_case,
        after=events.post_reopen_case,
        closes=False,
        along=WorkItem.STATUS_READY,
    ),
}
