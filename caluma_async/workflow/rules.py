"""May this happen? Raises `Refused` with the reason if not, and never writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, Subquery

from caluma_async.errors import Refused
from caluma_async.form.models import Form
from caluma_async.identity import ANONYMOUS, User
from caluma_async.workflow.expressions import Moment, next_tasks
from caluma_async.workflow.models import Case, Task, TaskFlow, Workflow, WorkItem
from caluma_async.workflow.rows import Branch
from caluma_async.workflow.transitions import Transition

_ENDED: Final = frozenset({WorkItem.STATUS_COMPLETED, WorkItem.STATUS_SKIPPED})


def work_item_allows(work_item: WorkItem, transition: Transition) -> None:
    """The work item must be in a status that the transition starts from."""
    if work_item.status not in transition.allowed:
        raise Refused(f"Only {_either(WorkItem.STATUSES, transition.allowed)} work items can be {transition.done}.")


def case_allows(case: Case, transition: Transition) -> None:
    """The case must be in a status that the transition starts from."""
    if case.status not in transition.allowed:
        raise Refused(f"Only {_either(Case.STATUSES, transition.allowed)} cases can be {transition.done}.")


def case_runs(case: Case, transition: Transition) -> None:
    """Work items are completed and skipped while their case runs."""
    if case.status != Case.STATUS_RUNNING:
        raise Refused(f"Only work items of running cases can be {transition.done}.")


def child_case_has_ended(child_case: Case | None) -> None:
    """A work item is completed after its child case, not before."""
    if child_case is not None and child_case.status == Case.STATUS_RUNNING:
        raise Refused("Work items can only be completed when their child case is not running any more.")


def form_is_allowed(workflow: Workflow, form: Form, listed: bool) -> None:
    """A case has a document of a form that its workflow allows; `listed`: it is among the workflow's allowed forms."""
    if not (workflow.allow_all_forms or listed):
        raise Refused(f"Workflow '{workflow.pk}' does not allow the form '{form.pk}'.")


def may_become_parent(work_item: WorkItem) -> None:
    """A child case belongs to a ready work item, which has one at a time."""
    if work_item.status != WorkItem.STATUS_READY:
        raise Refused("Only ready work items can get a child case.")
    child = work_item.child_case
    if child is not None and child.status in {Case.STATUS_RUNNING, Case.STATUS_SUSPENDED}:
        raise Refused(f"The work item has a {child.status} child case already.")


def may_be_reopened(case: Case, parent: WorkItem | None, transition: Transition) -> None:
    """A case is reopened after it ended; a child case only while the work item that waits for it is ready."""
    case_allows(case, transition)
    if parent is not None and parent.status != WorkItem.STATUS_READY:
        raise Refused("A child case can only be reopened while its parent work item is ready.")


def end_branches(case: Case, work_items: Sequence[WorkItem]) -> None:
    """A case goes on where it ended: with its own work items that end a branch, as `rows.with_ends` tells."""
    for work_item in work_items:
        if work_item.case_id != case.pk:
            raise Refused(f"Work item {work_item.pk} does not belong to the case.")
        if not getattr(work_item, "ends_branch", True):
            raise Refused(
                f"Work item {work_item.pk} does not end a branch: only those without successors can be reopened."
            )


def may_get_another(task: Task, sibling: WorkItem | None) -> None:
    """More instances are made of multiple instance tasks, while one is being worked on."""
    if not task.is_multiple_instance:
        raise Refused(f"Task '{task.pk}' is not a multiple instance task, so no more work items of it can be created.")
    if sibling is None:
        raise Refused(f"The case has no ready work item of the task '{task.pk}', so no more of it can be created.")


def may_be_redone(work_item: WorkItem, tree: Tree, user: User, context: Any = None) -> None:
    """A work item is redone if a ready successor's flow says that its task may be."""
    if work_item.status == WorkItem.STATUS_READY:
        raise Refused("Ready work items cannot be redone.")
    if not tree.allows_redo(work_item, user, context):
        raise Refused(f"No ready successor of the work item allows to redo the task '{work_item.task_id}'.")


class Tree:
    """The work items of cases, by what came after what."""

    def __init__(self, work_items: Iterable[WorkItem]) -> None:
        self._by_previous: Mapping[UUID | None, list[WorkItem]] = defaultdict(list)
        for work_item in work_items:
            self._by_previous[work_item.previous_work_item_id].append(work_item)

    @classmethod
    def of(cls, cases: Collection[UUID]) -> Tree:
        """The work items of these cases in one statement, each with `redoable`, the expression of its task's flow."""
        task_flow = TaskFlow.objects.filter(workflow=OuterRef("case__workflow"), task=OuterRef("task"))
        work_items = WorkItem.objects.filter(case__in=cases).annotate(redoable=Subquery(task_flow.values("redoable")))
        return cls(work_items.order_by("pk"))

    def successors(self, work_item: WorkItem) -> list[WorkItem]:
        """What came after it, and after that, and so on."""
        found: dict[UUID, WorkItem] = {}
        waiting = [work_item.pk]
        while waiting:
            for successor in self._by_previous.get(waiting.pop(), ()):
                if successor.pk not in found and successor.pk != work_item.pk:
                    found[successor.pk] = successor
                    waiting.append(successor.pk)
        return list(found.values())

    def allows_redo(self, work_item: WorkItem, user: User, context: Any = None) -> bool:
        """Whether the flow after a ready successor names the work item's task as redoable."""
        for successor in self.successors(work_item):
            expression: str | None = getattr(successor, "redoable", None)
            if successor.status != WorkItem.STATUS_READY or not expression:
                continue
            moment = Moment(case=work_item.case, user=user, prev_work_item=successor, context=context)
            if work_item.task_id in next_tasks(expression, moment):
                return True
        return False


def redoable(work_items: Collection[UUID], user: User = ANONYMOUS) -> set[UUID]:
    """Those of the work items that can be redone now: two statements, however many there are."""
    asked = list(
        WorkItem.objects.filter(pk__in=work_items).exclude(status=WorkItem.STATUS_READY).select_related("case")
    )
    if not asked:
        return set()
    tree = Tree.of({work_item.case_id for work_item in asked})
    return {work_item.pk for work_item in asked if tree.allows_redo(work_item, user)}


def may_go_on(branches: Iterable[Branch]) -> bool:
    """Whether the flow after these tasks goes on: each has ended, and those that go on together have none ready."""
    return all(
        not branch.statuses.isdisjoint(_ENDED) and not (branch.together and WorkItem.STATUS_READY in branch.statuses)
        for branch in branches
    )


def _either(statuses: Iterable[str], allowed: Collection[str]) -> str:
    return " or ".join(status for status in statuses if status in allowed)
