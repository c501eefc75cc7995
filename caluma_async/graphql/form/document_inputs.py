"""The inputs of the mutations of documents and answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import strawberry

from caluma_async.errors import InvalidInput
from caluma_async.form.models import Answer, Document, File, Form, Question
from caluma_async.graphql.inputs import json_text, optional, read_by, reference, references
from caluma_async.graphql.relay import key_of
from caluma_async.graphql.scalars import JSONString
from caluma_async.graphql.verbs import Input


@strawberry.input
class SaveDocumentInput(Input):
    """A document to make, or with the id of one, to change."""

    id: str | None = reference(Document, optional=True)
    form: strawberry.ID = reference(Form)
    meta: JSONString | None = json_text()


@strawberry.input
class CopyDocumentInput(Input):
    """A document to copy."""

    source: strawberry.ID = reference(Document)


@strawberry.input
class RemoveDocumentInput(Input):
    """A document to remove."""

    document: strawberry.ID = reference(Document)


@strawberry.input
class RemoveAnswerInput(Input):
    """An answer to remove."""

    answer: strawberry.ID = reference(Answer)


@strawberry.input
class SaveDocumentAnswerInput(Input):
    """Which question is answered, in which document. A value that is left out empties the answer."""

    question: strawberry.ID = reference(Question)
    document: strawberry.ID = reference(Document)
    meta: JSONString | None = json_text()
    data_source_context: JSONString | None = json_text()


@strawberry.input
class SaveDocumentStringAnswerInput(SaveDocumentAnswerInput):
    """A text, or the slug of an option."""

    value: str | None = optional()


@strawberry.input
class SaveDocumentIntegerAnswerInput(SaveDocumentAnswerInput):
    """A whole number."""

    value: int | None = optional()


@strawberry.input
class SaveDocumentFloatAnswerInput(SaveDocumentAnswerInput):
    """A number."""

    value: float | None = optional()


@strawberry.input
class SaveDocumentDateAnswerInput(SaveDocumentAnswerInput):
    """A day."""

    value: date | None = optional()


@strawberry.input
class SaveDocumentListAnswerInput(SaveDocumentAnswerInput):
    """Slugs of options, in order."""

    value: list[str | None] | None = optional()


@strawberry.input
class SaveDocumentTableAnswerInput(SaveDocumentAnswerInput):
    """All rows, in order. `knownRows`: those that the client knew of; rows that it did not know stay."""

    value: list[strawberry.ID | None] | None = references(Document, optional=True)
    known_rows: list[strawberry.ID | None] | None = references(Document, optional=True)


@strawberry.input
class SaveFile:
    """A file: without id a new one, with it one that stays, perhaps under another name."""

    id: str | None = optional()
    name: str | None = optional()


def _files(values: list[Mapping[str, Any] | None] | None, name: str) -> Any:
    """Files by their keys."""
    if values is not None and None in values:
        raise InvalidInput(f"{name} must not contain null.", field=name)
    return None if values is None else [_file(value, name) for value in values]


def _file(value: Any, name: str) -> dict[str, Any]:
    key = value.get("id")
    return {"name": value.get("name"), "id": None if key is None else key_of(key, File, name)}


@strawberry.input
class SaveDocumentFilesAnswerInput(SaveDocumentAnswerInput):
    """All files; those that are not named are removed."""

    value: list[SaveFile | None] | None = read_by(_files)
