"""The types of answers: one interface, and a type for each kind of value; files, and the options that were chosen."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from caluma_async.form import models
from caluma_async.graphql.connections import listing
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.form.chosen import selected_option, selected_options
from caluma_async.graphql.form.questions import Question
from caluma_async.graphql.form.uploads import download_url, metadata, upload_url
from caluma_async.graphql.pages import Connection, page_arguments
from caluma_async.graphql.records import Recorded
from caluma_async.graphql.relations import related
from caluma_async.graphql.relay import Node, node_type, type_name
from caluma_async.graphql.scalars import GenericScalar

if TYPE_CHECKING:
    from caluma_async.graphql.form.types import Document

_TYPES = "caluma_async.graphql.form.types"
_OF_CHOICE: Final = ("value", "question_id", "document_id")


def _answer_type(instance: models.Answer, *_: Any) -> str:
    return type_name(instance)


def _kind(name: str) -> Any:
    return node_type(models.Answer, attribute="kind", value=name, reads=["question__type"], joins=["question"])


@strawberry.interface
class Answer:
    """What was answered to a question."""

    id: Any = strawberry.field(graphql_type=strawberry.ID | None)
    created_at: datetime
    modified_at: datetime
    created_by_user: str | None
    created_by_group: str | None
    modified_by_user: str | None
    modified_by_group: str | None
    question: Question = related(models.Answer.question)
    meta: GenericScalar

    resolve_type = staticmethod(_answer_type)


@strawberry.type
class SelectedOption:
    """An option that was chosen, with its label."""

    label: str
    slug: str


@_kind("string")
class StringAnswer(Node, Answer, Recorded):
    """A text, or the slug of an option."""

    value: str | None
    selected_option: SelectedOption | None = answered_by(selected_option, reads=_OF_CHOICE)


@_kind("list")
class ListAnswer(Node, Answer, Recorded):
    """Slugs of options."""

    value: list[str | None] | None
    selected_options: Connection[SelectedOption] | None = answered_by(
        selected_options,
        reads=_OF_CHOICE,
        arguments=[each for each in page_arguments() if each.python_name != "offset"],
    )


@_kind("integer")
class IntegerAnswer(Node, Answer, Recorded):
    """A whole number."""

    value: int | None


@_kind("float")
class FloatAnswer(Node, Answer, Recorded):
    """A number."""

    value: float | None


@_kind("date")
class DateAnswer(Node, Answer, Recorded):
    """A day."""

    value: date | None = answered_by(lambda source, _info: source.date, reads=["date"])
    date: date | None


@_kind("table")
class TableAnswer(Node, Answer, Recorded):
    """Rows: documents, in their order."""

    value: list[Annotated[Document, strawberry.lazy(_TYPES)] | None] | None = listing(
        models.Document, below="answerdocument__answer", by_default=("-answerdocument__sort", "pk")
    )
    document: Annotated[Document, strawberry.lazy(_TYPES)] | None = related(models.Answer.document)


@_kind("files")
class FilesAnswer(Node, Answer, Recorded):
    """Files."""

    value: list[File | None] = listing(models.File, below="answer_id")


@node_type(models.File)
class File(Node, Recorded):
    """One file of an answer."""

    name: str
    upload_url: str | None = upload_url()
    download_url: str | None = download_url()
    metadata: GenericScalar | None = metadata()
    answer: FilesAnswer | None = related(models.File.answer)


ANSWER_TYPES: Final = (StringAnswer, ListAnswer, IntegerAnswer, FloatAnswer, DateAnswer, TableAnswer, FilesAnswer)
