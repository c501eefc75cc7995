"""Events as text: everything that can be kept comes back equal, everything else is refused by name."""

from __future__ import annotations

import enum
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from caluma_async.errors import NotStorable
from caluma_async.events import EventType, stored
from caluma_async.events.event import Event
from caluma_async.events.receivers import registry
from caluma_async.events.stored import Reference
from caluma_async.identity import User
from caluma_async.records import LocalizedText


@pytest.fixture(scope="module")
def kind() -> Any:
    with registry.isolated():
        yield EventType("post_stored", arguments=None)


def event(kind: EventType, *, sender: Any = None, user: Any = None, context: Any = None, **arguments: Any) -> Event:
    return Event.of(kind, sender=sender, user=user, context=context, arguments=arguments, cause=None)


def back(kind: EventType, value: Any) -> Any:
    return stored.decode_event(stored.encode_event(event(kind, value=value)), 3).arguments["value"]


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.datetimes(timezones=st.just(UTC))
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas(min_value=timedelta(days=-10_000), max_value=timedelta(days=10_000))
)
keys = scalars.filter(lambda value: value is not None)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.just("$"), inner)
        | st.lists(inner).map(tuple)
        | st.frozensets(keys)
        | st.sets(keys)
    ),
    max_leaves=10,
)


@given(values)
def test_values_come_back_equal_and_of_the_same_type(value: Any) -> None:
    with registry.isolated():
        result = back(EventType("post_any", arguments=None), value)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("groups", [(["a"],), (1, True)])
def test_a_user_with_odd_groups_is_kept_for_each_event_anew(kind: EventType, groups: Any) -> None:
    first, second = (
        stored.decode_event(stored.encode_event(event(kind, user=User("ada", groups=groups))), 1).user for _ in range(2)
    )
    assert first.groups == second.groups == groups
    assert [type(group) for group in first.groups] == [type(group) for group in groups]
    assert first is not second


def test_an_event_comes_back_with_everything_but_the_users_token(kind: EventType) -> None:
    user = User("ada", groups=["a", "b"], claims={"sub": "x"}, token="secret")
    before = event(kind, sender=User, user=user, context={"a": (1, UUID(int=1))}, text="x")
    row = stored.encode_event(before)
    after = stored.decode_event(row, 2)
    assert "secret" not in "".join(map(str, row))
    assert (after.id, after.type, after.sender, after.emitted_at) == (before.id, kind, User, before.emitted_at)
    assert (after.user, after.user.claims, after.user.token) == (user, {"sub": "x"}, None)
    assert (after.context, after.arguments, after.attempt) == (before.context, before.arguments, 2)
    assert (after.chain, after.causation_id, after.correlation_id) == (before.chain, None, before.correlation_id)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (LocalizedText({"en": "x"}), {"en": "x"}),
        (gettext_lazy("x"), "x"),
        (enum.IntEnum("Number", "one").one, 1),  # type: ignore[attr-defined]
        (enum.StrEnum("Name", "one").one, "one"),  # type: ignore[attr-defined]
        (math.inf, math.inf),
        ([], []),
        (type("Floating", (float,), {})(1.5), 1.5),
        (type("Listing", (list,), {})([1]), [1]),
    ],
)
def test_kinds_of_json_become_plain(kind: EventType, value: Any, kept: Any) -> None:
    assert back(kind, value) == kept


def test_what_is_no_number_stays_none(kind: EventType) -> None:
    assert math.isnan(back(kind, math.nan))


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        date(2026, 1, 2),
        time(1, 2, 3),
        timedelta(days=-1, microseconds=1),
        Decimal("1.10"),
    ],
)
def test_what_json_has_no_word_for(kind: EventType, value: Any) -> None:
    assert back(kind, [value]) == [value]


def test_saved_objects_become_references(kind: EventType) -> None:
    group = Group(pk=7, name="x")
    group._state.adding = False
    value = back(kind, {"groups": [group, (group,)]})
    reference = Reference("auth.group", 7)
    assert value == {"groups": [reference, (reference,)]}
    assert stored.references([value, {reference}]) == {reference}
    other = Group(pk=7)
    resolved = stored.resolved(value, {reference: other})
    assert resolved["groups"][0] is other
    assert resolved["groups"][1][0] is other


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "is a object"),
        (Group(name="x"), "auth.Group is not saved"),
        (Group(pk=3), "auth.Group 3 is not saved"),
        ({1: "x"}, "the key 1 of a mapping is not a text"),
        ([lambda: None], "is a function"),
        (Group.objects, "Manager"),
        (type("Local", (), {}), "Local cannot be imported by that name"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_named(kind: EventType, value: Any, why: str) -> None:
    with pytest.raises(NotStorable, match="post_stored: thing cannot be kept") as raised:
        stored.encode_event(event(kind, thing={"deep": [value]}))
    assert why in str(raised.value)


@pytest.mark.parametrize("place", ["sender", "user", "context"])
def test_what_is_given_beside_arguments_is_refused_by_name_too(kind: EventType, place: str) -> None:
    with pytest.raises(NotStorable, match=f"post_stored: {place} cannot be kept"):
        stored.encode_event(event(kind, **{place: object()}))


def test_a_sender_that_is_gone_is_known_by_its_name(kind: EventType) -> None:
    row = stored.encode_event(event(kind))._replace(sender='{"$": ["class", "no.such.Sender"]}')
    sender = stored.decode_event(row, 1).sender
    assert sender == stored.resolved(sender, {}) == stored.Gone("no.such.Sender")
