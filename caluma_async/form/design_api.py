"""The verbs that make and change forms and options as Python functions, each with an async twin.

`fields` left out of a call stay as they are. All raise the errors of `caluma_async.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from caluma_async.form.models import Form, Option, Question
from caluma_async.form.verbs.form_questions import AddFormQuestion, RemoveFormQuestion, ReorderFormQuestions
from caluma_async.form.verbs.forms import CopyForm, SaveForm
from caluma_async.form.verbs.options import CopyOption, SaveOption
from caluma_async.identity import User
from caluma_async.verbs import arun, run

Text = str | Mapping[str, str | None]


class FormFields(TypedDict, total=False):
    """What a form can be given."""

    name: Text
    description: Text | None
    meta: Mapping[str, Any] | None
    is_archived: bool
    is_published: bool


class FormCopyFields(TypedDict, total=False):
    """What a copy of a form can be given; all else is the source's."""

    description: Text | None
    is_published: bool


class OptionFields(TypedDict, total=False):
    """What an option can be given; `is_hidden` as an expression."""

    label: Text
    is_hidden: str | None
    is_archived: bool
    meta: Mapping[str, Any] | None


def save_form(slug: str, user: User, **fields: Unpack[FormFields]) -> Form:
    """Create or change a form."""
    return run(SaveForm(user, slug=slug, **fields))


async def asave_form(slug: str, user: User, **fields: Unpack[FormFields]) -> Form:
    """`save_form` for coroutines."""
    return await arun(SaveForm(user, slug=slug, **fields))


def copy_form(source: Form | str, slug: str, user: User, *, name: Text, **fields: Unpack[FormCopyFields]) -> Form:
    """Make a form of that slug out of another one; both share the questions."""
    return run(CopyForm(user, source=source, slug=slug, name=name, **fields))


async def acopy_form(
    source: Form | str, slug: str, user: User, *, name: Text, **fields: Unpack[FormCopyFields]
) -> Form:
    """`copy_form` for coroutines."""
    return await arun(CopyForm(user, source=source, slug=slug, name=name, **fields))


def add_form_question(form: Form | str, question: Question | str, user: User) -> Form:
    """Put a question at the end of a form."""
    return run(AddFormQuestion(user, form=form, question=question))


async def aadd_form_question(form: Form | str, question: Question | str, user: User) -> Form:
    """`add_form_question` for coroutines."""
    return await arun(AddFormQuestion(user, form=form, question=question))


def remove_form_question(form: Form | str, question: Question | str, user: User) -> Form:
    """Take a question out of a form; answers to it stay."""
    return run(RemoveFormQuestion(user, form=form, question=question))


async def aremove_form_question(form: Form | str, question: Question | str, user: User) -> Form:
    """`remove_form_question` for coroutines."""
    return await arun(RemoveFormQuestion(user, form=form, question=question))


def reorder_form_questions(form: Form | str, questions: Sequence[Question | str], user: User) -> Form:
    """Put all questions of a form into this order."""
    return run(ReorderFormQuestions(user, form=form, questions=questions))


async def areorder_form_questions(form: Form | str, questions: Sequence[Question | str], user: User) -> Form:
    """`reorder_form_questions` for coroutines."""
    return await arun(ReorderFormQuestions(user, form=form, questions=questions))


def save_option(slug: str, user: User, **fields: Unpack[OptionFields]) -> Option:
    """Create or change an option."""
    return run(SaveOption(user, slug=slug, **fields))


async def asave_option(slug: str, user: User, **fields: Unpack[OptionFields]) -> Option:
    """`save_option` for coroutines."""
    return await arun(SaveOption(user, slug=slug, **fields))


def copy_option(source: Option | str, slug: str, user: User, *, label: Text) -> Option:
    """Make an option of that slug out of another one."""
    return run(CopyOption(user, source=source, slug=slug, label=label))


async def acopy_option(source: Option | str, slug: str, user: User, *, label: Text) -> Option:
    """`copy_option` for coroutines."""
    return await arun(CopyOption(user, source=source, slug=slug, label=label))
