"""The queries of the workflow domain."""

from __future__ import annotations

import strawberry

from caluma_async.graphql.connections import connection
from caluma_async.graphql.pages import Connection
from caluma_async.graphql.workflow.filters import (
    CaseFilterSetType,
    TaskFilterSetType,
    WorkflowFilterSetType,
    WorkItemFilterSetType,
)
from caluma_async.graphql.workflow.orders import (
    CaseOrderSetType,
    TaskOrderSetType,
    WorkflowOrderSetType,
    WorkItemOrderSetType,
)
from caluma_async.graphql.workflow.types import Case, Task, Workflow, WorkItem
from caluma_async.workflow import models


@strawberry.type
class WorkflowQueries:
    """What can be asked about workflows and what runs in them."""

    all_workflows: Connection[Workflow] | None = connection(
        models.Workflow, filters=WorkflowFilterSetType, orders=WorkflowOrderSetType
    )
    all_tasks: Connection[Task] | None = connection(models.Task, filters=TaskFilterSetType, orders=TaskOrderSetType)
    all_cases: Connection[Case] | None = connection(models.Case, filters=CaseFilterSetType, orders=CaseOrderSetType)
    all_work_items: Connection[WorkItem] | None = connection(
        models.WorkItem, filters=WorkItemFilterSetType, orders=WorkItemOrderSetType
    )
