"""What the mutations of questions take: one input for each type of question."""

from __future__ import annotations

import strawberry

from caluma_async.form.models import Form, Option, Question
from caluma_async.graphql.form.enums import ButtonAction, ButtonColor
from caluma_async.graphql.inputs import json_text, one_of, optional, reference, references
from caluma_async.graphql.scalars import JSONString, QuestionJexl
from caluma_async.graphql.verbs import Input


@strawberry.input
class ShownInput(Input):
    """What every question can be given."""

    slug: str
    label: str
    info_text: str | None = optional()
    is_hidden: QuestionJexl | None = optional()
    meta: JSONString | None = json_text()
    is_archived: bool | None = optional()


@strawberry.input
class AskedInput(ShownInput):
    """What a question that is answered can be given."""

    is_required: QuestionJexl | None = optional()


@strawberry.input
class HintedInput(AskedInput):
    """What a question with a hint can be given."""

    hint_text: str | None = optional()


@strawberry.input
class FormattedInput(HintedInput):
    """What a question can be given whose answers may have a format."""

    format_validators: list[str | None] | None = optional()


@strawberry.input
class HeldInput(FormattedInput):
    """What a question can be given that is answered in a field."""

    placeholder: str | None = optional()


@strawberry.input
class LengthyInput(HeldInput):
    """What a question for a text can be given; lengths in characters."""

    min_length: int | None = optional()
    max_length: int | None = optional()


@strawberry.input
class SaveTextQuestionInput(LengthyInput):
    """A question for a text."""


@strawberry.input
class SaveTextareaQuestionInput(LengthyInput):
    """A question for a text of several lines."""


@strawberry.input
class SaveIntegerQuestionInput(HeldInput):
    """A question for a whole number."""

    min_value: int | None = optional()
    max_value: int | None = optional()


@strawberry.input
class SaveFloatQuestionInput(HeldInput):
    """A question for a number."""

    min_value: float | None = optional()
    max_value: float | None = optional()
    step: float | None = optional()


@strawberry.input
class SaveDateQuestionInput(FormattedInput):
    """A question for a date."""


@strawberry.input
class SaveChoiceQuestionInput(FormattedInput):
    """A question for one of its options, in order."""

    options: list[strawberry.ID | None] = references(Option)


@strawberry.input
class SaveMultipleChoiceQuestionInput(FormattedInput):
    """A question for any number of its options, in order."""

    options: list[strawberry.ID | None] = references(Option)


@strawberry.input
class SaveDynamicChoiceQuestionInput(FormattedInput):
    """A question for one of the choices of a data source."""

    data_source: str


@strawberry.input
class SaveDynamicMultipleChoiceQuestionInput(FormattedInput):
    """A question for any number of the choices of a data source."""

    data_source: str


@strawberry.input
class SaveTableQuestionInput(FormattedInput):
    """A question for rows."""

    row_form: strawberry.ID = reference(Form)


@strawberry.input
class SaveFormQuestionInput(AskedInput):
    """A question in whose place those of a sub form are asked."""

    sub_form: strawberry.ID = reference(Form)


@strawberry.input
class SaveFilesQuestionInput(FormattedInput):
    """A question for files."""


@strawberry.input
class SaveStaticQuestionInput(ShownInput):
    """A text among the questions."""

    static_content: str | None = optional()


@strawberry.input
class SaveCalculatedFloatQuestionInput(HintedInput):
    """A question that an expression answers."""

    calc_expression: QuestionJexl | None = optional()


@strawberry.input
class SaveActionButtonQuestionInput(ShownInput):
    """A button among the questions."""

    action: ButtonAction = one_of()
    color: ButtonColor = one_of()
    validate_on_enter: bool
    show_validation: bool


@strawberry.input
class CopyQuestionInput(Input):
    """A question made out of another one."""

    slug: str
    label: str
    source: strawberry.ID = reference(Question)
