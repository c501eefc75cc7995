"""The design verbs as Python functions, each with an async twin; what runs afterwards is the business of `api`.

`fields` left out of a call stay as they are. All raise the errors of `caluma_async.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack
from uuid import UUID

from caluma_async.form.models import Form
from caluma_async.identity import User
from caluma_async.verbs import arun, run
from caluma_async.workflow.models import Flow, Task, Workflow
from caluma_async.workflow.verbs.design import (
    AddWorkflowFlow,
    RemoveFlow,
    SaveCompleteTaskFormTask,
    SaveCompleteWorkflowFormTask,
    SaveSimpleTask,
    SaveWorkflow,
)


class TaskFields(TypedDict, total=False):
    """What a task can be given; `lead_time` in seconds, groups as expressions."""

    name: str | Mapping[str, str | None]
    description: str | Mapping[str, str | None] | None
    meta: Mapping[str, Any] | None
    address_groups: str | None
    control_groups: str | None
    is_archived: bool
    lead_time: int | None
    is_multiple_instance: bool
    continue_async: bool


class TaskFormFields(TaskFields, total=False):
    """What a task with a form of its own can be given."""

    form: Form | str


class WorkflowFields(TypedDict, total=False):
    """What a workflow can be given."""

    name: str | Mapping[str, str | None]
    description: str | Mapping[str, str | None] | None
    meta: Mapping[str, Any] | None
    start_tasks: Sequence[Task | str]
    allow_all_forms: bool
    allow_forms: Sequence[Form | str]
    is_archived: bool
    is_published: bool


def save_simple_task(slug: str, user: User, **fields: Unpack[TaskFields]) -> Task:
    """Create or change a task that is completed by saying so."""
    return run(SaveSimpleTask(user, slug=slug, **fields))


async def asave_simple_task(slug: str, user: User, **fields: Unpack[TaskFields]) -> Task:
    """`save_simple_task` for coroutines."""
    return await arun(SaveSimpleTask(user, slug=slug, **fields))


def save_complete_workflow_form_task(slug: str, user: User, **fields: Unpack[TaskFields]) -> Task:
    """Create or change a task that is completed once the document of the case is valid."""
    return run(SaveCompleteWorkflowFormTask(user, slug=slug, **fields))


async def asave_complete_workflow_form_task(slug: str, user: User, **fields: Unpack[TaskFields]) -> Task:
    """`save_complete_workflow_form_task` for coroutines."""
    return await arun(SaveCompleteWorkflowFormTask(user, slug=slug, **fields))


def save_complete_task_form_task(slug: str, user: User, **fields: Unpack[TaskFormFields]) -> Task:
    """Create or change a task whose work items have a document of its form."""
    return run(SaveCompleteTaskFormTask(user, slug=slug, **fields))


async def asave_complete_task_form_task(slug: str, user: User, **fields: Unpack[TaskFormFields]) -> Task:
    """`save_complete_task_form_task` for coroutines."""
    return await arun(SaveCompleteTaskFormTask(user, slug=slug, **fields))


def save_workflow(slug: str, user: User, **fields: Unpack[WorkflowFields]) -> Workflow:
    """Create or change a workflow."""
    return run(SaveWorkflow(user, slug=slug, **fields))


async def asave_workflow(slug: str, user: User, **fields: Unpack[WorkflowFields]) -> Workflow:
    """`save_workflow` for coroutines."""
    return await arun(SaveWorkflow(user, slug=slug, **fields))


def add_workflow_flow(
    workflow: Workflow | str,
    tasks: Sequence[Task | str],
    next: str,  # noqa: A002 - the field's name
    user: User,
    *,
    redoable: str | None = None,
) -> Workflow:
    """Say what comes after the tasks of the workflow; `next` and `redoable` are flow expressions."""
    return run(AddWorkflowFlow(user, workflow=workflow, tasks=tasks, next=next, redoable=redoable))


async def aadd_workflow_flow(
    workflow: Workflow | str,
    tasks: Sequence[Task | str],
    next: str,  # noqa: A002 - the field's name
    user: User,
    *,
    redoable: str | None = None,
) -> Workflow:
    """`add_workflow_flow` for coroutines."""
    return await arun(AddWorkflowFlow(user, workflow=workflow, tasks=tasks, next=next, redoable=redoable))


def remove_flow(flow: Flow | UUID | str, user: User) -> Flow:
    """Remove a flow; returns it as it was."""
    return run(RemoveFlow(user, flow=flow))


async def aremove_flow(flow: Flow | UUID | str, user: User) -> Flow:
    """`remove_flow` for coroutines."""
    return await arun(RemoveFlow(user, flow=flow))
