"""The inputs of the mutations of the workflow domain."""

from __future__ import annotations

from datetime import datetime

import strawberry

from caluma_async.form.models import Form
from caluma_async.graphql.inputs import json_text, optional, reference, references
from caluma_async.graphql.scalars import FlowJexl, GroupJexl, JSONString
from caluma_async.graphql.verbs import ContextInput, Input
from caluma_async.workflow.models import Case, Flow, Task, Workflow, WorkItem


@strawberry.input
class SaveWorkflowInput(Input):
    """A workflow, new or changed by its slug."""

    slug: str
    name: str
    description: str | None = optional()
    meta: JSONString | None = json_text()
    start_tasks: list[strawberry.ID | None] = references(Task)
    allow_all_forms: bool | None = optional()
    allow_forms: list[strawberry.ID | None] | None = references(Form, optional=True)
    is_archived: bool | None = optional()
    is_published: bool | None = optional()


@strawberry.input
class AddWorkflowFlowInput(Input):
    """What follows these tasks in a workflow, and which tasks may be done again from there."""

    workflow: strawberry.ID = reference(Workflow)
    tasks: list[strawberry.ID | None] = references(Task)
    next: FlowJexl
    redoable: FlowJexl | None = optional()


@strawberry.input
class RemoveFlowInput(Input):
    """A flow to remove."""

    flow: strawberry.ID = reference(Flow)


@strawberry.input
class SaveTaskInput(Input):
    """A task, new or changed by its slug. `leadTime` is in seconds."""

    slug: str
    name: str
    description: str | None = optional()
    meta: JSONString | None = json_text()
    address_groups: GroupJexl | None = optional()
    control_groups: GroupJexl | None = optional()
    is_archived: bool | None = optional()
    lead_time: int | None = optional()
    is_multiple_instance: bool | None = optional()
    continue_async: bool | None = optional()


@strawberry.input
class SaveSimpleTaskInput(SaveTaskInput):
    """A simple task, new or changed by its slug. `leadTime` is in seconds."""


@strawberry.input
class SaveCompleteWorkflowFormTaskInput(SaveTaskInput):
    """A task on the case's document, new or changed by its slug. `leadTime` is in seconds."""


@strawberry.input
class SaveCompleteTaskFormTaskInput(SaveTaskInput):
    """A task on a document of its own, new or changed by its slug. `leadTime` is in seconds."""

    form: strawberry.ID = reference(Form)


@strawberry.input
class SaveCaseInput(ContextInput):
    """A case to start, or with the id of one, to change."""

    id: str | None = reference(Case, optional=True)
    workflow: strawberry.ID = reference(Workflow)
    meta: JSONString | None = json_text()
    parent_work_item: strawberry.ID | None = reference(WorkItem, optional=True)
    form: strawberry.ID | None = reference(Form, optional=True)


@strawberry.input
class StartCaseInput(ContextInput):
    """A case to start."""

    workflow: strawberry.ID = reference(Workflow)
    meta: JSONString | None = json_text()
    parent_work_item: strawberry.ID | None = reference(WorkItem, optional=True)
    form: strawberry.ID | None = reference(Form, optional=True)


@strawberry.input
class CaseInput(ContextInput):
    """A case to do something with."""

    id: strawberry.ID = reference(Case)


@strawberry.input
class CancelCaseInput(CaseInput):
    """A case to cancel."""


@strawberry.input
class SuspendCaseInput(CaseInput):
    """A case to suspend."""


@strawberry.input
class ResumeCaseInput(CaseInput):
    """A case to resume."""


@strawberry.input
class ReopenCaseInput(CaseInput):
    """A case to reopen, and the work items to go on with."""

    work_items: list[strawberry.ID | None] = references(WorkItem)


@strawberry.input
class WorkItemInput(ContextInput):
    """A work item to do something with."""

    id: strawberry.ID = reference(WorkItem)


@strawberry.input
class CompleteWorkItemInput(WorkItemInput):
    """A work item to complete."""


@strawberry.input
class SkipWorkItemInput(WorkItemInput):
    """A work item to skip."""


@strawberry.input
class CancelWorkItemInput(WorkItemInput):
    """A work item to cancel."""


@strawberry.input
class SuspendWorkItemInput(WorkItemInput):
    """A work item to suspend."""


@strawberry.input
class ResumeWorkItemInput(WorkItemInput):
    """A work item to resume."""


@strawberry.input
class RedoWorkItemInput(WorkItemInput):
    """A work item to do again."""


@strawberry.input
class SaveWorkItemInput(ContextInput):
    """A work item to change."""

    work_item: strawberry.ID = reference(WorkItem)
    name: str | None = optional()
    description: str | None = optional()
    assigned_users: list[str | None] | None = optional()
    deadline: datetime | None = optional()
    meta: JSONString | None = json_text()


@strawberry.input
class CreateWorkItemInput(ContextInput):
    """One more work item of a task with multiple instances."""

    case: strawberry.ID = reference(Case)
    multiple_instance_task: strawberry.ID = reference(Task)
    name: str | None = optional()
    description: str | None = optional()
    assigned_users: list[str | None] | None = optional()
    addressed_groups: list[str | None] | None = optional()
    controlling_groups: list[str | None] | None = optional()
    deadline: datetime | None = optional()
    meta: JSONString | None = json_text()
