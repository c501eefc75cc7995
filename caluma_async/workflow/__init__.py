"""The workflow domain: cases and work items, and the verbs that move them.

The verbs' classes can be imported from here. They are looked up when they are asked for, because this package is
imported before its models may be.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from caluma_async.workflow.verbs.cases import CancelCase, ReopenCase, ResumeCase, SaveCase, StartCase, SuspendCase
    from caluma_async.workflow.verbs.design import (
        AddWorkflowFlow,
        RemoveFlow,
        SaveCompleteTaskFormTask,
        SaveCompleteWorkflowFormTask,
        SaveSimpleTask,
        SaveWorkflow,
    )
    from caluma_async.workflow.verbs.work_items import (
        CancelWorkItem,
        CompleteWorkItem,
        CreateWorkItem,
        RedoWorkItem,
        ResumeWorkItem,
        SaveWorkItem,
        SkipWorkItem,
        SuspendWorkItem,
    )

_HOMES: Final = {
    "CancelCase": "cases",
    "ReopenCase": "cases",
    "ResumeCase": "cases",
    "SaveCase": "cases",
    "StartCase": "cases",
    "SuspendCase": "cases",
    "AddWorkflowFlow": "design",
    "RemoveFlow": "design",
    "SaveCompleteTaskFormTask": "design",
    "SaveCompleteWorkflowFormTask": "design",
    "SaveSimpleTask": "design",
    "SaveWorkflow": "design",
    "CancelWorkItem": "work_items",
    "CompleteWorkItem": "work_items",
    "CreateWorkItem": "work_items",
    "RedoWorkItem": "work_items",
    "ResumeWorkItem": "work_items",
    "SaveWorkItem": "work_items",
    "SkipWorkItem": "work_items",
    "SuspendWorkItem": "work_items",
}

__all__ = [
    "AddWorkflowFlow",
    "CancelCase",
    "CancelWorkItem",
    "CompleteWorkItem",
    "CreateWorkItem",
    "RedoWorkItem",
    "RemoveFlow",
    "ReopenCase",
    "ResumeCase",
    "ResumeWorkItem",
    "SaveCase",
    "SaveCompleteTaskFormTask",
    "SaveCompleteWorkflowFormTask",
    "SaveSimpleTask",
    "SaveWorkItem",
    "SaveWorkflow",
    "SkipWorkItem",
    "StartCase",
    "SuspendCase",
    "SuspendWorkItem",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.verbs.{_HOMES[name]}"), name)
