"""The type of options."""

from __future__ import annotations

from caluma_async.form import models
from caluma_async.graphql.fields import text
from caluma_async.graphql.records import Recorded
from caluma_async.graphql.relations import related
from caluma_async.graphql.relay import Node, node_type
from caluma_async.graphql.scalars import GenericScalar, QuestionJexl


@node_type(models.Option)
class Option(Node, Recorded):
    """One choice of a choice question. `isHidden` is an expression."""

    slug: str
    label: str = text("label")
    is_hidden: QuestionJexl
    is_archived: bool
    meta: GenericScalar | None
    source: Option | None = related(models.Option.source)
