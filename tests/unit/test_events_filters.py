"""`filter_events`: what a filter may ask for, and how a filtered function behaves when it is called directly."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from caluma_async.errors import InvalidReceiver
from caluma_async.events import EventType, filter_events, on
from caluma_async.events.filters import filters_of
from caluma_async.events.receivers import Receiver, registry

pytestmark = pytest.mark.usefixtures("isolated_receivers")


@pytest.fixture
def post() -> EventType:
    return EventType("post_paint", arguments=("wall", "colour"))


def only_red(colour: str) -> bool:
    return colour == "red"


def passing(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def test_a_direct_call_is_filtered() -> None:
    @filter_events(only_red)
    def painted(sender: Any, colour: str) -> str:
        return colour

    assert painted(sender=None, colour="red") == "red"
    assert painted(None, "red") == "red"
    assert painted(sender=None, colour="blue") is None


def test_a_direct_call_of_an_async_def_is_filtered() -> None:
    @filter_events(only_red)
    async def painted(**kwargs: Any) -> Any:
        return kwargs["colour"]

    assert async_to_sync(painted)(colour="red") == "red"
    assert async_to_sync(painted)(colour="blue") is None


@pytest.mark.parametrize(
    "predicate",
    [
        lambda: False,
        lambda sender: sender != "me",
        lambda wall, colour: wall == colour,
        lambda user, context: user == context,
        lambda colour, unknown="by default": unknown != "by default",
        lambda **kwargs: "wall" not in kwargs,
    ],
)
def test_a_predicate_names_what_it_wants_none_included(predicate: Callable[..., bool]) -> None:
    @filter_events(predicate)
    def painted(**kwargs: Any) -> str:
        return "called"

    assert painted(sender="me", wall="north", colour="red", user="me", context=None) is None


def test_all_stacked_filters_have_to_hold() -> None:
    @filter_events(lambda: True)
    @filter_events(only_red)
    @filter_events(lambda wall: wall == "north")
    def painted(wall: str, colour: str) -> str:
        return "called"

    assert painted(wall="north", colour="red") == "called"
    assert painted(wall="south", colour="red") is None
    assert painted(wall="north", colour="blue") is None


def test_filters_are_found_wherever_they_are_among_the_decorators() -> None:
    @passing
    @filter_events(only_red)
    @passing
    @filter_events(lambda: True)
    @passing
    def painted(**kwargs: Any) -> None: ...

    found = filters_of(painted)
    assert len(found) == 2
    assert found[0].predicate is only_red


def registered(event: EventType, function: Callable[..., Any]) -> Receiver:
    on(event, name="painted")(function)
    found = registry.find("painted")
    assert found is not None
    return found


def test_the_engine_s_call_is_not_filtered_again(post: EventType) -> None:
    asked = []

    @passing
    @filter_events(lambda: asked.append("outer"))
    @passing
    @filter_events(lambda: asked.append("inner"))
    def painted(**kwargs: Any) -> str:
        return "called"

    assert registered(post, painted).call(colour="blue") == "called"
    assert asked == []
    assert painted(colour="blue") is None


async def test_nor_is_its_call_of_an_async_def(post: EventType) -> None:
    @filter_events(lambda: False)
    async def painted(**kwargs: Any) -> str:
        return "called"

    receiver = registered(post, painted)
    assert await receiver.acall(colour="blue") == "called"
    assert await receiver.call(colour="blue") == "called"
    assert await painted(colour="blue") is None


def test_a_receiver_that_calls_itself_or_another_is_filtered_there(post: EventType) -> None:
    @filter_events(only_red)
    def other(colour: str) -> str:
        return "other"

    @filter_events(only_red)
    def painted(colour: str, again: bool = True) -> Any:
        return (painted(colour=colour, again=False), other(colour=colour)) if again else "again"

    assert registered(post, painted).call(colour="blue") == (None, None)
    assert registered(post, painted).call(colour="red") == ("again", "other")


def test_an_async_predicate_is_refused() -> None:
    async def only_red_later(colour: str) -> bool:
        return colour == "red"

    with pytest.raises(InvalidReceiver, match=r"only_red_later.*a filter is a `def`"):
        filter_events(only_red_later)


def test_a_predicate_that_returns_an_awaitable_fails() -> None:
    async def later() -> bool:
        return False

    @filter_events(lambda **kwargs: later())
    def painted() -> None: ...

    with pytest.raises(TypeError, match="which nobody awaits"):
        painted()


def test_filter_events_wants_its_predicate() -> None:
    with pytest.raises(InvalidReceiver, match=r"filter_events\(\) takes a function, not None"):
        filter_events(None)  # type: ignore[arg-type]


def test_a_filter_is_shown_with_its_place() -> None:
    assert f"only_red at {__file__}" in repr(filters_of(filter_events(only_red)(lambda: None))[0])
    assert repr(filters_of(filter_events(functools.partial(only_red, "red"))(lambda: None))[0]).startswith("<filter ")


def test_the_decorated_function_keeps_its_name(post: EventType) -> None:
    assert filter_events(only_red)(only_red).__qualname__ == "only_red"
