"""`hasAnswer` and its like: what is filtered by answers to questions, each compared as its question's type allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Any, Final

import strawberry
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from caluma_async.errors import InvalidInput
from caluma_async.form.models import Answer, Document, Question
from caluma_async.graphql.context import Context
from caluma_async.graphql.filters.conditions import means_for_user, size
from caluma_async.graphql.filters.meta import MOST_VALUES, MOST_WORDS, short
from caluma_async.graphql.filters.values import ValueIs
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.relay import key_of
from caluma_async.graphql.scalars import GenericScalar
from caluma_async.verbs.inputs import shown


@strawberry.enum
class AnswerLookupMode(Enum):
    """How an answer is compared."""

    EXACT = "exact"
    STARTSWITH = "startswith"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    INTERSECTS = "intersects"
    ISNULL = "isnull"
    IN = "in"
    GTE = "gte"
    GT = "gt"
    LTE = "lte"
    LT = "lt"


@strawberry.enum
class AnswerHierarchyMode(Enum):
    """Where the answer may be: in the document itself, or anywhere in the family of a root document."""

    DIRECT = "direct"
    FAMILY = "family"


@strawberry.input
class HasAnswerFilterType:
    """An answer to a question; compared exactly, and anywhere in the family, unless said otherwise."""

    question: strawberry.ID
    value: GenericScalar | None = strawberry.UNSET
    lookup: AnswerLookupMode | None = strawberry.UNSET
    hierarchy: AnswerHierarchyMode | None = strawberry.UNSET


Reaches = Mapping[str, type[Model]]

_TEXT: Final = frozenset({"exact", "startswith", "contains", "icontains", "in"})
_ORDERED: Final = frozenset({"exact", "lt", "lte", "gt", "gte", "in"})
_ONE: Final = frozenset({"exact", "in"})
_MANY: Final = frozenset({"exact", "contains", "intersects"})
_LOOKUPS: Final[Mapping[str, frozenset[str]]] = {
    Question.TYPE_TEXT: _TEXT,
    Question.TYPE_TEXTAREA: _TEXT,
    Question.TYPE_INTEGER: _ORDERED,
    Question.TYPE_FLOAT: _ORDERED,
    Question.TYPE_CALCULATED_FLOAT: _ORDERED,
    Question.TYPE_DATE: _ORDERED,
    Question.TYPE_CHOICE: _ONE,
    Question.TYPE_DYNAMIC_CHOICE: _ONE,
    Question.TYPE_MULTIPLE_CHOICE: _MANY,
    Question.TYPE_DYNAMIC_MULTIPLE_CHOICE: _MANY,
    Question.TYPE_TABLE: frozenset(),
    Question.TYPE_FILES: frozenset(),
}
_NUMBERS: Final = frozenset({Question.TYPE_INTEGER, Question.TYPE_FLOAT, Question.TYPE_CALCULATED_FLOAT})


def has_answers(path: str, reaches: Reaches | None = None) -> Any:
    """A key of a filter: the document whose key is at `path` has all these answers.

    `reaches` names the relations to it and on the way: what the user may not see there counts as not being there.
    """

    return means_for_user(lambda wanted, context: answered(path, wanted, context) & reached(reaches or {}, context))


def answered(path: str, wanted: Sequence[Mapping[str, Any]], context: Context) -> Q:
    """That the document whose key is at the path has all these answers."""
    if len(wanted) > MOST_WORDS:
        raise InvalidInput(f"filter: {MOST_WORDS} answers at most.", field="filter")
    types = question_types([key_of(one["question"], Question, "question") for one in wanted], context)
    return together(Q(Exists(_answers(one, types, path, context))) for one in wanted)


def reached(reaches: Reaches, context: Context) -> Q:
    """That the user may see what these relations lead to."""
    restricted = {path: model for path, model in reaches.items() if context.access.restricts(model)}
    return together(Q(**{f"{path}__in": visible(model, context)}) for path, model in restricted.items())


def together(clauses: Iterable[Q]) -> Q:
    """All of them."""
    found = Q()
    for clause in clauses:
        found &= clause
    return found


def seen_answers(context: Context) -> QuerySet[Answer]:
    """The answers that the user may see, in documents that the user may see."""
    found = visible(Answer, context)
    if context.access.restricts(Document):
        found = found.filter(document__in=visible(Document, context))
    return found


def question_types(slugs: Sequence[Any], context: Context) -> dict[str, str]:
    """The types of these questions; raises `InvalidInput` for one that is not there, or that the user may not see."""
    found = dict(visible(Question, context).filter(pk__in=slugs).values_list("pk", "type"))
    missing = next((slug for slug in slugs if slug not in found), None)
    if missing is not None:
        raise InvalidInput(f"filter: there is no question {shown(missing)}.", field="filter")
    return found


def _answers(one: Mapping[str, Any], types: Mapping[str, str], path: str, context: Context) -> QuerySet[Answer]:
    """The answers that one filter means, in the document at the path or, if it is a root, in its family."""
    slug = str(key_of(one["question"], Question, "question"))
    lookup = (one.get("lookup") or AnswerLookupMode.EXACT).value
    where = "document" if one.get("hierarchy") is AnswerHierarchyMode.DIRECT else "document__family"
    here = seen_answers(context).filter(**{where: OuterRef(path)}, question=slug)
    return here.filter(_compared(slug, types[slug], lookup, one.get("value")))


def _compared(slug: str, kind: str, lookup: str, value: Any) -> Q:
    if lookup == "isnull" and kind in _LOOKUPS:
        return Q(value__isnull=True, date__isnull=True)
    if lookup not in _LOOKUPS.get(kind, ()):
        raise InvalidInput(
            f"filter: answers to {slug}, a question of the type {kind}, cannot be compared by {lookup.upper()}.",
            field="filter",
        )
    if size(value) > MOST_VALUES:
        raise InvalidInput(f"filter: {MOST_VALUES} values at most.", field="filter")
    given = _fitting(slug, kind, lookup, value)
    if kind == Question.TYPE_DATE:
        return Q(**{"date" if lookup == "exact" else f"date__{lookup}": given})
    if lookup in {"in", "intersects"} and not given:
        return Q(pk__in=[])
    return Q(ValueIs("value", lookup, given))


def _fitting(slug: str, kind: str, lookup: str, value: Any) -> Any:
    """The value as it is compared; raises `InvalidInput` if no answer of that kind could be like it."""
    read, sort = _READERS[_sort_of(kind)]
    many = lookup in {"in", "intersects"} or (kind in _LOOKUPS and _LOOKUPS[kind] is _MANY)
    try:
        return [read(each) for each in _listed(value)] if many else read(value)
    except (ValueError, TypeError) as error:
        wanted = f"a list, each of them {sort}" if many else sort
        raise InvalidInput(
            f"filter: {lookup.upper()} compares answers to {slug} with {wanted}.", field="filter"
        ) from error


def _sort_of(kind: str) -> str:
    return "number" if kind in _NUMBERS else "date" if kind == Question.TYPE_DATE else "text"


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return short(value)


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value


_READERS: Final[Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "text": (_text, "a text"),
    "number": (_number, "a number"),
    "date": (lambda value: date.fromisoformat(_text(value)), "a day such as 2024-12-31"),
}
