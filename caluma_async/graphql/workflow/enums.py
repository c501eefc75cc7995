"""The enumerations of the workflow domain: names as in the contract, values as they are stored or sorted by."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum
class CaseStatus(Enum):
    """How a case stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELED = "canceled"
    SUSPENDED = "suspended"


@strawberry.enum
class CaseStatusArgument(Enum):
    """How a case stands, in filters."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELED = "canceled"
    SUSPENDED = "suspended"


@strawberry.enum
class WorkItemStatus(Enum):
    """How a work item stands."""

    READY = "ready"
    COMPLETED = "completed"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    SUSPENDED = "suspended"
    REDO = "redo"


@strawberry.enum
class Status(Enum):
    """How a work item stands, in filters."""

    READY = "ready"
    COMPLETED = "completed"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    SUSPENDED = "suspended"
    REDO = "redo"


@strawberry.enum
class Type(Enum):
    """What kind of work a task is."""

    SIMPLE = "simple"
    COMPLETE_WORKFLOW_FORM = "complete_workflow_form"
    COMPLETE_TASK_FORM = "complete_task_form"


@strawberry.enum
class SortableCaseAttributes(Enum):
    """What cases can be sorted by."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    STATUS = "status"
    DOCUMENT__FORM__NAME = "document__form__name"


@strawberry.enum
class SortableWorkItemAttributes(Enum):
    """What work items can be sorted by; a work item's slug is its task's."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    CLOSED_AT = "closed_at"
    DESCRIPTION = "description"
    NAME = "name"
    DEADLINE = "deadline"
    STATUS = "status"
    SLUG = "task_id"
    CASE__DOCUMENT__FORM__NAME = "case__document__form__name"


@strawberry.enum
class SortableFlowAttributes(Enum):
    """What flows can be sorted by; of its tasks, the first by its slug counts."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    TASK = "task"


@strawberry.enum
class SortableTaskAttributes(Enum):
    """What tasks can be sorted by."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    LEAD_TIME = "lead_time"
    TYPE = "type"
    DESCRIPTION = "description"
    IS_ARCHIVED = "is_archived"
    NAME = "name"
    SLUG = "slug"


@strawberry.enum
class SortableWorkflowAttributes(Enum):
    """What workflows can be sorted by."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    ALLOW_ALL_FORMS = "allow_all_forms"
    DESCRIPTION = "description"
    IS_ARCHIVED = "is_archived"
    IS_PUBLISHED = "is_published"
    NAME = "name"
    SLUG = "slug"
