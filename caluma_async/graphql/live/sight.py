"""Which events one subscriber is shown, and with what: by what was asked for, and by what may be seen now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.db.models import Model
from graphql import GraphQLNamedType

from caluma_async.errors import NotAllowed
from caluma_async.events.event import event_types
from caluma_async.events.outbox.rows import StoredEvent
from caluma_async.events.stored import Reference, subject_of
from caluma_async.graphql.context import Context
from caluma_async.graphql.events.subjects import Shown, Subjects
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.selection import ResolveInfo, Selection, selected
from caluma_async.verbs.deliveries import SeeEvents
from caluma_async.workflow.models import Case, WorkItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a subscriber asks for. `lanes`: those of the families asked for, if any; `None`: everything."""

    types: frozenset[str] | None = None
    lanes: frozenset[str] | None = None
    case: UUID | None = None
    tasks: frozenset[str] | None = None

    def may_be(self, event: StoredEvent) -> bool:
        """Whether the event may be asked for, as far as can be told without its object."""
        kind = event_types().get(event.type)
        if kind is None or kind.is_signal:
            return False
        return (self.types is None or event.type in self.types) and (self.lanes is None or event.lane in self.lanes)

    def is_about(self, subject: Model | None) -> bool:
        """Whether it is asked for, now that its object is known."""
        if isinstance(subject, WorkItem):
            return self.case in {None, subject.case_id} and (self.tasks is None or subject.task_id in self.tasks)
        of_case = isinstance(subject, Case) and subject.pk == self.case
        return self.tasks is None and (self.case is None or of_case)


_FIELDS: Final[dict[str, tuple[type[Model], str, tuple[str, ...]]]] = {
    "workflow.workitem": (WorkItem, "workItem", ("case_id", "task_id")),
    "workflow.case": (Case, "case", ()),
}


class Sight:
    """Shows events to one subscriber. Uses the database: one statement per model for many events."""

    def __init__(self, wanted: Wanted, info: ResolveInfo) -> None:
        self._wanted = wanted
        self._info = info
        self._context: Context = info.context
        self._sees_all: bool | None = None

    def of(self, events: Sequence[StoredEvent]) -> list[Shown]:
        """Those that the subscriber asked for and may see, with their objects, in the same order."""
        references = {event.id: subject_of(event.type, event.arguments) for event in events}
        found = self._found({reference for reference in references.values() if reference is not None})
        shown = []
        for event in events:
            reference = references[event.id]
            subject = None if reference is None else found.get(reference)
            if self._is_seen(reference, subject) and self._wanted.is_about(subject):
                shown.append(Shown.of(event, subject))
        return shown

    def _found(self, references: Collection[Reference]) -> dict[Reference, Model]:
        keys: dict[str, list[Any]] = defaultdict(list)
        for reference in references:
            keys[reference.model].append(reference.key)
        return {
            Reference(model, subject.pk): subject
            for model, of_model in keys.items()
            for subject in self._load(model, of_model)
        }

    def _load(self, model: str, keys: Sequence[Any]) -> list[Model]:
        if model not in _FIELDS:
            return list(visible(_model(model), self._context).filter(pk__in=keys))
        kind, field, more = _FIELDS[model]
        subjects = Subjects(kind, self._type(field), self._selection(field), self._info, more)
        return [subject for subject in subjects(keys) if subject is not None]

    def _is_seen(self, reference: Reference | None, subject: Model | None) -> bool:
        """What is about no object is for those who may see all events."""
        if reference is not None:
            return subject is not None
        if self._sees_all is None:
            self._sees_all = self._may_see_all()
        return self._sees_all

    def _may_see_all(self) -> bool:
        try:
            self._context.access.admit(SeeEvents(self._context.user))
        except NotAllowed:
            return False
        return True

    def _type(self, field: str) -> GraphQLNamedType:
        return self._info.schema.type_map[f"{field[0].upper()}{field[1:]}"]

    def _selection(self, field: str) -> Selection:
        return selected(self._info).below(field)


def _model(label: str) -> type[Model]:
    return apps.get_model(label)
