"""What a row looked like at one moment, to tell what receivers did to the object and what they did in the database."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django.db.models import Model


class Snapshot:
    """The column values of an object, as they are now; and those of related objects, which must be loaded."""

    def __init__(self, row: Model, *related: str) -> None:
        self._values = {name: _copy(row.__dict__[name]) for name in columns(row) if name in row.__dict__}
        self._related = {name: Snapshot(getattr(row, name)) for name in related}

    def changed(self, row: Model) -> list[str]:
        """The columns that the object has other values for than at that moment."""
        return [name for name, value in self._values.items() if row.__dict__.get(name) != value]

    def merge(self, row: Model, fresh: Model) -> None:
        """Take over what the database has now, where the object itself was not changed."""
        mine = set(self.changed(row))
        for name in self._values:
            if name not in mine and row.__dict__[name] != fresh.__dict__[name]:
                setattr(row, name, fresh.__dict__[name])
        for name, snapshot in self._related.items():
            snapshot.merge(getattr(row, name), getattr(fresh, name))


def columns(row: Model) -> list[str]:
    """The names under which an object holds the values of its columns."""
    return [field.attname for field in row._meta.concrete_fields]


def _copy(value: Any) -> Any:
    return deepcopy(value) if isinstance(value, dict | list) else value
