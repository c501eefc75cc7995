"""What comes next: from a flow to tasks, from tasks to groups, from groups to work items. Plans; never writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from caluma_async.errors import Refused
from caluma_async.records import LocalizedText
from caluma_async.workflow import rows, rules
from caluma_async.workflow.expressions import Moment, groups_of, next_tasks
from caluma_async.workflow.models import Task, WorkItem

Fields = dict[str, Any]
"""What a new work item is made of: names of its fields, to values."""

_OPEN: Final = frozenset({WorkItem.STATUS_READY, WorkItem.STATUS_SUSPENDED})


@dataclass(kw_only=True)
class Plan:
    """Which work items are to be made, and which, set to redo earlier, become ready again instead."""

    create: list[Fields] = field(default_factory=list)
    again: list[WorkItem] = field(default_factory=list)


def goes_on(work_item: WorkItem, route: rows.Route) -> bool:
    """Whether the flow goes on after this work item, or waits for siblings or for the tasks that share it."""
    task = work_item.task
    alone = not route.others_ready or not task.is_multiple_instance or bool(task.continue_async)
    if alone and not route.shared:
        return True
    case = work_item.case
    return rules.may_go_on(rows.branches(case.pk, task.pk, route.flow, case.workflow_id))


def after(route: rows.Route, moment: Moment, now: datetime) -> Plan | None:
    """What comes next by the flow; `None` if nothing does.

    Raises `Refused` if the flow leads to tasks that do not exist.
    """
    slugs = next_tasks(route.next, moment)
    if not slugs:
        return None
    found = rows.tasks_with_items(slugs, moment.case.pk)
    missing = [slug for slug in slugs if slug not in found]
    if missing:
        listed = ", ".join(repr(slug) for slug in missing)
        raise Refused(f"The flow of workflow '{moment.case.workflow_id}' leads to tasks that do not exist: {listed}.")
    plan = Plan()
    for slug in slugs:
        _add(plan, *found[slug], moment, now)
    return plan


def start(tasks: Iterable[Task], moment: Moment, now: datetime) -> Plan:
    """The work items that a case begins with."""
    plan = Plan()
    for task in tasks:
        _add(plan, task, [], moment, now)
    return plan


def new_work_item(task: Task, addressed: list[str], controlling: list[str], moment: Moment, now: datetime) -> Fields:
    """The fields of one new work item of a task."""
    return {
        "task": task,
        "case": moment.case,
        "status": WorkItem.STATUS_READY,
        "name": LocalizedText(task.name),
        "description": LocalizedText(task.description),
        "addressed_groups": addressed,
        "controlling_groups": controlling,
        "assigned_users": [],
        "deadline": None if task.lead_time is None else now + timedelta(seconds=task.lead_time),
        "meta": {},
        "previous_work_item": moment.prev_work_item,
    }


def _add(plan: Plan, task: Task, existing: Sequence[WorkItem], moment: Moment, now: datetime) -> None:
    addressed = groups_of(task.address_groups, task, moment)
    controlling = groups_of(task.control_groups, task, moment)
    for groups in _portions(task, addressed):
        if not task.is_multiple_instance and _with_groups(existing, groups, _OPEN):
            continue
        again = _with_groups(existing, groups, {WorkItem.STATUS_REDO})
        if again is None:
            plan.create.append(new_work_item(task, groups, list(controlling), moment, now))
        else:
            again.case = moment.case
            plan.again.append(again)


def _portions(task: Task, groups: list[str]) -> list[list[str]]:
    """The groups of each work item: one item per group of a multiple instance task, one at least."""
    if task.is_multiple_instance and groups:
        return [[group] for group in groups]
    return [groups]


def _with_groups(items: Iterable[WorkItem], groups: Sequence[str], statuses: Iterable[str]) -> WorkItem | None:
    wanted = set(groups)
    return next((each for each in items if each.status in statuses and set(each.addressed_groups) == wanted), None)
