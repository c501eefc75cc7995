"""The mutations of the workflow domain: for each its verb, its input, and what it answers."""

from __future__ import annotations

import strawberry

from caluma_async.graphql.verbs import Payload, mutation
from caluma_async.graphql.workflow import inputs
from caluma_async.graphql.workflow.types import Case, Flow, Task, Workflow, WorkItem
from caluma_async.workflow import (
    AddWorkflowFlow,
    CancelCase,
    CancelWorkItem,
    CompleteWorkItem,
    CreateWorkItem,
    RedoWorkItem,
    RemoveFlow,
    ReopenCase,
    ResumeCase,
    ResumeWorkItem,
    SaveCase,
    SaveCompleteTaskFormTask,
    SaveCompleteWorkflowFormTask,
    SaveSimpleTask,
    SaveWorkflow,
    SaveWorkItem,
    SkipWorkItem,
    StartCase,
    SuspendCase,
    SuspendWorkItem,
)


@strawberry.type
class WorkflowPayload(Payload):
    """A workflow."""

    workflow: Workflow | None


@strawberry.type
class TaskPayload(Payload):
    """A task."""

    task: Task | None


@strawberry.type
class CasePayload(Payload):
    """A case."""

    case: Case | None


@strawberry.type
class WorkItemPayload(Payload):
    """A work item."""

    work_item: WorkItem | None


@strawberry.type
class SaveWorkflowPayload(WorkflowPayload):
    """The workflow that was saved."""


@strawberry.type
class AddWorkflowFlowPayload(WorkflowPayload):
    """The workflow with its new flow."""


@strawberry.type
class RemoveFlowPayload(Payload):
    """The flow that was removed."""

    flow: Flow | None


@strawberry.type
class SaveSimpleTaskPayload(TaskPayload):
    """The task that was saved."""


@strawberry.type
class SaveCompleteWorkflowFormTaskPayload(TaskPayload):
    """The task that was saved."""


@strawberry.type
class SaveCompleteTaskFormTaskPayload(TaskPayload):
    """The task that was saved."""


@strawberry.type
class SaveCasePayload(CasePayload):
    """The case that was started or changed."""


@strawberry.type
class StartCasePayload(CasePayload):
    """The case that was started."""


@strawberry.type
class CancelCasePayload(CasePayload):
    """The case that was canceled."""


@strawberry.type
class SuspendCasePayload(CasePayload):
    """The case that was suspended."""


@strawberry.type
class ResumeCasePayload(CasePayload):
    """The case that was resumed."""


@strawberry.type
class ReopenCasePayload(CasePayload):
    """The case that was reopened."""


@strawberry.type
class CompleteWorkItemPayload(WorkItemPayload):
    """The work item that was completed."""


@strawberry.type
class SkipWorkItemPayload(WorkItemPayload):
    """The work item that was skipped."""


@strawberry.type
class CancelWorkItemPayload(WorkItemPayload):
    """The work item that was canceled."""


@strawberry.type
class SuspendWorkItemPayload(WorkItemPayload):
    """The work item that was suspended."""


@strawberry.type
class ResumeWorkItemPayload(WorkItemPayload):
    """The work item that was resumed."""


@strawberry.type
class RedoWorkItemPayload(WorkItemPayload):
    """The work item that is to be done again."""


@strawberry.type
class SaveWorkItemPayload(WorkItemPayload):
    """The work item that was changed."""


@strawberry.type
class CreateWorkItemPayload(WorkItemPayload):
    """The work item that was created."""


@strawberry.type
class WorkflowMutations:
    """What can be done with workflows, cases and work items."""

    save_workflow: SaveWorkflowPayload | None = mutation(SaveWorkflow, inputs.SaveWorkflowInput, "workflow")
    add_workflow_flow: AddWorkflowFlowPayload | None = mutation(
        AddWorkflowFlow, inputs.AddWorkflowFlowInput, "workflow"
    )
    remove_flow: RemoveFlowPayload | None = mutation(RemoveFlow, inputs.RemoveFlowInput, "flow")
    save_simple_task: SaveSimpleTaskPayload | None = mutation(SaveSimpleTask, inputs.SaveSimpleTaskInput, "task")
    save_complete_workflow_form_task: SaveCompleteWorkflowFormTaskPayload | None = mutation(
        SaveCompleteWorkflowFormTask, inputs.SaveCompleteWorkflowFormTaskInput, "task"
    )
    save_complete_task_form_task: SaveCompleteTaskFormTaskPayload | None = mutation(
        SaveCompleteTaskFormTask, inputs.SaveCompleteTaskFormTaskInput, "task"
    )
    save_case: SaveCasePayload | None = mutation(SaveCase, inputs.SaveCaseInput, "case")
    start_case: StartCasePayload | None = mutation(
        StartCase, inputs.StartCaseInput, "case", deprecation_reason="Use saveCase."
    )
    cancel_case: CancelCasePayload | None = mutation(CancelCase, inputs.CancelCaseInput, "case")
    suspend_case: SuspendCasePayload | None = mutation(SuspendCase, inputs.SuspendCaseInput, "case")
    resume_case: ResumeCasePayload | None = mutation(ResumeCase, inputs.ResumeCaseInput, "case")
    reopen_case: ReopenCasePayload | None = mutation(ReopenCase, inputs.ReopenCaseInput, "case")
    complete_work_item: CompleteWorkItemPayload | None = mutation(
        CompleteWorkItem, inputs.CompleteWorkItemInput, "work_item"
    )
    skip_work_item: SkipWorkItemPayload | None = mutation(SkipWorkItem, inputs.SkipWorkItemInput, "work_item")
    cancel_work_item: CancelWorkItemPayload | None = mutation(CancelWorkItem, inputs.CancelWorkItemInput, "work_item")
    suspend_work_item: SuspendWorkItemPayload | None = mutation(
        SuspendWorkItem, inputs.SuspendWorkItemInput, "work_item"
    )
    resume_work_item: ResumeWorkItemPayload | None = mutation(ResumeWorkItem, inputs.ResumeWorkItemInput, "work_item")
    redo_work_item: RedoWorkItemPayload | None = mutation(RedoWorkItem, inputs.RedoWorkItemInput, "work_item")
    save_work_item: SaveWorkItemPayload | None = mutation(SaveWorkItem, inputs.SaveWorkItemInput, "work_item")
    create_work_item: CreateWorkItemPayload | None = mutation(CreateWorkItem, inputs.CreateWorkItemInput, "work_item")
