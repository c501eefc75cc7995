"""What the keys of a filter mean, as declared on its input type, and how a list of filters narrows a queryset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import strawberry
from django.db.models import BooleanField, Case, Exists, Expression, Model, Q, QuerySet, Value, When
from strawberry.utils.str_converters import to_camel_case

from caluma_async.errors import InvalidInput
from caluma_async.graphql.context import Context
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.relay import key_of
from caluma_async.verbs import inputs

Clause = Q | Expression
Meaning = Callable[[Any], "Clause | None"]
MeaningForUser = Callable[[Any, Context], "Clause | None"]
MeaningAmong = Callable[[Any, Context, QuerySet[Any]], "Clause | None"]

CONDITION: Final = "condition"

# SQLite takes conditions that are nested in 1000 levels, and each further one counts as a level
MOST_FILTERS: Final = 20
MOST_VALUES: Final = 10_000
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Condition:
    """What a key of a filter means.

    `meaning` makes a condition of the value, or `None` if it changes nothing. `reaches` names the relations that it
    looks through: what the user may not see there counts as not being there. With `names`, the value is the id of an
    object of that model, and finds nothing if the user may not see that one.
    """

    meaning: MeaningAmong
    reaches: Mapping[str, type[Model]] = field(default_factory=dict)
    names: type[Model] | None = None


def means(
    meaning: Meaning, *, reaches: Mapping[str, type[Model]] | None = None, names: type[Model] | None = None
) -> Any:
    """A key of a filter with that meaning; `reaches` and `names` as for `Condition`."""
    return _key(Condition(lambda value, _context, _among: meaning(value), reaches or {}, names))


def means_for_user(meaning: MeaningForUser) -> Any:
    """A key of a filter with that meaning, which sees to it that it looks at nothing that the user may not see."""
    return _key(Condition(lambda value, context, _among: meaning(value, context)))


def means_among(meaning: MeaningAmong) -> Any:
    """As `means_for_user`, for what has to be found out about the objects that are left so far.

    Below a parent these are the objects of all parents of that place; `page_parent` is whose each is.
    """
    return _key(Condition(meaning))


def _key(condition: Condition) -> Any:
    return strawberry.field(default=strawberry.UNSET, metadata={CONDITION: condition})


def equals(path: str) -> Any:
    """The attribute has this value."""
    return means(lambda value: Q(**{path: plain(value)}))


def any_of(path: str) -> Any:
    """The attribute has one of these values."""
    return means(lambda values: Q(**{f"{path}__in": [plain(value) for value in values]}))


def before(path: str) -> Any:
    """The attribute lies before this instant."""
    return equals(f"{path}__lt")


def since(path: str) -> Any:
    """The attribute lies at or after this instant."""
    return equals(f"{path}__gte")


def refers(model: type[Model], path: str, name: str, *, reaches: Mapping[str, type[Model]] | None = None) -> Any:
    """The attribute is the key of this object, given by an id of any sort; `name` is the key's name in messages."""
    return means(lambda value: Q(**{path: key_of(value, model, name)}), reaches=_reaching(path, model, reaches))


def refers_to_any(model: type[Model], path: str, name: str, *, reaches: Mapping[str, type[Model]] | None = None) -> Any:
    """The attribute is the key of one of these objects, given by ids of any sort."""
    return means(
        lambda values: Q(**{f"{path}__in": [key_of(value, model, name) for value in values]}),
        reaches=_reaching(path, model, reaches),
    )


def _reaching(path: str, model: type[Model], more: Mapping[str, type[Model]] | None) -> Mapping[str, type[Model]]:
    """What a reference looks at: the object that it names too, unless that is the one which is filtered."""
    return (more or {}) if path in {"pk", "slug"} else {**(more or {}), path: model}


def plain(value: Any) -> Any:
    """The value as a column has it."""
    return value.value if isinstance(value, Enum) else value


def storable(value: Any, name: str, *, of: str) -> Any:
    """The value itself; raises `InvalidInput` if there is something in it that no database takes.

    `name` is the key's, `of` that of the argument: `filter` or `order`.
    """
    try:
        _check_storable(value, name)
    except InvalidInput as complaint:
        raise InvalidInput(f"{of}: {complaint.message}", field=of) from complaint
    return value


def _check_storable(value: Any, name: str) -> None:
    if isinstance(value, list):
        for part in value:
            _check_storable(part, name)
    elif isinstance(value, dict):
        # of a value in it, only what the client wrote as it liked
        inputs.json_object(name, {key: part for key, part in value.items() if not isinstance(part, Enum)})
    elif isinstance(value, str):
        inputs.text(name, value)


def size(value: Any) -> int:
    """How many values there are in a value; keys are none."""
    return sum(1 - len(part) if isinstance(part, Mapping) else 1 for part, _ in inputs.parts(value))


def depth(value: Any) -> int:
    """How deep a value is nested; 1 where it is not."""
    return max(level for _, level in inputs.parts(value))


def filtered(
    queryset: QuerySet[Any], kind: type, filters: Sequence[Mapping[str, Any] | None] | None, context: Context
) -> QuerySet[Any]:
    """The objects that all filters leave, applied in their order.

    `kind` is the input type that the filters are of; they come as graphql-core reads them, by GraphQL names. An empty
    filter or value changes nothing.
    """
    conditions = _conditions(kind)
    if len(filters or ()) > MOST_FILTERS or size(filters) > MOST_VALUES:
        raise InvalidInput(f"filter: {MOST_FILTERS} objects and {MOST_VALUES} values at most.", field="filter")
    for given in filters or ():
        clause = _clause(conditions, given or {}, context, queryset)
        if clause is not None:
            queryset = queryset.filter(_inverted(clause) if (given or {}).get("invert") else clause)
    return queryset


def _clause(
    conditions: Mapping[str, Condition], given: Mapping[str, Any], context: Context, among: QuerySet[Any]
) -> Clause | None:
    keys = {key: _without_nulls(value) for key, value in given.items() if key != "invert"}
    filled = {key: value for key, value in keys.items() if value not in _EMPTY}
    if len(filled) > 1:
        names = " and ".join(sorted(filled))
        raise InvalidInput(f"filter: one key per object besides invert, not {names} together.", field="filter")
    for key, value in filled.items():
        clause = conditions[key].meaning(storable(value, key, of="filter"), context, among)
        return _seen(conditions[key], clause, value, context)
    return None


def _seen(condition: Condition, clause: Clause | None, value: Any, context: Context) -> Clause | None:
    """The clause, where it does not look at what the user may not see."""
    named = condition.names
    if clause is not None and named is not None and context.access.restricts(named):
        clause = Q(clause) & Q(Exists(visible(named, context).filter(pk=key_of(value, named, "filter"))))
    for path, model in condition.reaches.items():
        if clause is not None and context.access.restricts(model):
            clause = Q(clause) & Q(**{f"{path}__in": visible(model, context)})
    return clause


def _inverted(clause: Clause) -> Clause:
    """Everything else, also what the database calls neither true nor false."""
    return Case(When(clause, then=Value(False)), default=Value(True), output_field=BooleanField())


def _without_nulls(value: Any) -> Any:
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _conditions(kind: type) -> Mapping[str, Condition]:
    found: Mapping[str, Condition] | None = kind.__dict__.get("conditions_by_name")
    if found is None:
        fields = kind.__strawberry_definition__.fields  # type: ignore[attr-defined]
        named = {field.graphql_name or to_camel_case(field.python_name): field.metadata for field in fields}
        found = {name: metadata[CONDITION] for name, metadata in named.items() if CONDITION in metadata}
        kind.conditions_by_name = found  # type: ignore[attr-defined]
    return found
