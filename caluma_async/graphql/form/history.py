"""The types of what was: a document as it was at a time, its answers then, the rows of its tables, its files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

import strawberry
from django.db.models import Model

from caluma_async.form.models import Document as DocumentModel
from caluma_async.form.models import Form as FormModel
from caluma_async.form.models import Question as QuestionModel
from caluma_async.form.models.answers import KINDS
from caluma_async.graphql.database import orm
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.form.answers import SelectedOption
from caluma_async.graphql.form.chosen import selected_option, selected_options
from caluma_async.graphql.form.past import (
    Was,
    answers_then,
    blob_now,
    document_as_of,
    files_then,
    rows_then,
)
from caluma_async.graphql.form.questions import Question
from caluma_async.graphql.form.types import Document, Form
from caluma_async.graphql.form.uploads import address, metadata_of
from caluma_async.graphql.pages import Connection, Rows, argument, cut, page_arguments
from caluma_async.graphql.records import Recorded
from caluma_async.graphql.relations import Related
from caluma_async.graphql.relay import Node, encode
from caluma_async.graphql.scalars import GenericScalar
from caluma_async.graphql.selection import ResolveInfo

# as everywhere in the contract but for `offset`
_PAGES: Final = [each for each in page_arguments() if each.python_name != "offset"]
_TIME: Final = [argument("as_of", datetime), argument("exclude_deleted", bool | None)]
_TIME[1].default = False


@strawberry.enum
class CalumaFormHistoricalAnswerHistoryQuestionTypeChoices(Enum):
    """The types of questions."""

    MULTIPLE_CHOICE = "multiple_choice"
    INTEGER = "integer"
    FLOAT = "float"
    DATE = "date"
    CHOICE = "choice"
    TEXTAREA = "textarea"
    TEXT = "text"
    TABLE = "table"
    FORM = "form"
    FILES = "files"
    DYNAMIC_CHOICE = "dynamic_choice"
    DYNAMIC_MULTIPLE_CHOICE = "dynamic_multiple_choice"
    STATIC = "static"
    CALCULATED_FLOAT = "calculated_float"
    ACTION_BUTTON = "action_button"


class _Referenced(Related):
    """The resolver of a field that answers an object which exists now, by the key that was noted then."""

    def __init__(self, target: type[Model], own_key: str, path: str) -> None:
        self.target = target
        self.name = self.own_key = own_key
        self.their_key = target._meta.pk.attname
        self.path = path

    def __call__(self, source: Any, info: ResolveInfo, /, **_: Any) -> Any:
        key = getattr(source, self.own_key)
        return None if key is None else self._load(key, info)


def _referenced(target: type[Model], own_key: str, path: str) -> Any:
    return answered_by(_Referenced(target, own_key, path))


def _parts(load: Callable[..., Any]) -> Any:
    """A list field of what belonged to an object at the time that its argument `asOf` names."""
    return answered_by(lambda source, info, **given: load(source, *_time(given), info), arguments=_TIME)


def _time(given: dict[str, Any]) -> tuple[datetime, bool]:
    """The time that is asked for, and whether what was deleted by then is left out; taken out of the arguments."""
    return given.pop("asOf"), bool(given.pop("excludeDeleted", False))


def _past(name: str, kind: str | None = None) -> Any:
    """Make the class a GraphQL type for what was; of answers, for those of one kind."""

    def decorate(cls: type) -> type:
        cls.is_type_of = staticmethod(lambda source, _info: isinstance(source, Was))  # type: ignore[attr-defined]
        cls.id = answered_by(lambda source, _info: encode(name, source.history_id))  # type: ignore[attr-defined]
        cls.__annotations__["id"] = strawberry.ID
        if kind is not None:
            _ANSWER_NAMES[kind] = name
        return strawberry.type(cls)

    return decorate


_ANSWER_NAMES: Final[dict[str, str]] = {}


@strawberry.interface
class HistoricalAnswer:
    """What an answer was."""

    id: Any = strawberry.field(graphql_type=strawberry.ID | None)
    created_at: datetime
    modified_at: datetime
    created_by_user: str | None
    created_by_group: str | None
    modified_by_user: str | None
    modified_by_group: str | None
    question: Question = _referenced(QuestionModel, "question_id", "Answer.question")
    meta: GenericScalar
    history_date: datetime
    history_user_id: str | None
    history_type: str | None

    resolve_type = staticmethod(lambda source, *_: _ANSWER_NAMES[KINDS[source.history_question_type]])


@strawberry.type
class _Noted:
    """Who noted it, and when."""

    history_id: UUID
    history_date: datetime
    history_user_id: str | None
    history_change_reason: str | None
    history_type: str | None
    history_question_type: CalumaFormHistoricalAnswerHistoryQuestionTypeChoices


@_past("HistoricalStringAnswer", "string")
class HistoricalStringAnswer(Node, HistoricalAnswer, Recorded, _Noted):
    """A text, or the slug of an option."""

    value: str | None
    selected_option: SelectedOption | None = answered_by(lambda source, info: selected_option(source.of, info))


@_past("HistoricalListAnswer", "list")
class HistoricalListAnswer(Node, HistoricalAnswer, Recorded, _Noted):
    """Slugs of options."""

    value: list[str | None] | None
    selected_options: Connection[SelectedOption] | None = answered_by(
        lambda source, info, **arguments: selected_options(source.of, info, **arguments), arguments=_PAGES
    )


@_past("HistoricalIntegerAnswer", "integer")
class HistoricalIntegerAnswer(Node, HistoricalAnswer, Recorded, _Noted):
    """A whole number."""

    value: int | None


@_past("HistoricalFloatAnswer", "float")
class HistoricalFloatAnswer(Node, HistoricalAnswer, Recorded, _Noted):
    """A number."""

    value: float | None


@_past("HistoricalDateAnswer", "date")
class HistoricalDateAnswer(Node, HistoricalAnswer, Recorded, _Noted):
    """A day."""

    value: date | None = answered_by(lambda source, _info: source.date)
    date: date | None


@_past("HistoricalTableAnswer", "table")
class HistoricalTableAnswer(Node, HistoricalAnswer, Recorded, _Noted):
    """Rows: what documents were, in their order then."""

    value: list[HistoricalDocument | None] | None = _parts(rows_then)
    document: Document | None = _referenced(DocumentModel, "document_id", "Answer.document")


@_past("HistoricalFilesAnswer", "files")
class HistoricalFilesAnswer(Node, HistoricalAnswer, Recorded, _Noted):
    """Files as they were then."""

    value: list[HistoricalFile | None] | None = _parts(files_then)


async def _download_url(source: Was, info: ResolveInfo, /, **_: Any) -> str:
    blob = await blob_now(source, info)
    return await address(lambda kept: kept.download_url(blob, source.name), info.context)


async def _metadata(source: Was, info: ResolveInfo, /, **_: Any) -> Any:
    return await metadata_of(await blob_now(source, info))


@_past("HistoricalFile")
class HistoricalFile(Node):
    """What a file was. What was uploaded for it is still there, also when the file has been removed since."""

    name: str
    download_url: str | None = answered_by(_download_url)
    metadata: GenericScalar | None = answered_by(_metadata)
    historical_answer: HistoricalFilesAnswer | None = answered_by(lambda source, _info: source.within)
    history_date: datetime
    history_user_id: str | None
    history_type: str | None


async def _historical_answers(source: Was, info: ResolveInfo, /, **given: Any) -> Rows:
    return cut(await answers_then(source, *_time(given), info), **given)


@_past("HistoricalDocument")
class HistoricalDocument(Node, Recorded):
    """What a document was."""

    meta: GenericScalar | None
    form: Form | None = _referenced(FormModel, "form_id", "Document.form")
    source: Document | None = _referenced(DocumentModel, "source_id", "Document.source")
    document_id: UUID | None = answered_by(lambda source, _info: source.pk)
    history_date: datetime
    history_user_id: str | None
    history_type: str | None
    historical_answers: Connection[HistoricalAnswer] | None = answered_by(
        _historical_answers, arguments=[*_TIME, *_PAGES]
    )


async def _document_as_of(_source: Any, info: ResolveInfo, /, **given: Any) -> Was:
    return await orm(document_as_of, given["id"], given["asOf"], info.context)


HISTORICAL_TYPES: Final = (
    HistoricalStringAnswer,
    HistoricalListAnswer,
    HistoricalIntegerAnswer,
    HistoricalFloatAnswer,
    HistoricalDateAnswer,
    HistoricalTableAnswer,
    HistoricalFilesAnswer,
)


@strawberry.type
class HistoryQueries:
    """What can be asked about the past."""

    document_as_of: HistoricalDocument | None = answered_by(
        _document_as_of, arguments=[argument("id", strawberry.ID), argument("as_of", datetime)]
    )
