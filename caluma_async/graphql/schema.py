"""The schema that is served."""

from __future__ import annotations

from typing import Final

from strawberry.schema.config import StrawberryConfig

from caluma_async.graphql.events.scalars import EVENT_NAME, EventName
from caluma_async.graphql.execution import Schema
from caluma_async.graphql.fields import resolve_directly
from caluma_async.graphql.form.answers import ANSWER_TYPES
from caluma_async.graphql.form.history import HISTORICAL_TYPES
from caluma_async.graphql.form.questions import QUESTION_TYPES
from caluma_async.graphql.live.subscriptions import Subscription
from caluma_async.graphql.mutations import Mutation
from caluma_async.graphql.queries import Query
from caluma_async.graphql.scalars import SCALARS
from caluma_async.graphql.workflow.types import CompleteTaskFormTask, CompleteWorkflowFormTask, SimpleTask

schema: Final = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[
        SimpleTask,
        CompleteWorkflowFormTask,
        CompleteTaskFormTask,
        *QUESTION_TYPES,
        *ANSWER_TYPES,
        *HISTORICAL_TYPES,
    ],
    config=StrawberryConfig(scalar_map={**SCALARS, EventName: EVENT_NAME}),
)
resolve_directly(schema._schema)
