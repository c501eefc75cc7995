"""What the connections of documents and answers can be filtered and sorted by."""

from __future__ import annotations

from enum import Enum

import strawberry
from django.db.models import F, Q

from caluma_async.form.models import Document, Form, Question
from caluma_async.graphql.filters.conditions import means, refers, refers_to_any
from caluma_async.graphql.filters.json import SortableAnswer
from caluma_async.graphql.filters.meta import MetaFilters
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
    root_document: strawberry.ID | None = means(
        lambda value: Q(family=key_of(value, Document, "rootDocument")), names=Document
    )


@strawberry.input
class DocumentOrderSetType(MetaOrdered):
    """An order of documents."""

    attribute: SortableDocumentAttributes | None = attribute()


@strawberry.input
class AnswerFilterSetType(MetaFilters):
    """A filter of answers: one key, and perhaps `invert`."""

    question: strawberry.ID | None = refers(Question, "question", "question")
    questions: list[strawberry.ID | None] | None = refers_to_any(Question, "question", "questions")


@strawberry.input
class AnswerOrderSetType(MetaOrdered):
    """An order of answers."""

    attribute: SortableAnswerAttributes | None = attribute(
        {SortableAnswerAttributes.VALUE: lambda _: SortableAnswer(F("value"), F("date"))}
    )
