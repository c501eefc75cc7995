"""The types of the workflow domain."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from caluma_async.form.models import Form as FormModel
from caluma_async.graphql.connections import connection, listing
from caluma_async.graphql.events.types import Event, family_events
from caluma_async.graphql.fields import answered_by, optional_text, text
from caluma_async.graphql.form.types import Document, Form
from caluma_async.graphql.loaders import loaded
from caluma_async.graphql.pages import Connection
from caluma_async.graphql.records import Recorded
from caluma_async.graphql.relations import related
from caluma_async.graphql.relay import Node, node_type, type_name
from caluma_async.graphql.scalars import FlowJexl, GenericScalar, GroupJexl
from caluma_async.graphql.selection import ResolveInfo
from caluma_async.graphql.workflow.enums import CaseStatus, WorkItemStatus
from caluma_async.graphql.workflow.filters import FlowFilterSetType, WorkItemFilterSetType
from caluma_async.graphql.workflow.named_tasks import named_tasks
from caluma_async.graphql.workflow.orders import FlowOrderSetType, WorkItemOrderSetType
from caluma_async.workflow import models
from caluma_async.workflow.rules import redoable


def _task_type(instance: models.Task, *_: Any) -> str:
    return type_name(instance)


def _is_redoable(source: models.WorkItem, info: ResolveInfo, /, **_: Any) -> Awaitable[bool]:
    return loaded(info, source.pk, lambda: _which_are_redoable)


def _which_are_redoable(keys: Sequence[UUID]) -> list[bool]:
    found = redoable(keys)
    return [key in found for key in keys]


@strawberry.interface
class Task:
    """A kind of work. Its groups are expressions."""

    id: strawberry.ID
    created_at: datetime
    modified_at: datetime
    created_by_user: str | None
    created_by_group: str | None
    slug: str
    name: str = text("name")
    description: str | None = optional_text("description")
    is_archived: bool
    address_groups: GroupJexl | None
    control_groups: GroupJexl | None
    meta: GenericScalar
    is_multiple_instance: bool
    continue_async: bool | None

    resolve_type = staticmethod(_task_type)


@node_type(models.Task, attribute="type", value=models.Task.TYPE_SIMPLE)
class SimpleTask(Node, Task, Recorded):
    """Work that somebody says is done. `leadTime` is in seconds."""

    lead_time: int | None


@node_type(models.Task, attribute="type", value=models.Task.TYPE_COMPLETE_WORKFLOW_FORM)
class CompleteWorkflowFormTask(Node, Task, Recorded):
    """Work that is done when the case's document is complete. `leadTime` is in seconds."""

    lead_time: int | None


@node_type(models.Task, attribute="type", value=models.Task.TYPE_COMPLETE_TASK_FORM)
class CompleteTaskFormTask(Node, Task, Recorded):
    """Work that is done when a document of its own is complete. `leadTime` is in seconds."""

    lead_time: int | None
    form: Form = related(models.Task.form)


@node_type(models.Flow)
class Flow(Node, Recorded):
    """What comes next, as an expression."""

    next: FlowJexl
    tasks: list[Task | None] = listing(models.Task, below="task_flows__flow")


@node_type(models.Workflow)
class Workflow(Node, Recorded):
    """A way through tasks. `tasks` are those that it starts with or that its flows name."""

    slug: str
    name: str = text("name")
    description: str | None = optional_text("description")
    meta: GenericScalar | None
    is_published: bool
    is_archived: bool
    start_tasks: list[Task | None] = listing(
        models.Task, below=models.Workflow._meta.get_field("start_tasks").remote_field.name
    )
    allow_all_forms: bool
    allow_forms: Connection[Form] = connection(FormModel, below="workflows")
    tasks: list[Task | None] = answered_by(named_tasks)
    flows: Connection[Flow] | None = connection(
        models.Flow, below="task_flows__workflow", filters=FlowFilterSetType, orders=FlowOrderSetType
    )


@node_type(models.Case)
class Case(Node, Recorded):
    """One run of a workflow."""

    family: Case | None = related(models.Case.family)
    closed_at: datetime | None
    closed_by_user: str | None
    closed_by_group: str | None
    workflow: Workflow = related(models.Case.workflow)
    status: CaseStatus
    meta: GenericScalar | None
    document: Document | None = related(models.Case.document)
    work_items: Connection[WorkItem] | None = connection(
        models.WorkItem, below="case_id", filters=WorkItemFilterSetType, orders=WorkItemOrderSetType
    )
    parent_work_item: WorkItem | None = related(models.Case.parent_work_item)
    events: Connection[Event] | None = family_events()
    family_work_items: Connection[WorkItem] | None = connection(
        models.WorkItem,
        below="case__family_id",
        own_key="family_id",
        filters=WorkItemFilterSetType,
        orders=WorkItemOrderSetType,
    )


@node_type(models.WorkItem)
class WorkItem(Node, Recorded):
    """One piece of work of a task, in a case."""

    name: str = text("name")
    description: str | None = optional_text("description")
    closed_at: datetime | None
    closed_by_user: str | None
    closed_by_group: str | None
    deadline: datetime | None
    task: Task = related(models.WorkItem.task)
    status: WorkItemStatus
    meta: GenericScalar | None
    addressed_groups: list[str | None]
    controlling_groups: list[str | None]
    assigned_users: list[str | None]
    case: Case = related(models.WorkItem.case)
    child_case: Case | None = related(models.WorkItem.child_case)
    document: Document | None = related(models.WorkItem.document)
    previous_work_item: WorkItem | None = related(models.WorkItem.previous_work_item)
    succeeding_work_items: Connection[WorkItem] = connection(models.WorkItem, below="previous_work_item_id")
    is_redoable: bool | None = answered_by(_is_redoable)
