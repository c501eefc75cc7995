"""`on`: what it registers, which receivers block, and what it refuses at import."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.dispatch import Signal, receiver

from caluma_async.errors import InvalidReceiver, Misconfigured
from caluma_async.events import EventType, Retry, filter_events, on
from caluma_async.events.event import Event
from caluma_async.events.receivers import discover, register, registry


class Paint:
    """Stands for a verb."""


class Scrape:
    """Stands for another."""


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with registry.isolated():
        yield


@pytest.fixture
def post() -> EventType:
    return EventType("post_paint", arguments=("wall",))


@pytest.fixture
def pre() -> EventType:
    return EventType("pre_paint", arguments=("wall",))


def plain(sender: Any, wall: Any, **kwargs: Any) -> None: ...


async def asynchronous(sender: Any, wall: Any, **kwargs: Any) -> None: ...


# registering


def test_on_returns_the_function_itself(post: EventType) -> None:
    assert on(post)(plain) is plain


def test_receivers_are_kept_in_the_order_of_registration_however_they_were_registered(post: EventType) -> None:
    on(post, name="1")(lambda **kwargs: None)
    post.connect(plain)
    on(post, name="3")(asynchronous)
    receiver(post)(test_on_returns_the_function_itself)
    assert [one.name.rpartition(".")[2] for one in post.receivers] == [
        "1",
        "plain",
        "3",
        "test_on_returns_the_function_itself",
    ]


def test_a_list_registers_for_each_event(post: EventType, pre: EventType) -> None:
    on([post, pre])(plain)
    assert post.receivers == pre.receivers != []


def test_registration_is_strong(post: EventType) -> None:
    @on(post)
    def forgotten(**kwargs: Any) -> str:
        return "still here"

    del forgotten
    function = post.receivers[0].function
    assert function is not None
    assert function() == "still here"


def test_the_default_name_is_module_and_qualified_name(post: EventType) -> None:
    on(post)(plain)
    assert registry.find(f"{__name__}.plain") is post.receivers[0]


def test_receivers_are_found_by_name_and_by_former_names(post: EventType) -> None:
    on(post, name="painter", aliases=["dauber"])(plain)
    assert registry.find("painter") is registry.find("dauber") is post.receivers[0]
    assert registry.find("nobody") is None


def test_of_a_function_that_is_registered_twice_the_one_of_the_event_is_found(post: EventType, pre: EventType) -> None:
    on(post, raise_exception=True)(on(pre)(plain))
    name = f"{__name__}.plain"
    assert registry.find(name, "post_paint") is post.receivers[0]
    assert registry.find(name, "pre_paint") is pre.receivers[0]
    assert registry.find(name, "post_scrape") is None


def test_names_with_rows_are_those_of_durable_receivers_that_do_not_block(post: EventType) -> None:
    on(post, name="blocks")(plain)
    on(post, name="rows", aliases=["rows_before"])(asynchronous)
    on(post, name="volatile", durable=False)(lambda_async())
    assert registry.deliverable_names() >= {"rows", "rows_before"}
    assert not registry.deliverable_names() & {"blocks", "volatile"}


def lambda_async() -> Callable[..., Any]:
    async def one(**kwargs: Any) -> None: ...

    return one


def test_two_receivers_of_one_name_are_refused(post: EventType) -> None:
    on(post, name="painter")(plain)
    with pytest.raises(InvalidReceiver, match=r"Two receivers are called painter: .*:\d+ and .*:\d+\."):
        on(post, name="painter")(lambda **kwargs: None)


def test_a_former_name_counts_as_a_name(post: EventType) -> None:
    on(post, name="painter", aliases=("dauber",))(plain)
    with pytest.raises(InvalidReceiver, match="Two receivers are called dauber"):
        on(post, name="dauber")(lambda **kwargs: None)


def test_one_function_cannot_be_registered_twice_for_one_event(post: EventType, pre: EventType) -> None:
    on([post, pre])(plain)
    with pytest.raises(InvalidReceiver, match="plain is registered twice for post_paint"):
        on(post, sender=Paint)(plain)


def test_one_function_may_be_registered_for_two_senders(post: EventType) -> None:
    on(post, sender=Scrape)(on(post, sender=Paint)(plain))
    assert [one.sender for one in post.receivers] == [Paint, Scrape]


# importing


MODULE = """
from caluma_async.events import on, filter_events
from caluma_async.events.event import event_type

@on(event_type("post_paint"))
@filter_events(lambda: True)
def first(**kwargs): return {version}

@on(event_type("post_paint"))
def second(**kwargs): ...
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)

    def module(name: str, text: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield module
    for name in set(sys.modules) - known:
        del sys.modules[name]


def test_a_module_that_is_imported_again_registers_once_and_keeps_its_place(
    site: Callable[..., ModuleType], post: EventType
) -> None:
    site("painters", MODULE.format(version=1))
    on(post)(plain)
    del sys.modules["painters"]
    module = site("painters", MODULE.format(version=2))
    assert [one.name for one in post.receivers] == ["painters.first", "painters.second", f"{__name__}.plain"]
    assert post.receivers[0].function is module.first


def test_a_module_that_is_reloaded_registers_once(site: Callable[..., ModuleType], post: EventType) -> None:
    module = site("painters", MODULE.format(version=1))
    importlib.reload(module)
    assert [one.name for one in post.receivers] == ["painters.first", "painters.second"]
    assert post.receivers[1].function is module.second


def test_what_a_reloaded_module_registers_otherwise_replaces_what_it_registered(
    site: Callable[..., ModuleType], post: EventType, pre: EventType
) -> None:
    site("painters", MODULE.format(version=1))
    del sys.modules["painters"]
    site("painters", MODULE.format(version=1).replace("post_paint", "pre_paint"))
    assert post.receivers == []
    assert len(pre.receivers) == 2


def test_a_file_that_is_imported_under_two_names_registers_once(
    site: Callable[..., ModuleType], post: EventType, tmp_path: Path
) -> None:
    site("painters", MODULE.format(version=1))
    spec = importlib.util.spec_from_file_location("also.painters", tmp_path / "painters.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert [one.name for one in post.receivers] == ["painters.first", "painters.second"]


def test_two_functions_of_one_name_in_a_module_are_refused(site: Callable[..., ModuleType], post: EventType) -> None:
    with pytest.raises(InvalidReceiver, match="Two receivers are called painters.first"):
        site("painters", MODULE.format(version=1).replace("second", "first"))


def test_discovery_imports_the_modules_that_the_settings_name(
    site: Callable[..., ModuleType], post: EventType, settings: Any
) -> None:
    site("painters", MODULE.format(version=1))
    del sys.modules["painters"]
    settings.EVENT_RECEIVER_MODULES = ["painters"]
    discover()
    assert "painters" in sys.modules
    discover()
    assert len(post.receivers) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [("1 / 0", "ZeroDivisionError: division by zero"), ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'")],
)
def test_a_module_that_does_not_import_is_named(
    site: Callable[..., ModuleType], settings: Any, text: str, reason: str
) -> None:
    site("painters", "")
    del sys.modules["painters"]
    Path(sys.path[0], "painters.py").write_text(text)
    settings.EVENT_RECEIVER_MODULES = ["painters"]
    with pytest.raises(Misconfigured, match=rf"painters cannot be imported \({reason}\)") as caught:
        discover()
    assert caught.value.__cause__ is not None


def test_a_module_that_does_not_exist_is_named(settings: Any) -> None:
    settings.EVENT_RECEIVER_MODULES = ["no.such.module"]
    with pytest.raises(Misconfigured, match="no.such.module cannot be imported"):
        discover()


# which receivers block


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
def test_which_receivers_block(function: Any, name: str, options: dict[str, Any], expected: bool, settings: Any) -> None:
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


@pytest.mark.parametrize(("signal", "name"), [(post_delete, "post_delete"), (m2m_changed, "m2m_changed"), (pre_save, "pre_save")])
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
    with pytest.raises(InvalidReceiver, match="plain: .*'priority'"):
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


# selecting


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


# connecting


def test_a_connected_receiver_can_be_disconnected(post: EventType) -> None:
    post.connect(plain, sender=Paint)
    post.connect(plain, sender=Paint)
    assert len(post.receivers) == 1
    assert not post.disconnect(plain)
    assert post.disconnect(plain, sender=Paint)
    assert post.receivers == []


def test_a_dispatch_uid_identifies(post: EventType) -> None:
    post.connect(plain, dispatch_uid="a")
    post.connect(asynchronous, dispatch_uid="a")
    post.connect(plain, dispatch_uid="b")
    assert [one.function for one in post.receivers] == [plain, plain]
    assert post.disconnect(dispatch_uid="a")
    assert len(post.receivers) == 1


def test_what_on_registered_can_be_disconnected_from_one_event(post: EventType, pre: EventType) -> None:
    on([post, pre])(plain)
    assert post.disconnect(plain)
    assert (len(post.receivers), len(pre.receivers)) == (0, 1)
    assert pre.disconnect(plain)
    assert registry.find(f"{__name__}.plain") is None


def test_connecting_is_weak_unless_said_otherwise(post: EventType) -> None:
    post.connect(lambda **kwargs: None)
    assert post.receivers == []
    post.connect(lambda **kwargs: None, weak=False)
    assert len(post.receivers) == 1


def test_a_bound_method_can_be_connected(post: EventType) -> None:
    class Painter:
        def paint(self, **kwargs: Any) -> None: ...

    painter = Painter()
    post.connect(painter.paint)
    assert len(post.receivers) == 1
    assert post.disconnect(painter.paint)
    post.connect(painter.paint)
    del painter
    assert post.receivers == []


def test_a_receiver_that_is_gone_says_so(post: EventType) -> None:
    class Painter:
        def paint(self, **kwargs: Any) -> None: ...

    painter = Painter()
    post.connect(painter.paint)
    found = post.receivers[0]
    del painter
    with pytest.raises(InvalidReceiver, match="connected weakly, and gone"):
        found.call()


def test_django_s_own_errors_stay_django_s(post: EventType) -> None:
    with pytest.raises(InvalidReceiver, match="registers functions"):
        post.connect(ImproperlyConfigured("not a function"), weak=False)  # type: ignore[arg-type]


def test_isolation_forgets_what_was_registered_in_it(post: EventType) -> None:
    on(post)(plain)
    with registry.isolated():
        on(post, name="inside")(asynchronous)
        on(post_save, name="on a signal")(plain)
        EventType("post_inside")
        assert post_save.has_listeners(Paint)
    assert [one.name for one in post.receivers] == [f"{__name__}.plain"]
    assert registry.find("inside") is None
    assert not post_save.has_listeners(Paint)
    with pytest.raises(Misconfigured):
        importlib.import_module("caluma_async.events.event").event_type("post_inside")
