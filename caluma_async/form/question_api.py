"""The verbs that make and change questions as Python functions, each with an async twin.

`fields` left out of a call stay as they are. All raise the errors of `caluma_async.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from caluma_async.form.models import Form, Option, Question
from caluma_async.form.verbs.questions import (
    CopyQuestion,
    SaveActionButtonQuestion,
    SaveCalculatedFloatQuestion,
    SaveChoiceQuestion,
    SaveDateQuestion,
    SaveDynamicChoiceQuestion,
    SaveDynamicMultipleChoiceQuestion,
    SaveFilesQuestion,
    SaveFloatQuestion,
    SaveFormQuestion,
    SaveIntegerQuestion,
    SaveMultipleChoiceQuestion,
    SaveStaticQuestion,
    SaveTableQuestion,
    SaveTextareaQuestion,
    SaveTextQuestion,
)
from caluma_async.identity import User
from caluma_async.verbs import arun, run

Text = str | Mapping[str, str | None]


class ShownFields(TypedDict, total=False):
    """What every question can be given; `is_hidden` as an expression."""

    label: Text
    info_text: Text | None
    is_hidden: str | None
    is_archived: bool
    meta: Mapping[str, Any] | None


class AskedFields(ShownFields, total=False):
    """What a question that is answered can be given; `is_required` as an expression."""

    is_required: str | None


class HintedFields(AskedFields, total=False):
    """What a question with a hint can be given."""

    hint_text: Text | None


class FormattedFields(HintedFields, total=False):
    """What a question can be given whose answers may have a format; format validators by their slugs."""

    format_validators: Sequence[str] | None


class HeldFields(FormattedFields, total=False):
    """What a question can be given that is answered in a field."""

    placeholder: Text | None


class TextFields(HeldFields, total=False):
    """What a question for a text can be given; lengths in characters."""

    min_length: int | None
    max_length: int | None


class IntegerFields(HeldFields, total=False):
    """What a question for a whole number can be given."""

    min_value: int | None
    max_value: int | None


class FloatFields(HeldFields, total=False):
    """What a question for a number can be given."""

    min_value: float | None
    max_value: float | None
    step: float | None


class ChoiceFields(FormattedFields, total=False):
    """What a choice can be given: its options, in order."""

    options: Sequence[Option | str] | None


class DynamicFields(FormattedFields, total=False):
    """What a dynamic choice can be given: the name of its data source."""

    data_source: str


class TableFields(FormattedFields, total=False):
    """What a table can be given."""

    row_form: Form | str


class SubFormFields(AskedFields, total=False):
    """What a form question can be given."""

    sub_form: Form | str


class StaticFields(ShownFields, total=False):
    """What a text among the questions can be given."""

    static_content: Text | None


class CalculatedFields(HintedFields, total=False):
    """What a calculated question can be given."""

    calc_expression: str | None


class ButtonFields(ShownFields, total=False):
    """What a button can be given: `complete` or `skip`; `primary`, `secondary` or `default`."""

    action: str
    color: str
    validate_on_enter: bool
    show_validation: bool


def save_text_question(slug: str, user: User, **fields: Unpack[TextFields]) -> Question:
    """Create or change a question for a text."""
    return run(SaveTextQuestion(user, slug=slug, **fields))


async def asave_text_question(slug: str, user: User, **fields: Unpack[TextFields]) -> Question:
    """`save_text_question` for coroutines."""
    return await arun(SaveTextQuestion(user, slug=slug, **fields))


def save_textarea_question(slug: str, user: User, **fields: Unpack[TextFields]) -> Question:
    """Create or change a question for a text of several lines."""
    return run(SaveTextareaQuestion(user, slug=slug, **fields))


async def asave_textarea_question(slug: str, user: User, **fields: Unpack[TextFields]) -> Question:
    """`save_textarea_question` for coroutines."""
    return await arun(SaveTextareaQuestion(user, slug=slug, **fields))


def save_integer_question(slug: str, user: User, **fields: Unpack[IntegerFields]) -> Question:
    """Create or change a question for a whole number."""
    return run(SaveIntegerQuestion(user, slug=slug, **fields))


async def asave_integer_question(slug: str, user: User, **fields: Unpack[IntegerFields]) -> Question:
    """`save_integer_question` for coroutines."""
    return await arun(SaveIntegerQuestion(user, slug=slug, **fields))


def save_float_question(slug: str, user: User, **fields: Unpack[FloatFields]) -> Question:
    """Create or change a question for a number."""
    return run(SaveFloatQuestion(user, slug=slug, **fields))


async def asave_float_question(slug: str, user: User, **fields: Unpack[FloatFields]) -> Question:
    """`save_float_question` for coroutines."""
    return await arun(SaveFloatQuestion(user, slug=slug, **fields))


def save_date_question(slug: str, user: User, **fields: Unpack[FormattedFields]) -> Question:
    """Create or change a question for a date."""
    return run(SaveDateQuestion(user, slug=slug, **fields))


async def asave_date_question(slug: str, user: User, **fields: Unpack[FormattedFields]) -> Question:
    """`save_date_question` for coroutines."""
    return await arun(SaveDateQuestion(user, slug=slug, **fields))


def save_files_question(slug: str, user: User, **fields: Unpack[FormattedFields]) -> Question:
    """Create or change a question for files."""
    return run(SaveFilesQuestion(user, slug=slug, **fields))


async def asave_files_question(slug: str, user: User, **fields: Unpack[FormattedFields]) -> Question:
    """`save_files_question` for coroutines."""
    return await arun(SaveFilesQuestion(user, slug=slug, **fields))


def save_choice_question(slug: str, user: User, **fields: Unpack[ChoiceFields]) -> Question:
    """Create or change a question for one of its options."""
    return run(SaveChoiceQuestion(user, slug=slug, **fields))


async def asave_choice_question(slug: str, user: User, **fields: Unpack[ChoiceFields]) -> Question:
    """`save_choice_question` for coroutines."""
    return await arun(SaveChoiceQuestion(user, slug=slug, **fields))


def save_multiple_choice_question(slug: str, user: User, **fields: Unpack[ChoiceFields]) -> Question:
    """Create or change a question for any number of its options."""
    return run(SaveMultipleChoiceQuestion(user, slug=slug, **fields))


async def asave_multiple_choice_question(slug: str, user: User, **fields: Unpack[ChoiceFields]) -> Question:
    """`save_multiple_choice_question` for coroutines."""
    return await arun(SaveMultipleChoiceQuestion(user, slug=slug, **fields))


def save_dynamic_choice_question(slug: str, user: User, **fields: Unpack[DynamicFields]) -> Question:
    """Create or change a question for one of the choices of a data source."""
    return run(SaveDynamicChoiceQuestion(user, slug=slug, **fields))


async def asave_dynamic_choice_question(slug: str, user: User, **fields: Unpack[DynamicFields]) -> Question:
    """`save_dynamic_choice_question` for coroutines."""
    return await arun(SaveDynamicChoiceQuestion(user, slug=slug, **fields))


def save_dynamic_multiple_choice_question(slug: str, user: User, **fields: Unpack[DynamicFields]) -> Question:
    """Create or change a question for any number of the choices of a data source."""
    return run(SaveDynamicMultipleChoiceQuestion(user, slug=slug, **fields))


async def asave_dynamic_multiple_choice_question(slug: str, user: User, **fields: Unpack[DynamicFields]) -> Question:
    """`save_dynamic_multiple_choice_question` for coroutines."""
    return await arun(SaveDynamicMultipleChoiceQuestion(user, slug=slug, **fields))


def save_table_question(slug: str, user: User, **fields: Unpack[TableFields]) -> Question:
    """Create or change a question for rows."""
    return run(SaveTableQuestion(user, slug=slug, **fields))


async def asave_table_question(slug: str, user: User, **fields: Unpack[TableFields]) -> Question:
    """`save_table_question` for coroutines."""
    return await arun(SaveTableQuestion(user, slug=slug, **fields))


def save_form_question(slug: str, user: User, **fields: Unpack[SubFormFields]) -> Question:
    """Create or change a question for what a sub form asks."""
    return run(SaveFormQuestion(user, slug=slug, **fields))


async def asave_form_question(slug: str, user: User, **fields: Unpack[SubFormFields]) -> Question:
    """`save_form_question` for coroutines."""
    return await arun(SaveFormQuestion(user, slug=slug, **fields))


def save_static_question(slug: str, user: User, **fields: Unpack[StaticFields]) -> Question:
    """Create or change a text among the questions."""
    return run(SaveStaticQuestion(user, slug=slug, **fields))


async def asave_static_question(slug: str, user: User, **fields: Unpack[StaticFields]) -> Question:
    """`save_static_question` for coroutines."""
    return await arun(SaveStaticQuestion(user, slug=slug, **fields))


def save_calculated_float_question(slug: str, user: User, **fields: Unpack[CalculatedFields]) -> Question:
    """Create or change a question that an expression answers."""
    return run(SaveCalculatedFloatQuestion(user, slug=slug, **fields))


async def asave_calculated_float_question(slug: str, user: User, **fields: Unpack[CalculatedFields]) -> Question:
    """`save_calculated_float_question` for coroutines."""
    return await arun(SaveCalculatedFloatQuestion(user, slug=slug, **fields))


def save_action_button_question(slug: str, user: User, **fields: Unpack[ButtonFields]) -> Question:
    """Create or change a button among the questions."""
    return run(SaveActionButtonQuestion(user, slug=slug, **fields))


async def asave_action_button_question(slug: str, user: User, **fields: Unpack[ButtonFields]) -> Question:
    """`save_action_button_question` for coroutines."""
    return await arun(SaveActionButtonQuestion(user, slug=slug, **fields))


def copy_question(source: Question | str, slug: str, user: User, *, label: Text) -> Question:
    """Make a question of that slug out of another one; both share the options."""
    return run(CopyQuestion(user, source=source, slug=slug, label=label))


async def acopy_question(source: Question | str, slug: str, user: User, *, label: Text) -> Question:
    """`copy_question` for coroutines."""
    return await arun(CopyQuestion(user, source=source, slug=slug, label=label))
