"""The enumerations of the form domain: names as in the contract, values as they are stored or sorted by."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum
class ButtonAction(Enum):
    """What a button does with the work item of its document."""

    COMPLETE = "complete"
    SKIP = "skip"


@strawberry.enum
class ButtonColor(Enum):
    """How a button looks."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    DEFAULT = "default"


@strawberry.enum
class SortableFormAttributes(Enum):
    """What forms can be sorted by."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    SLUG = "slug"
    NAME = "name"
    DESCRIPTION = "description"
    IS_PUBLISHED = "is_published"
    IS_ARCHIVED = "is_archived"


@strawberry.enum
class SortableQuestionAttributes(Enum):
    """What questions can be sorted by."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    SLUG = "slug"
    LABEL = "label"
    TYPE = "type"
    IS_REQUIRED = "is_required"
    IS_HIDDEN = "is_hidden"
    IS_ARCHIVED = "is_archived"
    PLACEHOLDER = "placeholder"
    INFO_TEXT = "info_text"
    HINT_TEXT = "hint_text"
    CALC_EXPRESSION = "calc_expression"


@strawberry.enum
class SortableOptionAttributes(Enum):
    """What options can be sorted by."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    SLUG = "slug"
    LABEL = "label"
    IS_ARCHIVED = "is_archived"


@strawberry.enum
class SortableDynamicOptionAttributes(Enum):
    """What chosen dynamic options can be sorted by."""

    CREATED_AT = "created_at"
    MODIFIED_AT = "modified_at"
    SLUG = "slug"
    LABEL = "label"
    QUESTION = "question_id"
