"""The queries of the form domain."""

from __future__ import annotations

import strawberry

from caluma_async.form import models
from caluma_async.graphql.connections import connection
from caluma_async.graphql.form.document_filters import DocumentFilterSetType, DocumentOrderSetType
from caluma_async.graphql.form.dynamic_options import DynamicOption
from caluma_async.graphql.form.filters import DynamicOptionFilterSetType, FormFilterSetType, QuestionFilterSetType
from caluma_async.graphql.form.orders import DynamicOptionOrderSetType, FormOrderSetType, QuestionOrderSetType
from caluma_async.graphql.form.questions import Question
from caluma_async.graphql.form.sources import SourceQueries
from caluma_async.graphql.form.types import Document, Form
from caluma_async.graphql.pages import Connection


@strawberry.type
class FormQueries(SourceQueries):
    """What can be asked about forms."""

    all_forms: Connection[Form] | None = connection(models.Form, filters=FormFilterSetType, orders=FormOrderSetType)
    all_questions: Connection[Question] | None = connection(
        models.Question, filters=QuestionFilterSetType, orders=QuestionOrderSetType
    )
    all_used_dynamic_options: Connection[DynamicOption] | None = connection(
        models.DynamicOption, filters=DynamicOptionFilterSetType, orders=DynamicOptionOrderSetType
    )
    all_documents: Connection[Document] | None = connection(
        models.Document, filters=DocumentFilterSetType, orders=DocumentOrderSetType
    )
