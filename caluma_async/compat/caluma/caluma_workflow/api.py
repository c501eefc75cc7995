"""Stands for `caluma.caluma_workflow.api`: the verbs as functions."""

from caluma_async.workflow.api import (
    cancel_case,
    cancel_work_item,
    complete_work_item,
    create_work_item,
    redo_work_item,
    reopen_case,
    resume_case,
    resume_work_item,
    skip_work_item,
    start_case,
    suspend_case,
    suspend_work_item,
)

__all__ = [
    "cancel_case",
    "cancel_work_item",
    "complete_work_item",
    "create_work_item",
    "redo_work_item",
    "reopen_case",
    "resume_case",
    "resume_work_item",
    "skip_work_item",
    "start_case",
    "suspend_case",
    "suspend_work_item",
]
