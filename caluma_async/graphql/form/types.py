"""The types of forms and documents. Questions, options and answers have modules of their own."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from caluma_async.form import models
from caluma_async.graphql.connections import connection
from caluma_async.graphql.fields import optional_text, text
from caluma_async.graphql.form.answers import Answer
from caluma_async.graphql.form.contents import of_newest_answer
from caluma_async.graphql.form.document_filters import AnswerFilterSetType, AnswerOrderSetType
from caluma_async.graphql.form.filters import QuestionFilterSetType
from caluma_async.graphql.form.orders import QuestionOrderSetType
from caluma_async.graphql.form.questions import Question
from caluma_async.graphql.pages import Connection
from caluma_async.graphql.records import Recorded
from caluma_async.graphql.relations import related
from caluma_async.graphql.relay import Node, node_type
from caluma_async.graphql.scalars import GenericScalar

if TYPE_CHECKING:
    from caluma_async.graphql.workflow.types import Case, WorkItem

_WORKFLOW = "caluma_async.graphql.workflow.types"


@node_type(models.Form)
class Form(Node, Recorded):
    """What is asked."""

    slug: str
    name: str = text("name")
    description: str | None = optional_text("description")
    meta: GenericScalar | None
    is_published: bool
    is_archived: bool
    questions: Connection[Question] | None = connection(
        models.Question,
        below="form_questions__form",
        filters=QuestionFilterSetType,
        orders=QuestionOrderSetType,
        by_default=("-form_questions__sort", "pk"),
    )
    source: Form | None = related(models.Form.source)
    documents: Connection[Document] = connection(models.Document, below="form_id")


@node_type(models.Document)
class Document(Node, Recorded):
    """The answers to one form."""

    form: Form = related(models.Document.form)
    source: Document | None = related(models.Document.source)
    meta: GenericScalar | None
    copies: Connection[Document] = connection(models.Document, below="source_id")
    answers: Connection[Answer] | None = connection(
        models.Answer, below="document_id", filters=AnswerFilterSetType, orders=AnswerOrderSetType
    )
    case: Annotated[Case, strawberry.lazy(_WORKFLOW)] | None = related(models.Document.case)
    work_item: Annotated[WorkItem, strawberry.lazy(_WORKFLOW)] | None = related(models.Document.work_item)
    modified_content_at: datetime | None = of_newest_answer("modified_at")
    modified_content_by_user: str | None = of_newest_answer("modified_by_user")
    modified_content_by_group: str | None = of_newest_answer("modified_by_group")
