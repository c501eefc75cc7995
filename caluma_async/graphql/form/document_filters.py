"""What the connections of documents and answers can be filtered and sorted by."""

from __future__ import annotations

from enum import Enum

import strawberry
from django.db.models import F, Q

from caluma_async.form.models import Document, Form, Question
from caluma_async.graphql.filters.conditions import means, refers, refers_to_any
from caluma_async.graphql.filters.json import SortableAnswer
from caluma_async.graphql.filters.meta import MetaFilters
from caluma_async.graphql.form.having_answers import HasAnswerFilterType, has_answers
from caluma_async.graphql.form.searching_answers import (
    SearchAnswersFilterType,
    search_answers,
    searches_answers,
    searches_documents,
)
from caluma_async.graphql.form.sorting_by_answers import by_answer
from caluma_async.graphql.form.visible_fields import visible_answers
from caluma_async.graphql.ordering import MetaOrdered, attribute
from caluma_async.graphql.relay import key_of


@strawberry.enum
class SortableDocumentAttributes(Enum):
    """What documents can be sorted by."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    FORM = "form_id"


@strawberry.enum
class SortableAnswerAttributes(Enum):
    """What answers can be sorted by."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    QUESTION = "question_id"
    VALUE = "value"
    DATE = "date"


@strawberry.input
class DocumentFilterSetType(MetaFilters):
    """A filter of documents: one key, and perhaps `invert`."""

    id: strawberry.ID | None = refers(Document, "pk", "id")
    form: strawberry.ID | None = refers(Form, "form", "form")
    forms: list[strawberry.ID | None] | None = refers_to_any(Form, "form", "forms")
    has_answer: list[HasAnswerFilterType | None] | None = has_answers("pk")
    search_answers: list[SearchAnswersFilterType | None] | None = search_answers("pk")
    search: str | None = searches_documents()
    root_document: strawberry.ID | None = means(
        lambda value: Q(family=key_of(value, Document, "rootDocument")), names=Document
    )


@strawberry.input
class DocumentOrderSetType(MetaOrdered):
    """An order of documents."""

    attribute: SortableDocumentAttributes | None = attribute()
    answer_value: str | None = by_answer("pk")


@strawberry.input
class AnswerFilterSetType(MetaFilters):
    """A filter of answers: one key, and perhaps `invert`."""

    question: strawberry.ID | None = refers(Question, "question", "question")
    questions: list[strawberry.ID | None] | None = refers_to_any(Question, "question", "questions")
    search: str | None = searches_answers()
    visible_in_context: bool | None = visible_answers()


@strawberry.input
class AnswerOrderSetType(MetaOrdered):
    """An order of answers."""

    attribute: SortableAnswerAttributes | None = attribute(
        {SortableAnswerAttributes.VALUE: lambda _: SortableAnswer(F("value"), F("date"))}
    )
