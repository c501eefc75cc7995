"""All queries."""

from __future__ import annotations

import strawberry

from caluma_async.graphql.events.queries import EventQueries
from caluma_async.graphql.node import NodeQuery
from caluma_async.graphql.workflow.queries import WorkflowQueries


@strawberry.type
class Query(NodeQuery, WorkflowQueries, EventQueries):
    """What can be asked."""
