"""Event types: what they say of themselves, and what they refuse."""

from __future__ import annotations

import pytest
from django.dispatch import Signal

from caluma_async.errors import Misconfigured
from caluma_async.events import Event, EventType
from caluma_async.events.event import event_type, event_types

pytestmark = pytest.mark.usefixtures("isolated_receivers")


def test_a_type_is_a_signal_of_django() -> None:
    assert isinstance(EventType("post_paint"), Signal)


@pytest.mark.parametrize(("name", "phase"), [("pre_paint", "pre"), ("post_paint", "post"), ("painted", None)])
def test_the_phase_is_read_off_the_name(name: str, phase: str | None) -> None:
    assert EventType(name).phase == phase


def test_a_given_phase_wins() -> None:
    assert EventType("painted", phase="post").phase == "post"


def test_the_first_argument_is_the_subject_unless_another_is_named() -> None:
    assert EventType("post_paint", arguments=("wall", "colour")).subject == "wall"
    assert EventType("post_scrape", arguments=("wall", "colour"), subject="colour").subject == "colour"


def test_types_are_found_by_name() -> None:
    painted = EventType("post_paint")
    assert event_type("post_paint") is painted
    assert list(event_types()).index("post_paint") >= 0


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(Misconfigured, match="no event type 'post_nothing'"):
        event_type("post_nothing")


def test_a_phase_that_is_none_is_refused() -> None:
    with pytest.raises(Misconfigured, match="the phase 'during' is neither"):
        EventType("painting", phase="during")


@pytest.mark.parametrize("name", ["event", "signal", "sender", "user", "context"])
def test_names_that_every_receiver_gets_cannot_be_arguments(name: str) -> None:
    with pytest.raises(Misconfigured, match=f"no argument may be called {name}"):
        EventType("post_paint", arguments=(name,))


def test_a_subject_must_be_an_argument() -> None:
    with pytest.raises(Misconfigured, match="its subject 'ceiling' is none of its arguments"):
        EventType("post_paint", arguments=("wall",), subject="ceiling")


def test_two_modules_cannot_declare_one_name() -> None:
    EventType("post_paint").module = "elsewhere"
    with pytest.raises(Misconfigured, match=f"declared in elsewhere and in {__name__}"):
        EventType("post_paint")


def test_a_module_that_is_loaded_again_keeps_the_receivers() -> None:
    former = EventType("post_paint")
    former.connect(print, weak=False)
    assert [receiver.function for receiver in EventType("post_paint").receivers] == [print]


def test_a_type_is_shown_by_its_name() -> None:
    assert repr(EventType("post_paint")) == "<EventType post_paint>"


def test_an_event_knows_its_cause_and_the_chain() -> None:
    painted, dried = EventType("post_paint"), EventType("post_dry")
    first = Event.of(painted, sender=None)
    second = Event.of(dried, sender=None, cause=first)
    assert (first.causation_id, first.correlation_id, first.chain) == (None, first.id, ("post_paint",))
    assert (second.causation_id, second.correlation_id) == (first.id, first.id)
    assert second.chain == ("post_paint", "post_dry")
    assert second.name == "post_dry"
