"""Events that go from hand to hand: with no row, and about nothing that can be changed, they need not become text."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from caluma_async.around import carried
from caluma_async.events.event import Event
from caluma_async.events.outbox import HandedEvent
from caluma_async.events.stored import Memo, kept, needs_no_copy

_PLAIN: Final = frozenset({type(None), str, bool, int, float, UUID, date, Decimal})
"""What comes out of its text as it went in, and what nobody can change. Points in time may lose their zone's name."""


class Handing:
    """Hands over events that are emitted together; `memo` is that of their texts."""

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._kept: dict[int, Any] = {}

    def over(self, event: Event) -> HandedEvent | None:
        """The event for one receiver, with what it would find in the text; `None`: it has to become text.

        Raises `NotStorable` for a sender or a user that cannot be kept.
        """
        if type(event.context) not in _PLAIN:
            return None
        for value in event.arguments.values():
            if type(value) not in _PLAIN:
                return None
        sender, user = self._keep(event, "sender", event.sender), self._keep(event, "user", event.user)
        if sender is _CHANGEABLE or user is _CHANGEABLE:
            return None
        own = event.copied(arguments=dict(event.arguments), sender=sender, user=user)
        return HandedEvent(event.id, event.type.name, event.emitted_at, carried(), own)

    def _keep(self, event: Event, name: str, value: Any) -> Any:
        """What a receiver gets of a sender or a user: without what lives only as long as the request."""
        if value is None:
            return None
        key = id(value)
        if key not in self._kept:
            found = kept(event, name, value, self._memo)
            self._kept[key] = found if type(found) in _PLAIN or needs_no_copy(found) else _CHANGEABLE
        return self._kept[key]


_CHANGEABLE: Final = object()
