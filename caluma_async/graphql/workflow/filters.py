"""What the connections of the workflow domain can be filtered by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import strawberry
from django.db.models import Exists, F, Model, OuterRef, Q

from caluma_async.form.models import Document, Form
from caluma_async.graphql.context import Context
from caluma_async.graphql.filters.conditions import (
    any_of,
    before,
    equals,
    means,
    means_for_user,
    refers,
    refers_to_any,
    since,
)
from caluma_async.graphql.filters.meta import (
    JSONValueFilterType,
    MetaFilters,
    RecordFilters,
    has_values,
    in_words,
    overlaps,
    reads,
)
from caluma_async.graphql.form.having_answers import HasAnswerFilterType, answered, has_answers, reached
from caluma_async.graphql.form.searching_answers import SearchAnswersFilterType, search_answers
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.relay import key_of
from caluma_async.graphql.workflow.enums import CaseStatusArgument, Status, Type
from caluma_async.workflow.models import Case, Task, TaskFlow, Workflow, WorkItem

_CASE: Final[Mapping[str, type[Model]]] = {"case": Case}
_ROOT_CASE: Final[Mapping[str, type[Model]]] = {"case": Case, "case__family": Case}
_DOCUMENT: Final[Mapping[str, type[Model]]] = {"document": Document}
_CASE_DOCUMENT: Final[Mapping[str, type[Model]]] = {"case": Case, "case__document": Document}


def _has_task() -> Any:
    """The flow follows this task."""

    def meaning(value: str) -> Q:
        task = str(key_of(value, Task, "task"))
        return Q(Exists(TaskFlow.objects.filter(flow=OuterRef("pk"), task=task)))

    return means(meaning, names=Task)


def _has_work_item() -> Any:
    """The case has a work item whose document has these answers."""

    def meaning(wanted: Sequence[Mapping[str, Any]], context: Context) -> Q:
        work_items = visible(WorkItem, context).filter(case=OuterRef("pk"))
        found = work_items.filter(answered("document_id", wanted, context), reached(_DOCUMENT, context))
        return Q(Exists(found))

    return means_for_user(meaning)


@strawberry.input
class CaseFilterSetType(MetaFilters):
    """A filter of cases: one key, and perhaps `invert`."""

    workflow: strawberry.ID | None = refers(Workflow, "workflow", "workflow")
    ids: list[strawberry.ID | None] | None = refers_to_any(Case, "pk", "ids")
    document_form: str | None = refers(Form, "document__form", "documentForm", reaches=_DOCUMENT)
    document_forms: list[str | None] | None = refers_to_any(Form, "document__form", "documentForms", reaches=_DOCUMENT)
    root_case: strawberry.ID | None = refers(Case, "family", "rootCase")
    status: list[CaseStatusArgument | None] | None = any_of("status")
    has_answer: list[HasAnswerFilterType | None] | None = has_answers("document_id", _DOCUMENT)
    work_item_document_has_answer: list[HasAnswerFilterType | None] | None = _has_work_item()
    search_answers: list[SearchAnswersFilterType | None] | None = search_answers("document_id", _DOCUMENT)
    exclude_child_cases: bool | None = means(lambda value: Q(family=F("pk")) if value else None)


@strawberry.input
class WorkItemFilterSetType(MetaFilters):
    """A filter of work items: one key, and perhaps `invert`."""

    id: strawberry.ID | None = refers(WorkItem, "pk", "id")
    status: Status | None = equals("status")
    name: str | None = reads("name")
    task: strawberry.ID | None = refers(Task, "task", "task")
    tasks: list[str | None] | None = refers_to_any(Task, "task", "tasks")
    case: strawberry.ID | None = refers(Case, "case", "case")
    case_family: strawberry.ID | None = refers(Case, "case__family", "caseFamily")
    created_at: datetime | None = equals("created_at")
    closed_at: datetime | None = equals("closed_at")
    modified_at: datetime | None = equals("modified_at")
    deadline: datetime | None = equals("deadline")
    deadline_before: datetime | None = before("deadline")
    deadline_after: datetime | None = since("deadline")
    has_deadline: bool | None = means(lambda value: Q(deadline__isnull=not value))
    addressed_groups: list[str | None] | None = overlaps("addressed_groups")
    controlling_groups: list[str | None] | None = overlaps("controlling_groups")
    assigned_users: list[str | None] | None = overlaps("assigned_users")
    case_document_forms: list[str | None] | None = refers_to_any(
        Form, "case__document__form", "caseDocumentForms", reaches=_CASE_DOCUMENT
    )
    document_has_answer: list[HasAnswerFilterType | None] | None = has_answers("document_id", _DOCUMENT)
    case_document_has_answer: list[HasAnswerFilterType | None] | None = has_answers("case__document_id", _CASE_DOCUMENT)
    case_search_answers: list[SearchAnswersFilterType | None] | None = search_answers(
        "case__document_id", _CASE_DOCUMENT
    )
    case_meta_value: list[JSONValueFilterType | None] | None = has_values("case__meta", reaches=_CASE)
    root_case_meta_value: list[JSONValueFilterType | None] | None = has_values("case__family__meta", reaches=_ROOT_CASE)


@strawberry.input
class FlowFilterSetType(RecordFilters):
    """A filter of flows: one key, and perhaps `invert`."""

    task: strawberry.ID | None = _has_task()


@strawberry.input
class TaskFilterSetType(MetaFilters):
    """A filter of tasks: one key, and perhaps `invert`."""

    slug: str | None = refers(Task, "slug", "slug")
    slugs: list[str | None] | None = refers_to_any(Task, "slug", "slugs")
    name: str | None = reads("name")
    description: str | None = reads("description")
    type: Type | None = equals("type")
    is_archived: bool | None = equals("is_archived")
    search: str | None = in_words("slug", "name", "description")


@strawberry.input
class WorkflowFilterSetType(MetaFilters):
    """A filter of workflows: one key, and perhaps `invert`."""

    slug: str | None = refers(Workflow, "slug", "slug")
    name: str | None = reads("name")
    description: str | None = reads("description")
    is_published: bool | None = equals("is_published")
    is_archived: bool | None = equals("is_archived")
    search: str | None = in_words("slug", "name", "description")
