"""The options of `on`: which receivers block, whom they select, what they get, and what is refused at import."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import Signal

from caluma_async.errors import InvalidReceiver
from caluma_async.events import EventType, Retry, filter_events, on
from caluma_async.events.event import Event
from caluma_async.events.receivers import register, registry

pytestmark = pytest.mark.usefixtures("isolated_receivers")


class Paint:
    """Stands for a verb."""


class Scrape:
    """Stands for another."""


@pytest.fixture
def pre() -> EventType:
    return EventType("pre_paint", arguments=("wall",))


def plain(sender: Any, wall: Any, **kwargs: Any) -> None: ...


async def asynchronous(sender: Any, wall: Any, **kwargs: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "name", "options", "expected"),
    [
        (plain, "pre_paint", {}, True),
        (asynchronous, "pre_paint", {}, True),
        (plain, "post_paint", {}, True),
        (asynchronous, "post_paint", {}, False),
        (plain, "post_paint", {"blocking": False}, False),
        (plain, "post_paint", {"blocking": True}, True),
        (asynchronous, "post_paint", {"blocking": False}, False),
        (asynchronous, "post_paint", {"blocking": True}, True),
        (plain, "post_paint", {"raise_exception": True}, True),
        (asynchronous, "post_paint", {"raise_exception": True}, True),
        (asynchronous, "painted", {}, False),
    ],
)
def test_which_receivers_block(
    function: Any, name: str, options: dict[str, Any], expected: bool, settings: Any
) -> None:
    event = EventType(name, arguments=("wall",))
    on(event, **options)(function)
    assert event.receivers[0].blocks(event) is expected
    assert event.has_blocking_receivers(Paint) is expected
    settings.EVENT_DISPATCH = "blocking"
    assert event.receivers[0].blocks(event) is True


def test_one_function_blocks_for_one_event_and_not_for_another(post: EventType, pre: EventType) -> None:
    on([post, pre])(asynchronous)
    assert (post.receivers[0].blocks(post), pre.receivers[0].blocks(pre)) == (False, True)


def test_receivers_of_signals_block_unless_they_say_otherwise() -> None:
    async def watches(instance: Any, **kwargs: Any) -> None: ...

    on(post_save)(watches)
    (found,) = (one for one in registry.all() if one.function is watches)
    assert found.blocks(found.events[0])

    @on(post_save, blocking=False)
    def delivered(instance: Any, **kwargs: Any) -> None: ...

    (found,) = (one for one in registry.all() if one.function is delivered)
    assert not found.blocks(found.events[0])


# what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"raise_exception": True, "blocking": False}, "raise_exception=True and blocking=False exclude each other"),
        ({"retry": Retry()}, "retry=Retry.* and a `def` without blocking=False exclude each other"),
        ({"blocking": True, "timeout": 3}, "timeout=3 and blocking=True exclude each other"),
        ({"raise_exception": True, "ordered": False}, "ordered=False and raise_exception=True exclude each other"),
        ({"blocking": False, "durable": False, "retry": Retry()}, "durable=False and retry=Retry.* exclude each other"),
        (
            {"blocking": False, "durable": False, "transactional": True},
            "durable=False and transactional=True exclude each other",
        ),
        (
            {"blocking": False, "durable": False, "on_exhausted": "hold"},
            "durable=False and on_exhausted='hold' exclude each other",
        ),
        (
            {"blocking": False, "ordered": False, "on_exhausted": "hold"},
            "on_exhausted='hold' and ordered=False exclude each other",
        ),
        ({"raise_exception": 1}, "raise_exception=1 is neither True nor False"),
        ({"blocking": "no"}, "blocking='no' is neither True nor False nor None"),
        ({"name": ""}, "name='' is not a text"),
        ({"aliases": "former"}, "aliases='former' is not a list of texts"),
        ({"aliases": 3}, "aliases=3 is not a list of texts"),
        ({"sender": [Paint]}, "one sender can be selected"),
        ({"blocking": False, "retry": 3}, "retry=3 is not a Retry"),
        ({"blocking": False, "timeout": 0}, "timeout=0 is not a number of seconds above 0"),
        ({"blocking": False, "timeout": True}, "timeout=True is not a number of seconds above 0"),
        ({"blocking": False, "on_exhausted": "give up"}, "on_exhausted='give up' is neither 'continue' nor 'hold'"),
    ],
)
def test_options_that_exclude_each_other_are_refused(post: EventType, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidReceiver, match=message):
        on(post, **options)(plain)
    assert post.receivers == []


def test_what_comes_before_an_event_cannot_wait_until_after_it(pre: EventType) -> None:
    with pytest.raises(InvalidReceiver, match="blocking=False and pre_paint exclude each other"):
        on(pre, blocking=False)(asynchronous)


def test_options_of_deliveries_mean_nothing_before_an_event(pre: EventType) -> None:
    with pytest.raises(InvalidReceiver, match="timeout=3 and pre_paint exclude each other"):
        on(pre, timeout=3)(asynchronous)


def test_an_async_def_has_no_transaction(post: EventType) -> None:
    with pytest.raises(InvalidReceiver, match="transactional=True and `async def` exclude each other"):
        on(post, transactional=True)(asynchronous)


@pytest.mark.parametrize(
    ("signal", "name"), [(post_delete, "post_delete"), (m2m_changed, "m2m_changed"), (pre_save, "pre_save")]
)
def test_signals_after_which_nothing_is_left_to_load_block(signal: Signal, name: str) -> None:
    with pytest.raises(InvalidReceiver, match=f"blocking=False and {name} exclude each other"):
        on(signal, blocking=False)(plain)


@pytest.mark.parametrize("event", ["post_paint", plain, None])
def test_only_events_and_signals_can_be_received(event: Any) -> None:
    with pytest.raises(InvalidReceiver, match="takes event types and signals"):
        on(event)(plain)


def test_a_list_without_events_is_refused() -> None:
    with pytest.raises(InvalidReceiver, match="no event is given"):
        on([])(plain)


def test_only_functions_can_receive(post: EventType) -> None:
    with pytest.raises(InvalidReceiver, match="registers functions, not 3"):
        on(post)(3)  # type: ignore[type-var]


def test_an_option_that_there_is_not_is_refused(post: EventType) -> None:
    with pytest.raises(InvalidReceiver, match=r"plain: .*'priority'"):
        register(plain, [post], priority=1)


def test_a_transaction_around_an_async_def_is_refused(post: EventType) -> None:
    with pytest.raises(InvalidReceiver, match="is over before the body of the `async def` has begun"):
        on(post)(transaction.atomic(asynchronous))


def test_so_it_is_with_filters_in_between(post: EventType) -> None:
    with pytest.raises(InvalidReceiver, match="is over before the body"):
        on(post)(filter_events(lambda: True)(transaction.atomic(asynchronous)))


def test_an_async_def_around_a_def_is_fine(post: EventType) -> None:
    @functools.wraps(plain)
    async def wrapper(**kwargs: Any) -> None:
        plain(**kwargs)

    on(post)(wrapper)
    assert post.receivers[0].is_async


def test_an_async_function_made_synchronous_is_a_def(post: EventType) -> None:
    on(post, name="bridged")(async_to_sync(asynchronous))
    assert not post.receivers[0].is_async
    event = Event.of(post, sender=Paint, arguments={"wall": "north"})
    assert post.receivers[0].arguments_for(event)["wall"] == "north"


def test_a_function_made_async_is_async(post: EventType) -> None:
    on(post, name="bridged")(sync_to_async(lambda wall: None))
    assert post.receivers[0].is_async
    event = Event.of(post, sender=Paint, arguments={"wall": "north"})
    assert post.receivers[0].arguments_for(event) == {"wall": "north"}


def test_an_object_whose_call_is_async_is_async(post: EventType) -> None:
    class Painter:
        async def __call__(self, **kwargs: Any) -> None: ...

    on(post)(Painter())
    assert post.receivers[0].is_async


def test_a_partial_of_an_async_def_is_async(post: EventType) -> None:
    on(post, name="partial")(functools.partial(asynchronous, colour="red"))
    assert post.receivers[0].is_async


def test_generators_are_refused(post: EventType) -> None:
    def generator(**kwargs: Any) -> Iterator[int]:
        yield 1

    async def asynchronous_generator(**kwargs: Any) -> Any:
        yield 1

    for function in (generator, asynchronous_generator):
        with pytest.raises(InvalidReceiver, match="whose body nobody runs"):
            on(post)(function)


def test_a_filter_that_asks_for_what_the_event_lacks_is_refused(post: EventType, pre: EventType) -> None:
    other = EventType("post_plaster", arguments=("ceiling",))
    with pytest.raises(InvalidReceiver, match="asks for ceiling, which post_paint does not have"):
        on([other, post])(filter_events(lambda ceiling: True)(lambda **kwargs: None))


def test_filters_of_events_with_open_arguments_are_not_asked_at_import() -> None:
    event = EventType("post_anything", arguments=None)
    on(event)(filter_events(lambda whatever: True)(plain))
    assert len(event.receivers) == 1


# whom it selects


def selected(event: EventType, sender: Any) -> bool:
    return event.receivers[0].selects(Event.of(event, sender=sender))


def test_a_sender_is_selected_by_class(post: EventType) -> None:
    on(post, sender=Paint)(plain)
    assert selected(post, Paint)
    assert not selected(post, Scrape)
    assert post.has_listeners(Paint)
    assert not post.has_listeners(Scrape)


def test_a_sender_is_selected_by_an_equal_string(post: EventType) -> None:
    on(post, sender="somebody")(plain)
    assert selected(post, "".join(["some", "body"]))
    assert not selected(post, "nobody")


def test_without_a_sender_all_are_received(post: EventType) -> None:
    assert not post.has_listeners()
    assert not post.has_blocking_receivers()
    on(post)(plain)
    assert selected(post, Paint)
    assert post.has_listeners()


class Shouting:
    """A dialect in which senders are names in capitals."""

    name = "shouting"

    def sender(self, event: Event) -> object:
        return event.sender.__name__.upper()

    def selects(self, wanted: object, event: Event) -> bool:
        return wanted in (event.sender, self.sender(event))


@pytest.mark.parametrize("wanted", [Paint, "PAINT"])
def test_a_dialect_decides_what_selects_and_what_the_sender_is_called(post: EventType, wanted: Any) -> None:
    register(plain, [post], dialect=Shouting(), sender=wanted)
    assert selected(post, Paint)
    assert not selected(post, Scrape)
    event = Event.of(post, sender=Paint, arguments={"wall": "north"})
    assert post.receivers[0].arguments_for(event)["sender"] == "PAINT"


# arguments


def test_a_receiver_gets_what_it_names(post: EventType) -> None:
    on(post)(lambda wall, event: None)
    event = Event.of(post, sender=Paint, user="me", context={}, arguments={"wall": "north"})
    assert post.receivers[0].arguments_for(event) == {"wall": "north", "event": event}


def test_a_receiver_with_open_arguments_gets_all(post: EventType) -> None:
    on(post)(lambda **kwargs: None)
    event = Event.of(post, sender=Paint, user="me", context=None, arguments={"wall": "north"})
    assert post.receivers[0].arguments_for(event) == {
        "sender": Paint,
        "wall": "north",
        "user": "me",
        "context": None,
        "event": event,
    }


def test_a_connected_receiver_and_a_foreign_one_get_the_signal_and_no_event(post: EventType) -> None:
    post.connect(plain)
    register(lambda **kwargs: None, [post], dialect=Shouting(), name="foreign")
    event = Event.of(post, sender=Paint, user="me", arguments={"wall": "north"})
    for one in post.receivers:
        given = one.arguments_for(event)
        assert given["signal"] is post
        assert "event" not in given
