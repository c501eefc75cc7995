"""Relations between records, as `suppress_visibilities` names them: model and attribute, `WorkItem.case`."""

from __future__ import annotations

import re

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist

from caluma_async.records import Record


def snake(relation: str) -> str:
    """The name with the attribute as Python writes it: `Case.parent_work_item` for `Case.parentWorkItem`."""
    model, dot, attribute = relation.partition(".")
    return model + dot + re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", attribute)


def records() -> list[type[Record]]:
    """The models that are records."""
    return [model for model in apps.get_models() if issubclass(model, Record)]


def leads_to_one(relation: str) -> bool:
    """Whether there is such a relation, and it leads to one object."""
    name, _, attribute = snake(relation).partition(".")
    models = [model for model in records() if model.__name__ == name]
    try:
        fields = [model._meta.get_field(attribute) for model in models]
    except FieldDoesNotExist:
        return False
    return any(field.is_relation and (field.many_to_one or field.one_to_one) for field in fields)
