"""The work items and cases that events are about, as they are now: those that the user may see, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model
from graphql import GraphQLNamedType, get_named_type

from caluma_async.events.outbox.rows import StoredEvent
from caluma_async.events.stored import subject_of
from caluma_async.graphql.context import Context
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.loaders import loaded, visible
from caluma_async.graphql.relations import reach
from caluma_async.graphql.selection import ResolveInfo, Selection, selected


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An event that is shown to a subscriber, with the object that it is about. Read like its row."""

    id: UUID
    type: str
    sender: str
    user: str
    emitted_at: datetime
    causation_id: UUID | None
    correlation_id: UUID
    subject: Model | None

    @classmethod
    def of(cls, event: StoredEvent, subject: Model | None) -> Shown:
        """The event with its object."""
        return cls(
            id=event.id,
            type=event.type,
            sender=event.sender,
            user=event.user,
            emitted_at=event.emitted_at,
            causation_id=event.causation_id,
            correlation_id=event.correlation_id,
            subject=subject,
        )


def subject(model: type[Model]) -> Any:
    """A field of events: the object that the event is about, if it is one of that model."""

    def resolve(source: Any, info: ResolveInfo, /, **_: Any) -> Any:
        if isinstance(source, Shown):
            return source.subject if isinstance(source.subject, model) else None
        reference = subject_of(source.type, source.arguments)
        if reference is None or reference.model != model._meta.label_lower:
            return None
        kind, selection = get_named_type(info.return_type), selected(info)
        return loaded(info, reference.key, lambda: Subjects(model, kind, selection, info))

    return answered_by(resolve, reads=["type", "arguments"])


class Subjects:
    """Loads many objects with what is selected of them: called with keys, gives an object or `None` for each.

    `more` names attributes that are needed besides.
    """

    def __init__(
        self,
        model: type[Model],
        kind: GraphQLNamedType,
        selection: Selection,
        info: ResolveInfo,
        more: Sequence[str] = (),
    ) -> None:
        self._model = model
        self._context: Context = info.context
        self._reach = reach(kind, selection, info)
        for name in more:
            self._reach = self._reach.with_column(name)

    def __call__(self, keys: Sequence[Any]) -> list[Model | None]:
        seen = visible(self._model, self._context).filter(pk__in=keys)
        found = {each.pk: each for each in self._reach.loaded_by(seen)}
        return [found.get(key) for key in keys]
