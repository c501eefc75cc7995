"""What the connections of the workflow domain can be sorted by."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import strawberry
from django.db.models import OuterRef, Subquery

from caluma_async.form.models import Document, Form
from caluma_async.graphql.context import Context
from caluma_async.graphql.form.sorting_by_answers import by_answer
from caluma_async.graphql.localized import shown_text
from caluma_async.graphql.ordering import (
    MetaOrdered,
    Ordered,
    Reaches,
    Value,
    attribute,
    key_of,
    localized,
    seen,
)
from caluma_async.graphql.workflow.enums import (
    SortableCaseAttributes,
    SortableFlowAttributes,
    SortableTaskAttributes,
    SortableWorkflowAttributes,
    SortableWorkItemAttributes,
)
from caluma_async.workflow.models import Case, TaskFlow

_CASE: Final = {"case": Case}
_DOCUMENT: Final = {"document": Document}
_CASE_DOCUMENT: Final = {"case": Case, "case__document": Document}


def _first_task(context: Context) -> Value:
    return Subquery(TaskFlow.objects.filter(flow=OuterRef("pk")).order_by("task_id").values("task_id")[:1])


def _form_name(attribute: Enum, reaches: Reaches) -> dict[Enum, Any]:
    path = str(attribute.value)
    form: Reaches = {**reaches, path.removesuffix("__name"): Form}
    return {attribute: lambda context: seen(shown_text(path), form, context)}


@strawberry.input
class CaseOrderSetType(MetaOrdered):
    """An order of cases."""

    attribute: SortableCaseAttributes | None = attribute(
        _form_name(SortableCaseAttributes.DOCUMENT__FORM__NAME, _DOCUMENT)
    )
    document_answer: str | None = by_answer("document_id", _DOCUMENT)


@strawberry.input
class WorkItemOrderSetType(MetaOrdered):
    """An order of work items."""

    attribute: SortableWorkItemAttributes | None = attribute(
        localized(SortableWorkItemAttributes.DESCRIPTION, SortableWorkItemAttributes.NAME)
        | _form_name(SortableWorkItemAttributes.CASE__DOCUMENT__FORM__NAME, _CASE_DOCUMENT)
    )
    case_meta: str | None = key_of("case__meta", _CASE)
    document_answer: str | None = by_answer("document_id", _DOCUMENT)
    case_document_answer: str | None = by_answer("case__document_id", _CASE_DOCUMENT)


@strawberry.input
class FlowOrderSetType(Ordered):
    """An order of flows. They have no meta: `meta` changes nothing."""

    meta: str | None = strawberry.UNSET
    attribute: SortableFlowAttributes | None = attribute({SortableFlowAttributes.TASK: _first_task})


@strawberry.input
class TaskOrderSetType(MetaOrdered):
    """An order of tasks."""

    attribute: SortableTaskAttributes | None = attribute(
        localized(SortableTaskAttributes.DESCRIPTION, SortableTaskAttributes.NAME)
    )


@strawberry.input
class WorkflowOrderSetType(MetaOrdered):
    """An order of workflows."""

    attribute: SortableWorkflowAttributes | None = attribute(
        localized(SortableWorkflowAttributes.DESCRIPTION, SortableWorkflowAttributes.NAME)
    )
