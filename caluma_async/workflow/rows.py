"""The statements that verbs run on cases and work items: lock, look up, write. Asks not what may be written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, FilteredRelation, JSONField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from caluma_async.compiled import Compiled
from caluma_async.workflow.models import Case, Task, TaskFlow, Workflow, WorkItem

NOT_ENDED: Final = frozenset({WorkItem.STATUS_READY, WorkItem.STATUS_SUSPENDED, WorkItem.STATUS_REDO})


def lock_family_of_cases(cases: QuerySet[Case]) -> bool:
    """Wait until no other verb works on the family of this case; `False` if there is none among them."""
    return bool(_roots(cases.values("family")))


def lock_family_of_work_items(work_items: QuerySet[WorkItem]) -> bool:
    """Wait until no other verb works on the family of this work item's case; `False` if there is none among them."""
    return bool(_roots(work_items.values("case__family")))


def _roots(family: QuerySet[Any, Any]) -> QuerySet[Case, Any]:
    # SQLite leaves the FOR UPDATE out: BEGIN IMMEDIATE has locked the file
    return Case.objects.select_for_update().filter(pk__in=family).values_list("pk", flat=True)


lock_family_of_case: Final = Compiled(lambda key: _roots(Case.objects.filter(pk=key).values("family")))
"""As `lock_family_of_cases`, by key, for those who may see every case."""

lock_family_of_work_item: Final = Compiled(lambda key: _roots(WorkItem.objects.filter(pk=key).values("case__family")))
"""As `lock_family_of_work_items`, by key, for those who may see every work item."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """What decides on what comes after a work item: the flow of its task, and the rest of the case.

    ``next`` is the flow's expression. ``shared``: other tasks have the same flow. ``others_ready``: the case has other
    work items that are ready.
    """

    flow: UUID | None
    next: str | None
    shared: bool
    others_ready: bool

    @classmethod
    def of(cls, work_item: WorkItem) -> Route:
        """As `with_route` loaded it."""
        loaded: Any = work_item
        flow: Mapping[str, Any] = loaded.task_flow or {}
        return cls(
            flow=UUID(flow["flow"]) if flow else None,
            next=flow.get("next"),
            shared=bool(flow.get("shared")),
            others_ready=loaded.others_ready,
        )


def with_route(work_items: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
    """Work items with their task, their case, and what `Route.of` reads."""
    task_flow = TaskFlow.objects.filter(workflow=OuterRef("case__workflow"), task=OuterRef("task"))
    sharing = TaskFlow.objects.filter(workflow=OuterRef("workflow"), flow=OuterRef("flow")).exclude(pk=OuterRef("pk"))
    found = task_flow.values(found=JSONObject(flow="flow_id", next="flow__next", shared=Exists(sharing)))
    ready = WorkItem.objects.filter(case=OuterRef("case"), status=WorkItem.STATUS_READY).exclude(pk=OuterRef("pk"))
    return with_case(work_items).annotate(
        task_flow=Subquery(found, output_field=JSONField()), others_ready=Exists(ready)
    )


def with_case(work_items: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
    """Work items with their task and their case."""
    return work_items.select_related("task", "case")


work_item_with_route: Final = Compiled(lambda key: with_route(WorkItem.objects.filter(pk=key)))
"""As `with_route`, by key, for those who may see every work item."""

work_item_with_case: Final = Compiled(lambda key: with_case(WorkItem.objects.filter(pk=key)))
"""As `with_case`, by key, for those who may see every work item."""


def cases_with_parts(cases: QuerySet[Case], statuses: Collection[str]) -> list[tuple[Case, list[WorkItem]]]:
    """The cases with their work items of these statuses, each with its task: one statement.

    `cases` may come out of a look-up that finds one several times.
    """
    part = FilteredRelation("work_items", condition=Q(work_items__status__in=statuses))
    joined: Any = cases.annotate(part=part)  # the type checker knows no filtered relations
    rows = joined.select_related("part__task").order_by("pk", "part__pk")
    found: dict[UUID, tuple[Case, dict[UUID, WorkItem]]] = {}
    for row in rows:
        case, parts = found.setdefault(row.pk, (row, {}))
        work_item: WorkItem | None = getattr(row, "part", None)
        if work_item is not None and work_item.pk not in parts:
            work_item.case = case
            parts[work_item.pk] = work_item
    return [(case, list(parts.values())) for case, parts in found.values()]


def ready_sibling(cases: QuerySet[Case], task: str) -> WorkItem | None:
    """A ready work item of the task in one of the cases, with its task, its case and the work item before it."""
    ready = WorkItem.objects.filter(case__in=cases, task=task, status=WorkItem.STATUS_READY)
    return ready.select_related("task", "case", "previous_work_item").order_by("pk").first()


def with_ends(work_items: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
    """Work items with their task, and with `ends_branch`: whether no work items came after but ones to be redone."""
    after = WorkItem.objects.filter(previous_work_item=OuterRef("pk")).exclude(status=WorkItem.STATUS_REDO)
    return work_items.select_related("task").annotate(ends_branch=~Exists(after))


workflow_by_slug: Final = Compiled(lambda slug: Workflow.objects.filter(pk=slug))
"""The workflow, for those who may see every workflow."""


def _start_tasks(workflow: str) -> QuerySet[Task]:
    links = Workflow.start_tasks.through._default_manager.filter(workflow=workflow)
    return Task.objects.filter(pk__in=links.values("task")).order_by("pk")


start_tasks: Final = Compiled(_start_tasks)
"""The tasks that a new case of the workflow (its slug) begins with."""


def tasks_with_items(slugs: Sequence[str], case: UUID) -> dict[str, tuple[Task, list[WorkItem]]]:
    """The tasks by slug, each with its work items in the case that are ready, suspended or to be redone."""
    found: dict[str, tuple[Task, list[WorkItem]]] = {}
    for row in _tasks_with_items(tuple(slugs), case):
        task, items = found.setdefault(row.pk, (row, []))
        work_item: WorkItem | None = getattr(row, "item", None)
        if work_item is not None:
            work_item.task = task
            items.append(work_item)
    return found


def _tasks_and_items(slugs: Sequence[str], case: UUID) -> QuerySet[Task]:
    condition = Q(work_items__case=case, work_items__status__in=sorted(NOT_ENDED))
    joined: Any = Task.objects.filter(pk__in=slugs).annotate(item=FilteredRelation("work_items", condition=condition))
    ordered: QuerySet[Task] = joined.select_related("item").order_by("item__pk")
    return ordered


_tasks_with_items: Final = Compiled(_tasks_and_items)


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A task in a case: the statuses that its work items have, and whether they go on only together."""

    together: bool
    statuses: frozenset[str]


def branches(case: UUID, task: str, flow: UUID | None, workflow: str) -> list[Branch]:
    """The task, and those after which the same flow comes in the workflow: one statement."""
    sharing = TaskFlow.objects.filter(flow=flow, workflow=workflow).values("task")
    item = FilteredRelation("work_items", condition=Q(work_items__case=case))
    tasks: Any = Task.objects.filter(Q(pk=task) | Q(pk__in=sharing)).annotate(item=item)
    found: dict[tuple[str, bool], set[str]] = {}
    for slug, multiple, alone, status in tasks.values_list(
        "pk", "is_multiple_instance", "continue_async", "item__status"
    ).distinct():
        found.setdefault((slug, multiple and not alone), set()).add(status)
    return [Branch(together=together, statuses=frozenset(each)) for (_, together), each in found.items()]


def fresh(row: Case | WorkItem) -> Case | WorkItem | None:
    """The row as the database has it now; a work item with its case."""
    if isinstance(row, WorkItem):
        return WorkItem.objects.filter(pk=row.pk).select_related("case").first()
    return Case.objects.filter(pk=row.pk).first()
