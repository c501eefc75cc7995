"""The tasks of a workflow: those that it starts with, and those that its flows lead from or name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any

from graphql import get_named_type

from caluma_async.graphql.context import Context
from caluma_async.graphql.loaders import loaded, visible
from caluma_async.graphql.relations import reach
from caluma_async.graphql.selection import ResolveInfo, selected
from caluma_async.workflow.expressions import tasks_of
from caluma_async.workflow.models import Task, TaskFlow, Workflow


def named_tasks(source: Workflow, info: ResolveInfo, /, **_: Any) -> Awaitable[list[Task]]:
    """The resolver of `Workflow.tasks`: in the order in which the tasks were made."""
    return loaded(info, source.pk, lambda: NamedTasks(info))


class NamedTasks:
    """Loads the tasks of many workflows in three statements: called with their slugs."""

    def __init__(self, info: ResolveInfo) -> None:
        self._context: Context = info.context
        self._reach = reach(get_named_type(info.return_type), selected(info), info)

    def __call__(self, workflows: Sequence[str]) -> list[list[Task]]:
        named = _names(workflows)
        found = self._found({name for names in named.values() for name in names})
        return [[task for slug, task in found.items() if slug in named[workflow]] for workflow in workflows]

    def _found(self, slugs: Collection[str]) -> Mapping[str, Task]:
        tasks = visible(Task, self._context).filter(pk__in=slugs).order_by("created_at", "pk")
        return {task.pk: task for task in self._reach.loaded_by(tasks)}


def _names(workflows: Sequence[str]) -> Mapping[str, set[str]]:
    named: dict[str, set[str]] = defaultdict(set)
    flows = TaskFlow.objects.filter(workflow__in=workflows)
    for workflow, task, following in flows.values_list("workflow_id", "task_id", "flow__next"):
        named[workflow] |= {task, *tasks_of(following)}
    starts = Workflow.start_tasks.through.objects.filter(workflow__in=workflows)
    for workflow, task in starts.values_list("workflow_id", "task_id"):
        named[workflow].add(task)
    return named
