"""What the connections of forms, questions and options can be sorted by."""

from __future__ import annotations

import strawberry

from caluma_async.graphql.form.enums import (
    SortableDynamicOptionAttributes,
    SortableFormAttributes,
    SortableOptionAttributes,
    SortableQuestionAttributes,
)
from caluma_async.graphql.ordering import MetaOrdered, Ordered, attribute, localized


@strawberry.input
class FormOrderSetType(MetaOrdered):
    """An order of forms."""

    attribute: SortableFormAttributes | None = attribute(
        localized(SortableFormAttributes.NAME, SortableFormAttributes.DESCRIPTION)
    )


@strawberry.input
class QuestionOrderSetType(MetaOrdered):
    """An order of questions."""

    attribute: SortableQuestionAttributes | None = attribute(
        localized(
            SortableQuestionAttributes.LABEL,
            SortableQuestionAttributes.PLACEHOLDER,
            SortableQuestionAttributes.INFO_TEXT,
            SortableQuestionAttributes.HINT_TEXT,
        )
    )


@strawberry.input
class OptionOrderSetType(MetaOrdered):
    """An order of options."""

    attribute: SortableOptionAttributes | None = attribute(localized(SortableOptionAttributes.LABEL))


@strawberry.input
class DynamicOptionOrderSetType(Ordered):
    """An order of chosen dynamic options. They have no meta: `meta` changes nothing."""

    meta: str | None = strawberry.UNSET
    attribute: SortableDynamicOptionAttributes | None = attribute(localized(SortableDynamicOptionAttributes.LABEL))
