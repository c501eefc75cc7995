"""The type of dynamic options that were chosen."""

from __future__ import annotations

from caluma_async.form import models
from caluma_async.graphql.fields import text
from caluma_async.graphql.form.questions import DynamicQuestion
from caluma_async.graphql.form.types import Document
from caluma_async.graphql.records import Recorded
from caluma_async.graphql.relations import related
from caluma_async.graphql.relay import Node, node_type


@node_type(models.DynamicOption)
class DynamicOption(Node, Recorded):
    """A choice of a data source as it was when somebody chose it."""

    slug: str
    label: str = text("label")
    document: Document = related(models.DynamicOption.document)
    question: DynamicQuestion = related(models.DynamicOption.question)
