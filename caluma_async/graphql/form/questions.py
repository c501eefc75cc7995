"""The types of questions: one interface, and a type for each kind of answer that is asked for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from caluma_async.form import models
from caluma_async.graphql.connections import connection
from caluma_async.graphql.fields import answered_by, optional_text, text
from caluma_async.graphql.form.enums import ButtonAction, ButtonColor
from caluma_async.graphql.form.filters import FormFilterSetType, OptionFilterSetType
from caluma_async.graphql.form.options import Option
from caluma_async.graphql.form.orders import FormOrderSetType, OptionOrderSetType
from caluma_async.graphql.form.sources import DataSourceData, FormatValidator, offered, validators
from caluma_async.graphql.pages import Connection
from caluma_async.graphql.records import Recorded
from caluma_async.graphql.relations import related
from caluma_async.graphql.relay import Node, node_type, type_name
from caluma_async.graphql.scalars import GenericScalar, QuestionJexl

if TYPE_CHECKING:
    from caluma_async.graphql.form.answers import (
        DateAnswer,
        FloatAnswer,
        IntegerAnswer,
        ListAnswer,
        StringAnswer,
        TableAnswer,
    )
    from caluma_async.graphql.form.types import Form

_TYPES = "caluma_async.graphql.form.types"
_ANSWERS = "caluma_async.graphql.form.answers"
_DEFAULT: Final = models.Question.default_answer


def _question_type(instance: models.Question, *_: Any) -> str:
    return type_name(instance)


def _kind(name: str) -> Any:
    return node_type(models.Question, attribute="type", value=name)


def _configured(name: str) -> Any:
    """A property that is kept in the question's configuration."""
    return answered_by(lambda source, _info: getattr(source, name), reads=["configuration"])


@strawberry.interface
class Question:
    """What is asked. `isRequired` and `isHidden` are expressions."""

    id: strawberry.ID
    created_at: datetime
    modified_at: datetime
    created_by_user: str | None
    created_by_group: str | None
    modified_by_user: str | None
    modified_by_group: str | None
    slug: str
    label: str = text("label")
    info_text: str | None = optional_text("info_text")
    is_required: QuestionJexl
    is_hidden: QuestionJexl
    is_archived: bool
    meta: GenericScalar
    forms: Connection[Annotated[Form, strawberry.lazy(_TYPES)]] | None = connection(
        models.Form, below="form_questions__question", filters=FormFilterSetType, orders=FormOrderSetType
    )
    source: Question | None = related(models.Question.source)

    resolve_type = staticmethod(_question_type)


@strawberry.interface
class DynamicQuestion:
    """Answered by choices of a data source. `options` are what it offers to the user; it gets the `context`."""

    options: Connection[DataSourceData] | None = offered()
    data_source: str
    hint_text: str | None = optional_text("hint_text")

    resolve_type = staticmethod(_question_type)


@strawberry.type
class Hinted:
    """With a text that helps to answer."""

    hint_text: str | None = optional_text("hint_text")


@strawberry.type
class Formatted(Hinted):
    """Answered in a certain format."""

    format_validators: Connection[FormatValidator] | None = validators()


@strawberry.type
class Held(Formatted):
    """Answered in a field that can show a text while it is empty."""

    placeholder: str | None = optional_text("placeholder")


@strawberry.type
class Lengthy(Held):
    """Answered by a text of some length, in characters."""

    min_length: int | None = _configured("min_length")
    max_length: int | None = _configured("max_length")
    default_answer: Annotated[StringAnswer, strawberry.lazy(_ANSWERS)] | None = related(_DEFAULT)


@strawberry.type
class Chosen(Formatted):
    """Answered by options."""

    options: Connection[Option] | None = connection(
        models.Option,
        below="question_options__question",
        filters=OptionFilterSetType,
        orders=OptionOrderSetType,
        by_default=("-question_options__sort", "pk"),
    )


@_kind(models.Question.TYPE_TEXT)
class TextQuestion(Node, Question, Lengthy, Recorded):
    """Answered by a text."""


@_kind(models.Question.TYPE_TEXTAREA)
class TextareaQuestion(Node, Question, Lengthy, Recorded):
    """Answered by a text of several lines."""


@_kind(models.Question.TYPE_INTEGER)
class IntegerQuestion(Node, Question, Held, Recorded):
    """Answered by a whole number; the bounds belong to what is allowed."""

    min_value: int | None = _configured("min_value")
    max_value: int | None = _configured("max_value")
    default_answer: Annotated[IntegerAnswer, strawberry.lazy(_ANSWERS)] | None = related(_DEFAULT)


@_kind(models.Question.TYPE_FLOAT)
class FloatQuestion(Node, Question, Held, Recorded):
    """Answered by a number; the bounds belong to what is allowed, the step is advice."""

    min_value: float | None = _configured("min_value")
    max_value: float | None = _configured("max_value")
    step: float | None = _configured("step")
    default_answer: Annotated[FloatAnswer, strawberry.lazy(_ANSWERS)] | None = related(_DEFAULT)


@_kind(models.Question.TYPE_DATE)
class DateQuestion(Node, Question, Formatted, Recorded):
    """Answered by a date."""

    default_answer: Annotated[DateAnswer, strawberry.lazy(_ANSWERS)] | None = related(_DEFAULT)


@_kind(models.Question.TYPE_CHOICE)
class ChoiceQuestion(Node, Question, Chosen, Recorded):
    """Answered by one of its options."""

    default_answer: Annotated[StringAnswer, strawberry.lazy(_ANSWERS)] | None = related(_DEFAULT)


@_kind(models.Question.TYPE_MULTIPLE_CHOICE)
class MultipleChoiceQuestion(Node, Question, Chosen, Recorded):
    """Answered by any number of its options."""

    static_content: str | None = optional_text("static_content")
    default_answer: Annotated[ListAnswer, strawberry.lazy(_ANSWERS)] | None = related(_DEFAULT)


@_kind(models.Question.TYPE_DYNAMIC_CHOICE)
class DynamicChoiceQuestion(Node, Question, DynamicQuestion, Formatted, Recorded):
    """Answered by one of the choices that a data source gives."""


@_kind(models.Question.TYPE_DYNAMIC_MULTIPLE_CHOICE)
class DynamicMultipleChoiceQuestion(Node, Question, DynamicQuestion, Formatted, Recorded):
    """Answered by any number of the choices that a data source gives."""


@_kind(models.Question.TYPE_TABLE)
class TableQuestion(Node, Question, Formatted, Recorded):
    """Answered by rows: a document of the row form for each."""

    row_form: Annotated[Form, strawberry.lazy(_TYPES)] | None = related(models.Question.row_form)
    default_answer: Annotated[TableAnswer, strawberry.lazy(_ANSWERS)] | None = related(_DEFAULT)


@_kind(models.Question.TYPE_FORM)
class FormQuestion(Node, Question, Recorded):
    """Has no answer: the questions of its sub form are answered in the same document."""

    sub_form: Annotated[Form, strawberry.lazy(_TYPES)] | None = related(models.Question.sub_form)


@_kind(models.Question.TYPE_FILES)
class FilesQuestion(Node, Question, Formatted, Recorded):
    """Answered by files."""


@_kind(models.Question.TYPE_STATIC)
class StaticQuestion(Node, Question, Recorded):
    """Has no answer: shows a text."""

    static_content: str | None = optional_text("static_content")
    data_source: str | None


@_kind(models.Question.TYPE_CALCULATED_FLOAT)
class CalculatedFloatQuestion(Node, Question, Hinted, Recorded):
    """Answered by the number that its expression gives."""

    calc_expression: str | None


@_kind(models.Question.TYPE_ACTION_BUTTON)
class ActionButtonQuestion(Node, Question, Recorded):
    """Has no answer: shows a button that completes or skips the work item."""

    action: ButtonAction = answered_by(lambda source, _info: ButtonAction(source.action), reads=["configuration"])
    color: ButtonColor = answered_by(lambda source, _info: ButtonColor(source.color), reads=["configuration"])
    validate_on_enter: bool = _configured("validate_on_enter")
    show_validation: bool = _configured("show_validation")


QUESTION_TYPES: Final = (
    TextQuestion,
    TextareaQuestion,
    IntegerQuestion,
    FloatQuestion,
    DateQuestion,
    ChoiceQuestion,
    MultipleChoiceQuestion,
    DynamicChoiceQuestion,
    DynamicMultipleChoiceQuestion,
    TableQuestion,
    FormQuestion,
    FilesQuestion,
    StaticQuestion,
    CalculatedFloatQuestion,
    ActionButtonQuestion,
)
