"""What runs: cases and work items, with an action for each verb that takes them from one status to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from caluma_async.form.models import Form
from caluma_async.identity import User
from caluma_async.verbs.admin import STAMPS, VerbAdmin, VerbForm, link_to, verb_action
from caluma_async.workflow.models import Case, WorkItem
from caluma_async.workflow.verbs.cases import CancelCase, ReopenCase, ResumeCase, SaveCase, SuspendCase
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

CLOSED = ("closed_at", "closed_by_user", "closed_by_group")


class CaseForm(VerbForm):
    """What a case can be given: the form, until it has a document."""

    form = forms.ModelChoiceField(Form.objects.all(), required=False, help_text="The case gets a document of it.")

    class Meta:
        model = Case
        fields: ClassVar = ["meta"]

    def verb(self) -> SaveCase:
        """Changes the case."""
        return SaveCase(self.user, id=self.instance.pk, **self.given())


class StartForm(CaseForm):
    """What a case is started with."""

    parent_work_item = forms.UUIDField(required=False, help_text="Of this work item, it becomes the child case.")

    class Meta:
        model = Case
        fields: ClassVar = ["workflow", "meta"]

    def verb(self) -> SaveCase:
        """Starts the case."""
        return SaveCase(self.user, **self.given())


class WorkItemForm(VerbForm):
    """What a work item can be given."""

    class Meta:
        model = WorkItem
        fields: ClassVar = ["name", "description", "assigned_users", "deadline", "meta"]

    def verb(self) -> SaveWorkItem | CreateWorkItem:
        """Changes the work item."""
        return SaveWorkItem(self.user, work_item=self.instance.pk, **self.given())


class OneMoreForm(WorkItemForm):
    """What one more work item of a task is made of; where it says nothing, the task does."""

    class Meta:
        model = WorkItem
        fields: ClassVar = ["case", "task", *WorkItemForm.Meta.fields, "addressed_groups", "controlling_groups"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False

    def verb(self) -> CreateWorkItem:
        """Makes the work item."""
        given = {name: value for name, value in self.given().items() if value}
        return CreateWorkItem(self.user, multiple_instance_task=given.pop("task"), **given)


def reopen_with(user: User, *, id: UUID, keys: Sequence[UUID]) -> ReopenCase:  # noqa: A002 - as the verbs' own
    """The verb that reopens a case with some of its work items."""
    return ReopenCase(user, id=id, work_items=keys)


@admin.register(Case)
class CaseAdmin(VerbAdmin):
    """Cases."""

    form = StartForm
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

    def get_form(self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any) -> Any:
        """One to start a case, or to change one."""
        if obj is not None:
            kwargs["form"] = CaseForm if obj.document_id is None else type("CaseForm", (CaseForm,), {"form": None})
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """What the verbs keep; a new case has none of it yet."""
        kept = ("workflow", "status", "document", "family", "parent", *CLOSED, *STAMPS)
        return kept if obj else ()

    @admin.display(description="parent work item")
    def parent(self, case: Case) -> str:
        """The work item whose child case it is."""
        parent = getattr(case, "parent_work_item", None)
        return "-" if parent is None else link_to(parent)


@admin.register(WorkItem)
class WorkItemAdmin(VerbAdmin):
    """Work items. One more can be made of a task that may have several."""

    form = OneMoreForm
    raw_id_fields = ("case",)
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
        verb_action(reopen_with, "Reopen the case with these work items", of="case"),
    )

    def get_form(self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any) -> Any:
        """One to make a work item, or to change one."""
        if obj is not None:
            kwargs["form"] = WorkItemForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """What the verbs keep; a new work item has none of it yet."""
        groups = ("addressed_groups", "controlling_groups")
        kept = ("case", "task", "status", *groups, "document", "child_case", "previous_work_item", *CLOSED, *STAMPS)
        return kept if obj else ()
