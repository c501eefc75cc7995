"""All queries."""

from __future__ import annotations

import strawberry

from caluma_async.graphql.events.queries import EventQueries
from caluma_async.graphql.form.history import HistoryQueries
from caluma_async.graphql.form.queries import FormQueries
from caluma_async.graphql.form.validity import ValidityQueries
from caluma_async.graphql.node import NodeQuery
from caluma_async.graphql.workflow.queries import WorkflowQueries


@strawberry.type
class Query(NodeQuery, WorkflowQueries, FormQueries, ValidityQueries, HistoryQueries, EventQueries):
    """What can be asked."""
