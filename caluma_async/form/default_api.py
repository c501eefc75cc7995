"""The verbs on default answers as Python functions, each with an async twin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgiref.sync import sync_to_async

from caluma_async.errors import NotFound
from caluma_async.form.models import Answer, Question
from caluma_async.form.verbs.defaults import RemoveDefaultAnswer, SaveDefaultAnswer, save_default_verb
from caluma_async.identity import User
from caluma_async.verbs import arun, inputs, run


def save_default_answer(
    question: Question | str, user: User, *, value: Any = None, meta: Mapping[str, Any] | None = None
) -> Answer:
    """Give a question its default answer, or change it; `None` empties it. The rows of a table are documents."""
    return run(_save(question, user, value, meta))


async def asave_default_answer(
    question: Question | str, user: User, *, value: Any = None, meta: Mapping[str, Any] | None = None
) -> Answer:
    """`save_default_answer` for coroutines."""
    return await arun(await sync_to_async(_save)(question, user, value, meta))


def remove_default_answer(question: Question | str, user: User) -> Question:
    """Take the default answer of a question away, if it has one."""
    return run(RemoveDefaultAnswer(user, question=question))


async def aremove_default_answer(question: Question | str, user: User) -> Question:
    """`remove_default_answer` for coroutines."""
    return await arun(RemoveDefaultAnswer(user, question=question))


def _save(question: Question | str, user: User, value: Any, meta: Mapping[str, Any] | None) -> SaveDefaultAnswer:
    """The verb for a question of that type."""
    found = question if isinstance(question, Question) else Question.objects.filter(pk=question).first()
    if found is None:
        raise NotFound(f"There is no question {inputs.shown(question)}.", field="question")
    more: dict[str, Any] = {} if meta is None else {"meta": meta}
    return save_default_verb(found)(user, question=found, value=value, **more)
