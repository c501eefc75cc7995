"""What is designed before anything runs: tasks, workflows, and the flows that lead from task to task."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models

from caluma_async.form.models import Form
from caluma_async.records import LocalizedField, SlugRecord, UUIDRecord


class Task(SlugRecord):
    """A kind of work. Its groups are expressions; `lead_time` is in seconds."""

    TYPE_SIMPLE: Final = "simple"
    TYPE_COMPLETE_WORKFLOW_FORM: Final = "complete_workflow_form"
    TYPE_COMPLETE_TASK_FORM: Final = "complete_task_form"
    TYPES: ClassVar[tuple[str, ...]] = (TYPE_SIMPLE, TYPE_COMPLETE_WORKFLOW_FORM, TYPE_COMPLETE_TASK_FORM)

    name = LocalizedField()
    description = LocalizedField()
    type = models.CharField(max_length=50, choices=[(name, name) for name in TYPES])
    meta = models.JSONField(default=dict, blank=True)
    address_groups = models.TextField(null=True, blank=True)
    control_groups = models.TextField(null=True, blank=True)
    is_archived = models.BooleanField(default=False)
    lead_time = models.PositiveIntegerField(null=True, blank=True)
    is_multiple_instance = models.BooleanField(default=False)
    continue_async = models.BooleanField(null=True, default=False)
    form = models.ForeignKey(Form, null=True, blank=True, on_delete=models.PROTECT, related_name="tasks")

    class Meta(SlugRecord.Meta):
        abstract = False


class Flow(UUIDRecord):
    """What comes next, as an expression. It may be shared by several tasks of a workflow."""

    next = models.TextField()

    class Meta(UUIDRecord.Meta):
        abstract = False


class Workflow(SlugRecord):
    """A way through tasks, from its start tasks on."""

    name = LocalizedField()
    description = LocalizedField()
    meta = models.JSONField(default=dict, blank=True)
    is_published = models.BooleanField(default=False)
    is_archived = models.BooleanField(default=False)
    start_tasks = models.ManyToManyField(Task, related_name="+")
    allow_all_forms = models.BooleanField(default=False)
    allow_forms = models.ManyToManyField(Form, related_name="workflows", blank=True)
    flows = models.ManyToManyField(Flow, through="TaskFlow", related_name="workflows")

    class Meta(SlugRecord.Meta):
        abstract = False


class TaskFlow(UUIDRecord):
    """Which flow follows a task in a workflow, and which tasks may be done again from there."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="task_flows")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="task_flows")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="task_flows")
    redoable = models.TextField(null=True, blank=True)

    class Meta(UUIDRecord.Meta):
        abstract = False
        constraints: ClassVar = [models.UniqueConstraint(fields=["workflow", "task"], name="one_flow_per_task")]
