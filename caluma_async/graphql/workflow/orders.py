"""What the connections of the workflow domain can be sorted by."""

from __future__ import annotations

from typing import Any

import strawberry
from django.db.models import F, OuterRef, Subquery

from caluma_async.form.models import Answer, Question
from caluma_async.graphql.filters.json import SortableAnswer
from caluma_async.graphql.localized import shown_text
from caluma_async.graphql.ordering import Ordered, Value, attribute, key_of, sorts_by
from caluma_async.graphql.relay import key_of as id_of
from caluma_async.graphql.workflow.enums import (
    SortableCaseAttributes,
    SortableFlowAttributes,
    SortableTaskAttributes,
    SortableWorkflowAttributes,
    SortableWorkItemAttributes,
)
from caluma_async.workflow.models import TaskFlow


def _by_answer(document: str) -> Any:
    """By the answer to a question, given by its slug, in the document at that path."""

    def meaning(question: str) -> Value:
        slug = id_of(question, Question, "order")
        answers = Answer.objects.filter(document=OuterRef(document), question=slug)
        return Subquery(answers.values(sorts_by=SortableAnswer(F("value"), F("date")))[:1])

    return sorts_by(meaning)


def _first_task() -> Value:
    return Subquery(TaskFlow.objects.filter(flow=OuterRef("pk")).order_by("task_id").values("task_id")[:1])


def _localized(*attributes: Any) -> dict[Any, Any]:
    return {attribute: lambda path=attribute.value: shown_text(path) for attribute in attributes}


@strawberry.input
class CaseOrderSetType(Ordered):
    """An order of cases."""

    attribute: SortableCaseAttributes | None = attribute(_localized(SortableCaseAttributes.DOCUMENT__FORM__NAME))
    document_answer: str | None = _by_answer("document_id")


@strawberry.input
class WorkItemOrderSetType(Ordered):
    """An order of work items."""

    attribute: SortableWorkItemAttributes | None = attribute(
        _localized(
            SortableWorkItemAttributes.DESCRIPTION,
            SortableWorkItemAttributes.NAME,
            SortableWorkItemAttributes.CASE__DOCUMENT__FORM__NAME,
        )
    )
    case_meta: str | None = key_of("case__meta")
    document_answer: str | None = _by_answer("document_id")
    case_document_answer: str | None = _by_answer("case__document_id")


@strawberry.input
class FlowOrderSetType(Ordered):
    """An order of flows. They have no meta: `meta` changes nothing."""

    attribute: SortableFlowAttributes | None = attribute({SortableFlowAttributes.TASK: _first_task})


@strawberry.input
class TaskOrderSetType(Ordered):
    """An order of tasks."""

    attribute: SortableTaskAttributes | None = attribute(
        _localized(SortableTaskAttributes.DESCRIPTION, SortableTaskAttributes.NAME)
    )


@strawberry.input
class WorkflowOrderSetType(Ordered):
    """An order of workflows."""

    attribute: SortableWorkflowAttributes | None = attribute(
        _localized(SortableWorkflowAttributes.DESCRIPTION, SortableWorkflowAttributes.NAME)
    )
