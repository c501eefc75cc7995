"""The workflow domain in Django's admin: whatever changes something there goes through the verbs."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from caluma_async.identity import User
from caluma_async.verbs import Verb, run
from caluma_async.verbs.admin import (
    STAMPS,
    ReadOnlyAdmin,
    VerbAdmin,
    VerbForm,
    acting_user,
    shown_when_refused,
    verb_action,
)
from caluma_async.workflow.models import Case, Flow, Task, TaskFlow, Workflow, WorkItem
from caluma_async.workflow.verbs.cases import CancelCase, ReopenCase, ResumeCase, SuspendCase
from caluma_async.workflow.verbs.design import (
    SAVE_TASK,
    AddWorkflowFlow,
    RemoveFlow,
    SaveWorkflow,
)
from caluma_async.workflow.verbs.work_items import (
    CancelWorkItem,
    CompleteWorkItem,
    RedoWorkItem,
    ResumeWorkItem,
    SkipWorkItem,
    SuspendWorkItem,
)


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
        self.fields["next"].required = False
        if not self.instance._state.adding:
            self._show_ties()

    def _show_ties(self) -> None:
        ties = list(TaskFlow.objects.filter(flow=self.instance))
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


def reopen_with(user: User, *, id: UUID) -> ReopenCase:  # noqa: A002 - as the verbs' own
    """The verb that reopens the case of a work item with this work item."""
    case = WorkItem.objects.values_list("case", flat=True).get(pk=id)
    return ReopenCase(user, id=case, work_items=[id])


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
class FlowAdmin(VerbAdmin):
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

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As Django's permissions say."""
        return super(VerbAdmin, self).has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Run the verb."""
        run(RemoveFlow(acting_user(request), flow=obj))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Run the verb for each."""
        for flow in queryset:
            self.delete_model(request, flow)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the verb refuses is shown as a message."""
        return shown_when_refused(
            request, lambda: super(FlowAdmin, self).delete_view(request, object_id, extra_context)
        )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The ties to the tasks go with a flow: no permission of their own is asked for these."""
        shown, counts, _, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected


@admin.register(TaskFlow)
class TaskFlowAdmin(ReadOnlyAdmin):
    """Which flow follows which task."""

    list_display = ("id", "workflow", "task", "flow", "redoable")
    list_filter = ("workflow",)
    list_select_related = ("workflow", "task", "flow")
    search_fields = ("^id", "workflow__slug", "task__slug")


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    """Cases."""

    list_display = ("id", "workflow", "status", "created_at", "created_by_user", "closed_at")
    list_filter = ("status", "workflow", "created_at")
    list_select_related = ("workflow",)
    search_fields = ("^id", "^family__id", "workflow__slug")
    show_full_result_count = False
    actions = (
        verb_action(CancelCase, "Cancel cases"),
        verb_action(SuspendCase, "Suspend cases"),
        verb_action(ResumeCase, "Resume cases"),
    )


@admin.register(WorkItem)
class WorkItemAdmin(ReadOnlyAdmin):
    """Work items."""

    list_display = ("id", "name", "task", "case", "status", "deadline", "created_at", "closed_at")
    list_filter = ("status", "task", "case__workflow", "created_at")
    list_select_related = ("task", "case")
    search_fields = ("^id", "^case__id", "task__slug")
    show_full_result_count = False
    actions = (
        verb_action(CompleteWorkItem, "Complete work items"),
        verb_action(SkipWorkItem, "Skip work items"),
        verb_action(CancelWorkItem, "Cancel work items"),
        verb_action(SuspendWorkItem, "Suspend work items"),
        verb_action(ResumeWorkItem, "Resume work items"),
        verb_action(RedoWorkItem, "Redo work items"),
        verb_action(reopen_with, "Reopen the case with these work items"),
    )
