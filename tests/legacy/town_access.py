"""Who may do and see what in a town hall: classes that were written for Caluma and have grown for years."""

from caluma.caluma_core.mutation import Mutation
from caluma.caluma_core.permissions import BasePermission, object_permission_for, permission_for
from caluma.caluma_core.relay import extract_global_id
from caluma.caluma_core.types import Node
from caluma.caluma_core.validations import BaseValidation, validation_for
from caluma.caluma_core.visibilities import BaseVisibility, Union, filter_queryset_for
from caluma.caluma_form.schema import Form
from caluma.caluma_workflow.models import WorkItem as WorkItemModel
from caluma.caluma_workflow.schema import (
    CancelCase,
    Case,
    CompleteWorkItem,
    CreateWorkItem,
    SaveCase,
    SaveWorkItem,
    Task,
    Workflow,
    WorkItem,
)
from django.core.exceptions import ValidationError


class TownPermission(BasePermission):
    @permission_for(Mutation)
    def has_permission_default(self, mutation, info):
        return "admin" in info.context.user.groups

    @permission_for(SaveCase)
    def has_permission_for_save_case(self, mutation, info):
        return info.context.request.user.is_authenticated

    @permission_for(CompleteWorkItem)
    @permission_for(CancelCase)
    @permission_for(SaveWorkItem)
    def has_permission_for_work(self, mutation, info):
        return bool(info.context.user.group) and "X-Forbidden" not in info.context.request.headers

    @permission_for(CreateWorkItem)
    def has_permission_for_create_work_item(self, mutation, info):
        given = mutation.get_params(info)["input"]
        key = extract_global_id(given["case"])
        return WorkItemModel.objects.filter(case=key, created_by_user=info.context.user.username).exists()

    @object_permission_for(CompleteWorkItem)
    def has_object_permission_for_complete(self, mutation, info, instance):
        return info.context.user.group in instance.addressed_groups


class OwnVisibility(BaseVisibility):
    @filter_queryset_for(Node)
    def filter_queryset_for_all(self, node, queryset, info):
        return queryset.filter(created_by_user=info.context.request.user.username)

    @filter_queryset_for(Task)
    @filter_queryset_for(Form)
    @filter_queryset_for(Workflow)
    def filter_queryset_public(self, node, queryset, info):
        return queryset


class ClerkVisibility(BaseVisibility):
    @filter_queryset_for(Case)
    def filter_queryset_for_case(self, node, queryset, info):
        # a case with several work items is found several times
        return queryset.filter(work_items__task__slug__startswith=info.context.user.group or "-")

    @filter_queryset_for(WorkItem)
    def filter_queryset_for_work_item(self, node, queryset, info):
        return queryset.filter(task__slug__startswith=info.context.user.group or "-")

    @filter_queryset_for(Node)
    def filter_queryset_for_all(self, node, queryset, info):
        return queryset.none()


class TownVisibility(Union):
    visibility_classes = (OwnVisibility, ClerkVisibility)
    suppress_visibilities = ("WorkItem.case", "Case.parentWorkItem")


class TownValidation(BaseValidation):
    @validation_for(Mutation)
    def validate_default(self, mutation, data, info):
        if info.context.user.username == "retired":
            raise ValidationError("You have retired.")
        return data

    @validation_for(SaveCase)
    def validate_save_case(self, mutation, data, info):
        data["meta"] = {**(data.get("meta") or {}), "door": info.context.user.group}
        return data
