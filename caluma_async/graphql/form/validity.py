"""Queries about the evaluation of documents: whether they are valid, and what their expressions find around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry
from django.db.models import Model

from caluma_async.errors import NotFound
from caluma_async.expressions import afford
from caluma_async.form import models
from caluma_async.form.loading import structure
from caluma_async.form.surroundings import Around
from caluma_async.form.validation import Complaint, complaint_about, complaints
from caluma_async.graphql.context import Context
from caluma_async.graphql.database import orm
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.inputs import from_json
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.pages import PageInfo, Rows, argument, page, page_arguments
from caluma_async.graphql.relay import key_of
from caluma_async.graphql.scalars import GenericScalar, JSONString
from caluma_async.graphql.selection import ResolveInfo
from caluma_async.identity import User
from caluma_async.verbs.inputs import shown


@strawberry.type
class ValidationEntry:
    """What is wrong with one answer, or that there is none. `documentId` is that of the row where it is one."""

    slug: str
    error_msg: str = answered_by(lambda source, _info: source.message)
    error_code: str = answered_by(lambda source, _info: source.code)
    document_id: strawberry.ID = answered_by(lambda source, _info: str(source.document))


@strawberry.type
class ValidationResult:
    """Whether a document or an answer is valid, and all that is wrong."""

    id: strawberry.ID | None
    is_valid: bool | None
    errors: list[ValidationEntry | None] | None


@strawberry.type
class DocumentValidityEdge:
    """The result."""

    node: ValidationResult | None
    cursor: str


@strawberry.type
class DocumentValidityConnection:
    """A page of at most one result."""

    page_info: PageInfo
    edges: list[DocumentValidityEdge | None]
    total_count: int | None


@dataclass(frozen=True)
class Result:
    """The source of a `ValidationResult`."""

    id: str
    errors: Sequence[Complaint] = field(default_factory=list)

    @property
    def is_valid(self) -> bool:
        return not self.errors


Judge = Callable[[Any, User, Any], Sequence[Complaint]]


class Validity:
    """The resolver of a query that judges one object, if the user may see it."""

    def __init__(self, model: type[Model], judge: Judge) -> None:
        self._model = model
        self._judge = judge

    async def __call__(self, source: Any, info: ResolveInfo, /, **arguments: Any) -> Rows:
        named, asked = arguments.pop("id"), from_json(arguments.pop("dataSourceContext", None), "dataSourceContext")
        wanted = page(**arguments).within(1)
        result = await orm(self._result, named, info.context, asked)
        upper = 1 if wanted.upper is None else wanted.upper
        return Rows([result][wanted.lower : upper], wanted.lower, total_count=1)

    def _result(self, named: str, context: Context, asked: Any) -> Result:
        afford()  # what is refused in any case is not even looked for
        found = _visible(self._model, named, context)
        return Result(str(found.pk), self._judge(found, context.user, asked))


def _visible(model: type[Model], named: str, context: Context) -> Any:
    found = visible(model, context).filter(pk=key_of(named, model, "id")).first()
    if found is None:
        raise NotFound(f"There is no {model._meta.verbose_name} {shown(named)}.", field="id")
    return found


def _of_document(document: models.Document, user: User, context: Any) -> Sequence[Complaint]:
    return complaints(structure(document.pk), user, context)


def _of_answer(answer: models.Answer, user: User, context: Any) -> Sequence[Complaint]:
    if answer.document_id is None:
        return []
    found = complaint_about(structure(answer.document_id), answer.document_id, answer.question_id, user, context)
    return [] if found is None else [found]


async def _around(source: Any, info: ResolveInfo, /, *, id: str) -> Mapping[str, Any]:  # noqa: A002 - the contract's name
    return await orm(_info, id, info.context)


def _info(named: str, context: Context) -> Mapping[str, Any]:
    root: UUID = _visible(models.Document, named, context).family_id
    return {"info": Around([root]).of(root)}


def _judged(model: type[Model], judge: Judge) -> Any:
    pages = [each for each in page_arguments() if each.python_name != "offset"]
    arguments = [argument("id", strawberry.ID), argument("data_source_context", JSONString | None), *pages]
    return answered_by(Validity(model, judge), arguments=arguments)


@strawberry.type
class ValidityQueries:
    """What can be asked about the evaluation of documents."""

    document_validity: DocumentValidityConnection | None = _judged(models.Document, _of_document)
    answer_validity: DocumentValidityConnection | None = _judged(models.Answer, _of_answer)
    document_global_jexl_context: GenericScalar | None = answered_by(_around, arguments=[argument("id", strawberry.ID)])
