"""Stands for `caluma.caluma_workflow.schema`: mutations are our verbs' classes, types are the tables.

Legacy code uses these names as keys: `sender=CompleteWorkItem`, a permission for `SaveCase`, a visibility of `Case`.
"""

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
from caluma_async.workflow.models import Case, Flow, Task, TaskFlow, Workflow, WorkItem
from caluma_async.workflow.verbs.design import SaveTask

SimpleTask = CompleteWorkflowFormTask = CompleteTaskFormTask = Task

__all__ = [
    "AddWorkflowFlow",
    "CancelCase",
    "CancelWorkItem",
    "Case",
    "CompleteTaskFormTask",
    "CompleteWorkItem",
    "CompleteWorkflowFormTask",
    "CreateWorkItem",
    "Flow",
    "RedoWorkItem",
    "RemoveFlow",
    "ReopenCase",
    "ResumeCase",
    "ResumeWorkItem",
    "SaveCase",
    "SaveCompleteTaskFormTask",
    "SaveCompleteWorkflowFormTask",
    "SaveSimpleTask",
    "SaveTask",
    "SaveWorkItem",
    "SaveWorkflow",
    "SimpleTask",
    "SkipWorkItem",
    "StartCase",
    "SuspendCase",
    "SuspendWorkItem",
    "Task",
    "TaskFlow",
    "WorkItem",
    "Workflow",
]
