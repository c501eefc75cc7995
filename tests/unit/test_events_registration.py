"""`on`, `connect` and discovery: what is registered, once, and under which name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models.signals import post_save
from django.dispatch import receiver

from caluma_async.errors import InvalidReceiver, Misconfigured
from caluma_async.events import EventType, on
from caluma_async.events.receivers import discover, registry

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


# loading modules, also a second time


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
    with pytest.raises(InvalidReceiver, match=r"Two receivers are called painters\.first"):
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
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
    ],
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
    with pytest.raises(Misconfigured, match=r"no\.such\.module cannot be imported"):
        discover()


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
