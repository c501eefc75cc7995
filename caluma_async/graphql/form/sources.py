"""Data sources and format validators, which are the site's own code: what there is, and what a source offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import strawberry

from caluma_async.errors import NotFound
from caluma_async.form.data_sources import BaseDataSource, data_source, data_sources
from caluma_async.form.format_validators import BaseFormatValidator, format_validators
from caluma_async.form.models import Question
from caluma_async.graphql.context import Context
from caluma_async.graphql.inputs import from_json
from caluma_async.graphql.listed import listed
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.pages import Connection, argument
from caluma_async.graphql.relay import key_of
from caluma_async.graphql.scalars import JSONString
from caluma_async.records import LocalizedText
from caluma_async.verbs.inputs import shown

_CONTEXT: Final = argument("context", JSONString | None)
_WHOLE: Final = tuple(field.attname for field in Question._meta.concrete_fields)


@strawberry.type
class DataSource:
    """Where choices come from."""

    info: str | None
    name: str


@strawberry.type
class DataSourceData:
    """One choice."""

    label: str
    slug: str


@strawberry.type
class FormatValidator:
    """A format that answers can be asked to have."""

    slug: str
    name: str
    regex: str | None
    allowed_question_types: list[str | None] | None


@dataclass(frozen=True, slots=True)
class Shown:
    """The source of these types."""

    name: str = ""
    info: str | None = None
    slug: str = ""
    label: str = ""
    regex: str | None = None
    allowed_question_types: Sequence[str] = ()


def _translated(text: Any) -> str | None:
    return None if text is None else LocalizedText.of(text).translate()


def _data_source(source: type[BaseDataSource]) -> Shown:
    return Shown(name=source.__name__, info=_translated(source.info))


def _validator(validator: type[BaseFormatValidator]) -> Shown:
    return Shown(
        slug=validator.slug,
        name=_translated(validator.name) or "",
        regex=validator.regex or None,
        allowed_question_types=list(validator.allowed_question_types),
    )


def _offered(name: str, question: Question | None, context: Context, sent: Any) -> Sequence[Shown]:
    choices = data_source(name).choices(context.user, question, sent)
    return [Shown(slug=slug, label=label.translate() or "") for slug, label in choices]


def _all_sources(source: Any, context: Context, given: Mapping[str, Any]) -> Sequence[Shown]:
    return [_data_source(each) for each in data_sources.every().values()]


def _all_validators(source: Any, context: Context, given: Mapping[str, Any]) -> Sequence[Shown]:
    return [_validator(each) for each in format_validators.every().values()]


def _validators_of(question: Question, context: Context, given: Mapping[str, Any]) -> Sequence[Shown]:
    found = [format_validators.find(slug) for slug in question.format_validators]
    return [_validator(each) for each in found if each is not None]


def _options_of(question: Question, context: Context, given: Mapping[str, Any]) -> Sequence[Shown]:
    return _offered(str(question.data_source), question, context, from_json(given.get("context"), "context"))


def _data_of(source: Any, context: Context, given: Mapping[str, Any]) -> Sequence[Shown]:
    if data_sources.find(given["name"]) is None:
        raise NotFound(f"There is no data source {shown(given['name'])}.", field="name")
    question = None
    if given.get("question"):
        question = visible(Question, context).filter(pk=key_of(given["question"], Question, "question")).first()
        if question is None:
            raise NotFound(f"There is no question {shown(given['question'])}.", field="question")
    return _offered(given["name"], question, context, from_json(given.get("context"), "context"))


def validators() -> Any:
    """The format validators of a question."""
    return listed(_validators_of, reads=["format_validators"])


def offered() -> Any:
    """What the data source of a question offers to the user."""
    return listed(_options_of, reads=_WHOLE, arguments=[_CONTEXT])


@strawberry.type
class SourceQueries:
    """What can be asked about the site's own code for forms."""

    all_data_sources: Connection[DataSource] | None = listed(_all_sources)
    data_source: Connection[DataSourceData] | None = listed(
        _data_of, arguments=[argument("name", str), argument("question", str | None), _CONTEXT]
    )
    all_format_validators: Connection[FormatValidator] | None = listed(_all_validators)
