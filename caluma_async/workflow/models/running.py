"""What runs: cases, and the work items in them."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models

from caluma_async.form.models import Document
from caluma_async.identity import LONGEST_NAME
from caluma_async.records import LocalizedField, UUIDRecord
from caluma_async.workflow.models.definition import Task, Workflow


class Closable(UUIDRecord):
    """A record that somebody closes at some time."""

    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by_user = models.CharField(max_length=LONGEST_NAME, null=True, blank=True)
    closed_by_group = models.CharField(max_length=LONGEST_NAME, null=True, blank=True)

    class Meta(UUIDRecord.Meta):
        abstract = True


class Case(Closable):
    """One run of a workflow. `family` is the root case: its own for a root."""

    STATUS_RUNNING: Final = "running"
    STATUS_COMPLETED: Final = "completed"
    STATUS_CANCELED: Final = "canceled"
    STATUS_SUSPENDED: Final = "suspended"
    STATUSES: ClassVar[tuple[str, ...]] = (STATUS_RUNNING, STATUS_COMPLETED, STATUS_CANCELED, STATUS_SUSPENDED)

    family = models.ForeignKey("self", on_delete=models.CASCADE, related_name="+")
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="cases", db_index=False)
    status = models.CharField(max_length=50, choices=[(name, name) for name in STATUSES], default=STATUS_RUNNING)
    meta = models.JSONField(default=dict, blank=True)
    document = models.OneToOneField(Document, null=True, blank=True, on_delete=models.PROTECT, related_name="case")

    class Meta(Closable.Meta):
        abstract = False
        indexes: ClassVar = [
            *UUIDRecord.Meta.indexes,
            models.Index(fields=["workflow", "status"], name="case_by_workflow"),
            models.Index(fields=["status", "created_at", "id"], name="case_by_status"),
        ]


class WorkItem(Closable):
    """One piece of work of a task, in a case."""

    STATUS_READY: Final = "ready"
    STATUS_COMPLETED: Final = "completed"
    STATUS_CANCELED: Final = "canceled"
    STATUS_SKIPPED: Final = "skipped"
    STATUS_SUSPENDED: Final = "suspended"
    STATUS_REDO: Final = "redo"
    STATUSES: ClassVar[tuple[str, ...]] = (
        STATUS_READY,
        STATUS_COMPLETED,
        STATUS_CANCELED,
        STATUS_SKIPPED,
        STATUS_SUSPENDED,
        STATUS_REDO,
    )

    name = LocalizedField()
    description = LocalizedField()
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="work_items", db_index=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="work_items", db_index=False)
    status = models.CharField(max_length=50, choices=[(name, name) for name in STATUSES], default=STATUS_READY)
    meta = models.JSONField(default=dict, blank=True)
    addressed_groups = models.JSONField(default=list, blank=True)
    controlling_groups = models.JSONField(default=list, blank=True)
    assigned_users = models.JSONField(default=list, blank=True)
    deadline = models.DateTimeField(null=True, blank=True)
    child_case = models.OneToOneField(
        Case, null=True, blank=True, on_delete=models.SET_NULL, related_name="parent_work_item"
    )
    document = models.OneToOneField(Document, null=True, blank=True, on_delete=models.PROTECT, related_name="work_item")
    previous_work_item = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="succeeding_work_items"
    )

    class Meta(Closable.Meta):
        abstract = False
        indexes: ClassVar = [
            *UUIDRecord.Meta.indexes,
            models.Index(fields=["case", "status"], name="workitem_by_case"),
            models.Index(fields=["task", "status"], name="workitem_by_task"),
            models.Index(fields=["status", "created_at", "id"], name="workitem_by_status"),
        ]
