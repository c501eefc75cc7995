"""The objects that receivers get: each delivery its own, those of many deliveries in one query per model."""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from django.apps import apps
from django.db import connection
from django.db.models import BooleanField, Model
from django.db.models.expressions import RawSQL

from caluma_async.events.outbox.dialect import dialect, run
from caluma_async.events.stored import Reference

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
    found: list[dict[Reference, Model]] = [{} for _ in wanted]
    for model, of_model in rows.items():
        _deal(model, of_model, wanted, found)
    return found


def _deal(
    model: str,
    rows: Mapping[Any, Any],
    wanted: Sequence[Collection[Reference]],
    found: Sequence[dict[Reference, Model]],
) -> None:
    """Make an instance of its row for every delivery that wants one."""
    places = [
        (place, reference)
        for place, references in enumerate(wanted)
        for reference in references
        if reference.model == model and reference.key in rows
    ]
    instances = reader(model).instances([rows[reference.key] for _, reference in places])
    for (place, reference), instance in zip(places, instances, strict=True):
        found[place][reference] = instance


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
        self.queryset = model._base_manager.select_related(*_at_hand.get(model, ())).filter(condition)
        self.compiler = self.queryset.query.get_compiler(connection=connection)
        self.sql, _ = self.compiler.as_sql()
        self.key = key
        self.place = [column[0].target for column in self.compiler.select].index(key)
        # finding them takes longer than converting a row
        self.converters = self.compiler.get_converters([column[0] for column in self.compiler.select])

    def rows(self, keys: Sequence[Any]) -> dict[Any, Any]:
        """The rows with these keys, by key."""
        rows = run(self.sql, [dialect().listed(keys)])
        return {self.key.to_python(row[self.place]): row for row in rows}

    def instances(self, rows: Sequence[Any]) -> list[Model]:
        """One instance for each row, also if it comes twice."""
        if not rows:
            return []
        compiler: Any = copy.copy(self.compiler)
        compiler.connection = connection
        compiler.execute_sql = lambda *_, **__: [rows]
        compiler.get_converters = lambda _: self.converters
        queryset = self.queryset.all()
        answered: Any = queryset.query
        answered.get_compiler = lambda *_, **__: compiler
        return list(queryset)


_readers: Final[dict[tuple[str, str], _Reader]] = {}
_making = threading.Lock()


def reader(model: str) -> _Reader:
    """The reader of a model (`app.model`), made once per kind of database."""
    wanted = connection.vendor, model
    if wanted not in _readers:
        with _making:
            _readers[wanted] = _Reader(apps.get_model(model))
    return _readers[wanted]
