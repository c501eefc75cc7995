"""The schema that is served."""

from __future__ import annotations

from typing import Final

from strawberry.schema.config import StrawberryConfig

from caluma_async.graphql.execution import Schema
from caluma_async.graphql.fields import resolve_directly
from caluma_async.graphql.mutations import Mutation
from caluma_async.graphql.queries import Query
from caluma_async.graphql.scalars import SCALARS
from caluma_async.graphql.workflow.types import CompleteTaskFormTask, CompleteWorkflowFormTask, SimpleTask

schema: Final = Schema(
    query=Query,
    mutation=Mutation,
    types=[SimpleTask, CompleteWorkflowFormTask, CompleteTaskFormTask],
    config=StrawberryConfig(scalar_map=SCALARS),
)
resolve_directly(schema._schema)
