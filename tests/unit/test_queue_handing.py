"""Events that are handed over without becoming text: receivers see what they would find in the text."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from hypothesis import given

from caluma_async.errors import NotStorable
from caluma_async.events import EventType, stored
from caluma_async.events.handing import Handing
from caluma_async.identity import User
from tests.unit.test_queue_stored import event, kind, scalars, values

__all__ = ["kind"]

ADA = User("ada", groups=["office"], token="secret")


class Elsewhere:
    """A sender that can be imported."""


def both(kind: EventType, **fields: Any) -> tuple[Any, Any]:
    """What is handed over, and what the text says."""
    emitted = event(kind, **fields)
    handed = Handing({}).over(emitted)
    return handed and handed.event, stored.decode_event(stored.encode_event(emitted), 1)


@given(value=values | scalars)
def test_what_is_handed_over_is_what_the_text_would_say(kind: EventType, value: Any) -> None:
    handed, read = both(kind, value=value, context=value, sender=Elsewhere, user=ADA)
    if handed is not None:
        assert handed == read
        assert (type(handed.arguments["value"]), handed.user.token) == (type(value), None)


@pytest.mark.parametrize("value", [None, "a", 1, True, 1.5, math.inf, datetime(2026, 1, 1, tzinfo=UTC).date()])
def test_what_nobody_can_change_is_handed_over(kind: EventType, value: Any) -> None:
    handed, read = both(kind, value=value, context=value, user=ADA, sender="a text")
    assert handed == read


@pytest.mark.parametrize(
    "fields",
    [
        {"value": [1]},
        {"value": {"a": 1}},
        {"value": datetime(2026, 1, 1, tzinfo=UTC)},
        {"value": Group(pk=1)},
        {"value": object()},
        {"context": {"a": 1}},
        {"user": User("ada", claims={"a": 1})},
        {"sender": ("a", "b")},
    ],
)
def test_what_can_be_changed_or_loaded_has_to_become_text(kind: EventType, fields: dict[str, Any]) -> None:
    assert Handing({}).over(event(kind, **fields)) is None


def test_a_sender_that_cannot_be_kept_is_refused(kind: EventType) -> None:
    with pytest.raises(NotStorable, match="sender"):
        Handing({}).over(event(kind, sender=object()))


def test_each_receiver_gets_an_event_of_its_own(kind: EventType) -> None:
    handing, emitted = Handing({}), event(kind, value=1, user=ADA)
    first, second = handing.over(emitted), handing.over(emitted)
    assert first is not None
    assert second is not None
    first.event.arguments["value"] = 2  # type: ignore[index]
    assert (emitted.arguments, second.event.arguments) == ({"value": 1}, {"value": 1})
    assert second.event.user is not ADA
