"""Reading the history: what objects were at a time. Who may see it is not decided here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, F, Field, JSONField, Model, QuerySet, Window
from django.db.models.functions import RowNumber

from caluma_async.form.models import HistoryEntry

M = TypeVar("M", bound=Model)


def entries_of(model: type[Model], keys: Iterable[Any]) -> QuerySet[HistoryEntry]:
    """All entries of these objects."""
    return HistoryEntry.objects.filter(model=model._meta.model_name, object_id__in=[as_text(key) for key in keys])


def parts_of(model: type[Model], parents: Iterable[Any]) -> QuerySet[HistoryEntry]:
    """All entries of the model's objects that belong, or belonged, to one of these."""
    return HistoryEntry.objects.filter(model=model._meta.model_name, parent_id__in=[as_text(key) for key in parents])


def newest(entries: QuerySet[HistoryEntry], as_of: datetime) -> QuerySet[HistoryEntry]:
    """Of each object the last of these entries that was there at that time: one statement."""
    placed = Window(RowNumber(), partition_by=F("object_id"), order_by=F("id").desc())
    return entries.filter(date__lte=as_of).annotate(place=placed).filter(place=1)


def as_text(key: Any) -> str:
    """A key as the database writes it in the history."""
    return key.hex if isinstance(key, UUID) and not connection.features.has_native_uuid_field else str(key)


def restored(model: type[M], entry: HistoryEntry) -> M:
    """The object as it was; columns that came later have their default."""
    there = [field for field in model._meta.concrete_fields if field.column in entry.data]
    return model(**{field.attname: _value(field, entry.data[field.column]) for field in there})


def _value(field: Field[Any, Any], value: Any) -> Any:
    if value is None or isinstance(field, JSONField):
        return value
    found = field.to_python(value)
    if isinstance(field, DateTimeField) and isinstance(found, datetime) and found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    return found
