"""Writing many rows in few statements, as verbs do it: whoever listens for saved or deleted rows hears of each.

Django sends no signals for writes in bulk; who listens need not know how a row was written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.dispatch import Signal

from caluma_async.records import Record

R = TypeVar("R", bound=Record)

deleted: Final = Signal()
"""Sent once per table of `delete`, with the `rows`: for those who have a statement of their own to run then."""


def insert(rows: Sequence[R]) -> None:
    """Write new rows of one table in one statement."""
    if not rows:
        return
    model = type(rows[0])
    _tell(pre_save, model, rows, raw=False, update_fields=None)
    model._default_manager.bulk_create(rows)
    _tell(post_save, model, rows, raw=False, update_fields=None, created=True)


def update(rows: Sequence[R], names: Iterable[str]) -> None:
    """Write columns, in which all rows have the same new values, in one statement; the stamps are among them."""
    if not rows:
        return
    fields = {*names, *Record.STAMPS}
    if len(rows) == 1:
        rows[0].save(update_fields=fields)
        return
    model = type(rows[0])
    _tell(pre_save, model, rows, raw=False, update_fields=frozenset(fields))
    values = {name: getattr(rows[0], name) for name in fields}
    model._default_manager.filter(pk__in=[row.pk for row in rows]).update(**values)
    _tell(post_save, model, rows, raw=False, update_fields=frozenset(fields), created=False)


def update_each(rows: Sequence[R], names: Iterable[str]) -> None:
    """Write columns, in which each row has values of its own, in one statement; the stamps are among them."""
    if len(rows) <= 1:
        update(rows, names)
        return
    model, fields = type(rows[0]), {*names, *Record.STAMPS}
    _tell(pre_save, model, rows, raw=False, update_fields=frozenset(fields))
    model._default_manager.bulk_update(rows, sorted(fields))
    _tell(post_save, model, rows, raw=False, update_fields=frozenset(fields), created=False)


def delete(rows: Iterable[Model]) -> None:
    """Delete rows in one statement per table, the tables in the order in which they first occur.

    The caller names every row that refers to one of them, or has seen to it that none does.
    """
    by_model: dict[type[Model], list[Model]] = defaultdict(list)
    for row in rows:
        by_model[type(row)].append(row)
    for model, of_model in by_model.items():
        _tell(pre_delete, model, of_model, origin=of_model[0])
    for model, of_model in by_model.items():
        keys = [row.pk for row in of_model]
        queryset: Any = model._default_manager.filter(pk__in=keys)
        queryset._raw_delete(queryset.db)
        _tell(post_delete, model, of_model, origin=of_model[0])
        deleted.send(model, rows=of_model)


def _tell(signal: Any, model: type[Model], rows: Iterable[Model], **more: Any) -> None:
    if signal.has_listeners(model):
        for row in rows:
            signal.send(sender=model, instance=row, using=row._state.db or "default", **more)
