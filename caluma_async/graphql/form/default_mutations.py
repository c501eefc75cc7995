"""The mutations of default answers."""

from __future__ import annotations

from datetime import date

import strawberry

from caluma_async.form import verbs
from caluma_async.form.models import Document
from caluma_async.form.models import Question as QuestionModel
from caluma_async.graphql.form.document_mutations import AnswerPayload
from caluma_async.graphql.form.question_mutations import QuestionPayload
from caluma_async.graphql.inputs import json_text, optional, reference, references
from caluma_async.graphql.scalars import JSONString
from caluma_async.graphql.verbs import Input, mutation


@strawberry.input
class SaveDefaultAnswerInput(Input):
    """Which question gets a default answer. A value that is left out empties it."""

    question: strawberry.ID = reference(QuestionModel)
    meta: JSONString | None = json_text()


@strawberry.input
class SaveDefaultStringAnswerInput(SaveDefaultAnswerInput):
    """A text, or the slug of an option."""

    value: str | None = optional()


@strawberry.type
class SaveDefaultStringAnswerPayload(AnswerPayload):
    """The default answer that was saved."""


@strawberry.input
class SaveDefaultIntegerAnswerInput(SaveDefaultAnswerInput):
    """A whole number."""

    value: int | None = optional()


@strawberry.type
class SaveDefaultIntegerAnswerPayload(AnswerPayload):
    """The default answer that was saved."""


@strawberry.input
class SaveDefaultFloatAnswerInput(SaveDefaultAnswerInput):
    """A number."""

    value: float | None = optional()


@strawberry.type
class SaveDefaultFloatAnswerPayload(AnswerPayload):
    """The default answer that was saved."""


@strawberry.input
class SaveDefaultDateAnswerInput(SaveDefaultAnswerInput):
    """A day."""

    value: date | None = optional()


@strawberry.type
class SaveDefaultDateAnswerPayload(AnswerPayload):
    """The default answer that was saved."""


@strawberry.input
class SaveDefaultListAnswerInput(SaveDefaultAnswerInput):
    """Slugs of options."""

    value: list[str | None] | None = optional()


@strawberry.type
class SaveDefaultListAnswerPayload(AnswerPayload):
    """The default answer that was saved."""


@strawberry.input
class SaveDefaultTableAnswerInput(SaveDefaultAnswerInput):
    """The documents that are the rows, in order."""

    value: list[strawberry.ID | None] | None = references(Document, optional=True)


@strawberry.type
class SaveDefaultTableAnswerPayload(AnswerPayload):
    """The default answer that was saved."""


@strawberry.input
class RemoveDefaultAnswerInput(Input):
    """Which question is to have no default answer."""

    question: strawberry.ID = reference(QuestionModel)


@strawberry.type
class RemoveDefaultAnswerPayload(QuestionPayload):
    """The question, without its default answer."""


@strawberry.type
class DefaultMutations:
    """What can be done with default answers."""

    save_default_string_answer: SaveDefaultStringAnswerPayload | None = mutation(
        verbs.SaveDefaultStringAnswer, SaveDefaultStringAnswerInput, "answer"
    )
    save_default_integer_answer: SaveDefaultIntegerAnswerPayload | None = mutation(
        verbs.SaveDefaultIntegerAnswer, SaveDefaultIntegerAnswerInput, "answer"
    )
    save_default_float_answer: SaveDefaultFloatAnswerPayload | None = mutation(
        verbs.SaveDefaultFloatAnswer, SaveDefaultFloatAnswerInput, "answer"
    )
    save_default_date_answer: SaveDefaultDateAnswerPayload | None = mutation(
        verbs.SaveDefaultDateAnswer, SaveDefaultDateAnswerInput, "answer"
    )
    save_default_list_answer: SaveDefaultListAnswerPayload | None = mutation(
        verbs.SaveDefaultListAnswer, SaveDefaultListAnswerInput, "answer"
    )
    save_default_table_answer: SaveDefaultTableAnswerPayload | None = mutation(
        verbs.SaveDefaultTableAnswer, SaveDefaultTableAnswerInput, "answer"
    )
    remove_default_answer: RemoveDefaultAnswerPayload | None = mutation(
        verbs.RemoveDefaultAnswer, RemoveDefaultAnswerInput, "question"
    )
