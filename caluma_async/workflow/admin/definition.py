"""What is designed: tasks, workflows, and the flows between tasks."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from caluma_async.identity import User
from caluma_async.verbs import Verb, run
from caluma_async.verbs.admin import STAMPS, ReadOnlyAdmin, RemovingAdmin, VerbAdmin, VerbForm
from caluma_async.workflow.models import Flow, Task, TaskFlow, Workflow
from caluma_async.workflow.verbs.design import SAVE_TASK, AddWorkflowFlow, RemoveFlow, SaveWorkflow


class TaskForm(VerbForm):
    """What a task can be given; `form` only belongs to tasks with a form of their own."""

    continue_async = forms.BooleanField(required=False)

    class Meta:
        model = Task
        fields: ClassVar = [
            "slug",
            "type",
            "name",
            "description",
            "meta",
            "address_groups",
            "control_groups",
            "is_archived",
            "lead_time",
            "is_multiple_instance",
            "continue_async",
            "form",
        ]

    def verb(self) -> Verb[Any]:
        """The verb for this type of task."""
        given = {"slug": self.instance.pk, **self.given()}
        save = SAVE_TASK[given.pop("type", self.instance.type)]
        if given.get("form") is None and "form" not in save.cleaners:
            given.pop("form", None)
        return save(self.user, **given)


class WorkflowForm(VerbForm):
    """What a workflow can be given."""

    class Meta:
        model = Workflow
        fields: ClassVar = [
            "slug",
            "name",
            "description",
            "meta",
            "is_published",
            "is_archived",
            "start_tasks",
            "allow_all_forms",
            "allow_forms",
        ]

    def verb(self) -> Verb[Any]:
        """Saves the workflow."""
        return SaveWorkflow(self.user, **{"slug": self.instance.pk, **self.given()})


class FlowForm(VerbForm):
    """A flow with the tasks that share it: these and their workflow are chosen once."""

    workflow = forms.ModelChoiceField(Workflow.objects.all())
    tasks = forms.ModelMultipleChoiceField(Task.objects.all())
    redoable = forms.CharField(required=False, widget=forms.Textarea)

    class Meta:
        model = Flow
        fields: ClassVar = ["next"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "next" in self.fields:  # who may only look has no fields
            self.fields["next"].required = False
        if not self.instance._state.adding:
            self._show_ties()

    def _show_ties(self) -> None:
        ties = list(TaskFlow.objects.filter(flow=self.instance).order_by("task"))
        if ties:
            tied = {
                "workflow": ties[0].workflow_id,
                "redoable": ties[0].redoable,
                "tasks": [tie.task_id for tie in ties],
            }
            self.initial.update(tied)
        self.fields["workflow"].disabled = self.fields["tasks"].disabled = True

    def verb(self) -> AddWorkflowFlow:
        """Replaces the flow of these tasks."""
        given = {name: self.cleaned_data[name] for name in ("workflow", "next", "redoable")}
        return AddWorkflowFlow(self.user, tasks=list(self.cleaned_data["tasks"]), **given)


@admin.register(Task)
class TaskAdmin(VerbAdmin):
    """Tasks."""

    form = TaskForm
    list_display = ("slug", "name", "type", "is_multiple_instance", "is_archived", "modified_at", "modified_by_user")
    list_filter = ("type", "is_multiple_instance", "is_archived")
    search_fields = ("slug", "name", "description")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Slug and type are never changed."""
        return (*(("slug", "type") if obj else ()), *STAMPS)


@admin.register(Workflow)
class WorkflowAdmin(VerbAdmin):
    """Workflows."""

    form = WorkflowForm
    list_display = ("slug", "name", "is_published", "is_archived", "modified_at", "modified_by_user")
    list_filter = ("is_published", "is_archived")
    search_fields = ("slug", "name", "description")
    filter_horizontal = ("start_tasks", "allow_forms")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """A slug is never changed."""
        return (*(("slug",) if obj else ()), *STAMPS)


@admin.register(Flow)
class FlowAdmin(RemovingAdmin):
    """Flows."""

    form = FlowForm
    readonly_fields = STAMPS
    list_display = ("id", "next", "modified_at", "modified_by_user")
    list_filter = ("workflows",)
    search_fields = ("^id", "next", "task_flows__task__slug", "task_flows__workflow__slug")

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Run the verb; it says which flow it is."""
        verb = form.verb()
        run(verb)
        obj.pk = verb.flow.pk

    def removal(self, user: User, obj: Flow) -> RemoveFlow:
        """The verb that removes it."""
        return RemoveFlow(user, flow=obj)


@admin.register(TaskFlow)
class TaskFlowAdmin(ReadOnlyAdmin):
    """Which flow follows which task."""

    list_display = ("id", "workflow", "task", "flow", "redoable")
    list_filter = ("workflow",)
    list_select_related = ("workflow", "task", "flow")
    search_fields = ("^id", "workflow__slug", "task__slug")
