"""The filters that all records share: by whom and when they were made or changed, by their `meta`, and by words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final

import strawberry
from django.db.models import Model, Q
from django.db.models.lookups import Exact, IContains

from caluma_async.errors import InvalidInput
from caluma_async.graphql.filters.conditions import Clause, before, depth, equals, means, since, size
from caluma_async.graphql.filters.json import HasKey, Overlaps, ValueAt
from caluma_async.graphql.localized import shown_text
from caluma_async.graphql.scalars import GenericScalar

_TEXT: Final = {"startswith", "icontains"}
_LISTS: Final = {"in", "intersects"}
_ORDERED: Final = {"gt", "gte", "lt", "lte"}

# as MOST_FILTERS; that many of each together are still taken
MOST_WORDS: Final = 20
MOST_VALUES: Final = 300
DEEPEST_VALUE: Final = 5
LONGEST_TEXT: Final = 1_000


@strawberry.enum
class JSONLookupMode(Enum):
    """How a value in a JSON object is compared."""

    EXACT = "exact"
    STARTSWITH = "startswith"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    IN = "in"
    INTERSECTS = "intersects"
    GTE = "gte"
    GT = "gt"
    LTE = "lte"
    LT = "lt"


@strawberry.input
class JSONValueFilterType:
    """A value under a key of a JSON object; compared exactly unless said otherwise."""

    key: str
    value: GenericScalar
    lookup: JSONLookupMode | None = strawberry.UNSET


def has_key(path: str) -> Any:
    """The object has this key."""
    return means(lambda key: Q(HasKey(path, key)))


def overlaps(path: str) -> Any:
    """The list of strings has at least one of these."""
    return means(lambda texts: Q(Overlaps(path, texts)))


def has_values(path: str, *, reaches: Mapping[str, type[Model]] | None = None) -> Any:
    """The object has all these values."""

    def meaning(wanted: Sequence[Mapping[str, Any]]) -> Clause:
        if len(wanted) > MOST_WORDS:
            raise InvalidInput(f"filter: {MOST_WORDS} keys at most.", field="filter")
        return _all(_value(path, one) for one in wanted)

    return means(meaning, reaches=reaches)


def in_words(*paths: str) -> Any:
    """All words of a text are found, each in any of the attributes; in localized ones as the user reads them."""

    def meaning(text: str) -> Clause | None:
        words = short(text).split()
        if len(words) > MOST_WORDS:
            raise InvalidInput(f"filter: {MOST_WORDS} words at most.", field="filter")
        return _all(_word(paths, word) for word in words) if words else None

    return means(meaning)


def short(text: str) -> str:
    """The text, if it is short enough to be looked for in others."""
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(f"filter: {LONGEST_TEXT} characters at most.", field="filter")
    return text


def reads(path: str) -> Any:
    """The localized attribute is this text, as the user reads it."""
    return means(lambda text: Q(Exact(shown_text(path), text)))


def _word(paths: Iterable[str], word: str) -> Q:
    found = Q()
    for path in paths:
        # a slug is a column of its own
        found |= Q(**{f"{path}__icontains": word}) if path == "slug" else Q(IContains(shown_text(path), word))
    return found


def _value(path: str, wanted: Mapping[str, Any]) -> Q:
    mode = wanted.get("lookup") or JSONLookupMode.EXACT
    return Q(ValueAt(path, wanted["key"], mode.value, _fitting(mode, wanted["value"])))


def _fitting(mode: JSONLookupMode, value: Any) -> Any:
    """The value, if the lookup can compare with it."""
    if mode.value in _TEXT and not isinstance(value, str):
        raise _unfit(mode, "a string")
    if mode.value in _LISTS and not isinstance(value, list):
        raise _unfit(mode, "a list")
    if mode.value in _ORDERED and (isinstance(value, bool) or not isinstance(value, str | int | float)):
        raise _unfit(mode, "a number or a string")
    if depth(value) > DEEPEST_VALUE or size(value) > MOST_VALUES:
        raise _unfit(mode, f"{MOST_VALUES} values at most, nested in {DEEPEST_VALUE} levels at most")
    return short(value) if mode.value in _TEXT else value


def _unfit(mode: JSONLookupMode, kind: str) -> InvalidInput:
    return InvalidInput(f"filter: {mode.name} compares with {kind}.", field="filter")


def _all(clauses: Iterable[Q]) -> Q:
    found = Q()
    for clause in clauses:
        found &= clause
    return found


@strawberry.input
class Inverted:
    """A filter that may be turned round."""

    invert: bool | None = strawberry.UNSET


@strawberry.input
class RecordFilters(Inverted):
    """By whom and when a record was made or changed."""

    created_by_user: str | None = equals("created_by_user")
    created_by_group: str | None = equals("created_by_group")
    modified_by_user: str | None = equals("modified_by_user")
    modified_by_group: str | None = equals("modified_by_group")
    created_before: datetime | None = before("created_at")
    created_after: datetime | None = since("created_at")
    modified_before: datetime | None = before("modified_at")
    modified_after: datetime | None = since("modified_at")


@strawberry.input
class MetaFilters(RecordFilters):
    """As `RecordFilters`, and by what `meta` holds."""

    meta_has_key: str | None = has_key("meta")
    meta_value: list[JSONValueFilterType | None] | None = has_values("meta")
