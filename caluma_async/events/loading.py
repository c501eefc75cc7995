"""The objects that receivers get: each delivery its own, those of many deliveries in one query per model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from operator import itemgetter
from typing import Any, Final
from weakref import ref

from django.apps import apps
from django.db import connection
from django.db.models import BooleanField, Field, JSONField, Model
from django.db.models.base import ModelState
from django.db.models.expressions import RawSQL
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.signals import post_init, pre_init

from caluma_async.events.outbox.dialect import dialect
from caluma_async.events.stored import Reference
from caluma_async.prepared import run

Setter = Callable[[Any, Any], None]

_at_hand: Final[dict[type[Model], tuple[str, ...]]] = {}


def at_hand(model: type[Model], *paths: str) -> None:
    """Say which related objects (as in `select_related`) come along with objects of a model."""
    _at_hand[model] = paths
    _readers.clear()


def load(wanted: Sequence[Collection[Reference]]) -> list[dict[Reference, Model]]:
    """The objects that each delivery wants, in the same order; what is gone is missing.

    One query per model, with the objects `at_hand`. No two deliveries share an instance.
    """
    keys: dict[str, dict[Any, None]] = {}
    for references in wanted:
        for reference in references:
            keys.setdefault(reference.model, {})[reference.key] = None
    rows = {model: reader(model).rows(list(of_model)) for model, of_model in keys.items()}
    make = {model: reader(model).made.of for model in keys}
    return [
        {
            reference: make[reference.model](row)
            for reference in references
            if (row := rows[reference.model].get(reference.key)) is not None
        }
        for references in wanted
    ]


class _Reader:
    """Reads objects of one model. The SQL is made once, and planned once per connection.

    Django compiles a query with seven relations for longer than PostgreSQL runs it, and PostgreSQL plans it for
    longer still.
    """

    def __init__(self, model: type[Model]) -> None:
        key = model._meta.pk
        table, column = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(str(key.column))
        one_of = dialect().one_of(str(key.db_type(connection)).partition("(")[0])
        condition = RawSQL(f"{table}.{column} {one_of}", (None,), output_field=BooleanField())  # noqa: S611 - our names
        # without a name `select_related` would follow every relation
        queryset = model._base_manager.select_related(*_at_hand.get(model) or [None]).filter(condition)
        compiler: Any = queryset.query.get_compiler(connection=connection)
        self.sql, _ = compiler.as_sql()
        columns = [column[0] for column in compiler.select]
        self.key = key
        self.place = [column.target for column in columns].index(key)
        # finding converters and populators takes longer than using them on a row
        converters = {
            place: ([_read_json] if _is_usual_json(column.output_field) else functions, column)
            for place, (functions, column) in compiler.get_converters(columns).items()
        }
        names = [column.target.attname for column in columns]
        self.made = _Made(compiler.klass_info, names, converters, connection.alias)

    def rows(self, keys: Sequence[Any]) -> dict[Any, Any]:
        """The rows with these keys, by key."""
        rows = run(self.sql, [dialect().listed(keys)])
        return {self.key.to_python(row[self.place]): row for row in rows}


def _is_usual_json(field: Field[Any, Any]) -> bool:
    return isinstance(field, JSONField) and field.decoder is None and _reads_usually(type(field))


def _reads_usually(kind: type[JSONField[Any, Any]]) -> bool:
    theirs: Any = kind
    return bool(theirs.from_db_value is JSONField.from_db_value)


def _read_json(value: Any, *_: Any) -> Any:
    """What `JSONField` does; most of what is kept in them is empty."""
    if value == "[]":
        return []
    if value == "{}":
        return {}
    return None if value is None else _decode(value)


_decode: Final = json.JSONDecoder().decode


class _Made:
    """An object that is made of some columns of a row, and those that come along with it; as Django has put it down.

    Those that come along are made when they are asked for, unless somebody may notice: few receivers want them all.
    """

    def __init__(
        self, info: Mapping[str, Any], names: Sequence[str], converters: Mapping[int, tuple[Any, Any]], alias: str
    ) -> None:
        model = info["model"]
        order = {field.attname: number for number, field in enumerate(model._meta.concrete_fields)}
        places = sorted(info["select_fields"], key=lambda place: order[names[place]])
        self.names = [names[place] for place in places]
        self.values = itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))
        self.converters = [(number, *converters[place]) for number, place in enumerate(places) if place in converters]
        self.key = places[self.names.index(model._meta.pk_fields[0].attname)]
        self.alias = alias
        self.model: Any = _Quick(model) if _Quick.fits(model) else model
        self.along: list[tuple[_Made, Setter, Setter]] = []
        self.later: dict[str, tuple[_Made, Setter]] = {}
        for one in info.get("related_klass_infos", ()):
            self._add(_Made(one, names, converters, alias), one["local_setter"], one["remote_setter"])

    def _add(self, made: _Made, set_here: Setter, set_there: Setter) -> None:
        field: Any = getattr(set_here, "__self__", None)
        if isinstance(self.model, _Quick) and made.is_quick and set_here == getattr(field, "set_cached_value", None):
            self.later[field.cache_name] = made, set_there
        else:
            self.along.append((made, set_here, set_there))

    @property
    def is_quick(self) -> bool:
        """Whether nobody is told when it is made, nor when what comes along is."""
        return isinstance(self.model, _Quick) and not self.along

    def of(self, row: Sequence[Any]) -> Model:
        """The object; what comes along with it may be missing."""
        values = list(self.values(row))
        for number, functions, column in self.converters:
            for convert in functions:
                values[number] = convert(values[number], column, connection)
        instance: Model = self.model.from_db(self.alias, self.names, values)
        if self.later:
            instance._state.fields_cache = _Later(self.later, row, instance)
        for made, set_here, set_there in self.along:
            other = None if row[made.key] is None else made.of(row)
            set_here(instance, other)
            if other is not None:
                set_there(other, instance)
        return instance


class _Later(dict[str, Any]):
    """The related objects that an instance knows. Those that came with its row are made when they are asked for."""

    __slots__ = ("_instance", "_left", "_row")

    def __init__(self, left: Mapping[str, tuple[_Made, Setter]], row: Sequence[Any], instance: Model) -> None:
        self._left = left
        self._row = row
        self._instance = ref(instance)

    def __missing__(self, name: str) -> Model | None:
        made, set_there = self._left[name]
        other = self[name] = None if self._row[made.key] is None else made.of(self._row)
        if other is not None and (instance := self._instance()) is not None:
            set_there(other, instance)
        return other

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or name in self._left

    def __delitem__(self, name: str) -> None:
        known = name in self
        self._left = {other: one for other, one in self._left.items() if other != name}
        if not known:
            raise KeyError(name)
        self.pop(name, None)

    def copy(self) -> dict[str, Any]:
        """All of them: what is asked when an object is copied or pickled."""
        return dict(self.items())

    def __iter__(self) -> Iterator[str]:
        return iter({**self._left, **dict.fromkeys(dict.keys(self))})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def keys(self) -> Any:
        return KeysView(self)

    def values(self) -> Any:
        return ValuesView(self)

    def items(self) -> Any:
        return ItemsView(self)


class _Quick:
    """Makes instances of a model from columns without its `__init__`, which takes three quarters of the time.

    Stands where Django has the model. What `Model.__init__` does with columns is to set them one by one.
    """

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self._meta = model._meta
        attributes = {field.attname: getattr(model, field.attname, None) for field in model._meta.concrete_fields}
        self._descriptors = [name for name, found in attributes.items() if _sets_itself(found)]

    @staticmethod
    def fits(model: type[Model]) -> bool:
        """Whether nobody notices: the model makes its instances as Django does, and nobody listens."""
        theirs: Any = model
        usual = theirs.__init__ is Model.__init__ and theirs.from_db.__func__ is Model.from_db.__func__  # type: ignore[attr-defined]
        heard = pre_init.has_listeners(model) or post_init.has_listeners(model)
        return usual and theirs.__setattr__ is Model.__setattr__ and not heard

    def from_db(self, using: str | None, names: Sequence[str], values: Sequence[Any]) -> Model:
        """An instance with these columns, saved in that database."""
        instance = self.model.__new__(self.model)
        state = ModelState()
        state.adding, state.db = False, using
        attributes = instance.__dict__
        attributes.update(zip(names, values, strict=False))
        attributes["_state"] = state
        for name in self._descriptors:
            if name in attributes:
                setattr(instance, name, attributes[name])
        return instance


def _sets_itself(attribute: Any) -> bool:
    """Whether assigning does more than to keep the value, as for localized texts or files."""
    return hasattr(attribute, "__set__") and not isinstance(attribute, ForeignKeyDeferredAttribute)


_readers: Final[dict[tuple[str, str], _Reader]] = {}
_making = threading.Lock()


def reader(model: str) -> _Reader:
    """The reader of a model (`app.model`), made once per kind of database."""
    wanted = connection.vendor, model
    if wanted not in _readers:
        with _making:
            _readers[wanted] = _Reader(apps.get_model(model))
    return _readers[wanted]
