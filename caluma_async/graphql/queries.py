"""All queries."""

from __future__ import annotations

import strawberry

from caluma_async.graphql.node import NodeQuery
from caluma_async.graphql.workflow.queries import WorkflowQueries


@strawberry.type
class Query(NodeQuery, WorkflowQueries):
    """What can be asked."""
