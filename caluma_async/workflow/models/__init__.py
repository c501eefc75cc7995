"""The tables of the workflow domain."""

from caluma_async.workflow.models.definition import Flow, Task, TaskFlow, Workflow
from caluma_async.workflow.models.running import Case, WorkItem

__all__ = ["Case", "Flow", "Task", "TaskFlow", "WorkItem", "Workflow"]
