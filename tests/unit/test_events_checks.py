"""What `manage.py check` and `manage.py receivers` say about receivers and settings."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import post_save
from pytest_django import Settings

from caluma_async.events import EventType, Retry, checks, filter_events, on

pytestmark = pytest.mark.usefixtures("isolated_receivers")


class Paint:
    """Stands for a verb."""


def said(prefix: str) -> list[str]:
    return [message.msg for message in run_checks(tags=["events"]) if str(message.id).startswith(prefix)]


def test_nothing_is_wrong_with_a_receiver_that_takes_what_it_gets(post: EventType) -> None:
    on(post)(lambda sender, user, context, wall, event, signal, more=None: None)
    assert said("events.E") == []


def test_a_receiver_that_needs_what_its_event_lacks_is_reported(post: EventType) -> None:
    @on([post, EventType("post_plaster", arguments=("ceiling",))])
    def painted(wall: Any, colour: Any, **kwargs: Any) -> None: ...

    name = f"{__name__}.{painted.__qualname__}"
    assert said("events.E003") == [
        f"{name} cannot be called: post_paint has no colour.",
        f"{name} cannot be called: post_plaster has no colour and no wall.",
    ]


def test_a_receiver_of_positional_arguments_is_reported(post: EventType) -> None:
    on(post, name="painted")(exec_positional())
    assert said("events.E003") == ["painted cannot be called: sender cannot be given by name."]


def exec_positional() -> Any:
    def painted(sender: Any, /, **kwargs: Any) -> None: ...

    return painted


def test_a_receiver_of_a_signal_is_checked_against_its_arguments() -> None:
    on(post_save, name="watches")(lambda instance, created, wall: None)
    assert said("events.E003") == ["watches cannot be called: post_save has no wall."]


def test_unknown_modules_are_reported(settings: Any) -> None:
    settings.EVENT_RECEIVER_MODULES = ["tests", "no_such_module", "no.such.module", "tests..x"]
    assert said("events.E002") == [
        "EVENT_RECEIVER_MODULES: there is no module no_such_module.",
        "EVENT_RECEIVER_MODULES: there is no module no.such.module.",
        "EVENT_RECEIVER_MODULES: there is no module tests..x.",
    ]


def test_mistakes_in_settings_are_reported(settings: Any) -> None:
    settings.EVENT_DISPATCH = "sometimes"
    settings.EVENT_RECEIVER_MODULES = "receivers"
    assert said("events.E00") == [
        "EVENT_RECEIVER_MODULES must be a list of strings.",
        "EVENT_DISPATCH must be one of auto, blocking.",
    ]


def test_a_transaction_around_the_request_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert said("events.E004") == ["ATOMIC_REQUESTS must be off for the default database."]


def listed(*arguments: str) -> str:
    out = StringIO()
    call_command("receivers", *arguments, stdout=out)
    return out.getvalue()


def test_the_receivers_are_listed_with_their_events_in_order(post: EventType) -> None:
    @on(post, raise_exception=True, sender=Paint, name="first")
    @filter_events(lambda: True)
    def first(**kwargs: Any) -> None: ...

    @on(post, name="second", retry=Retry(max_attempts=8), sender="somebody")
    async def second(**kwargs: Any) -> None: ...

    EventType("post_nothing")
    lines = listed().splitlines()
    start = lines.index("post_paint")
    place, later = first.__wrapped__.__code__.co_firstlineno, second.__code__.co_firstlineno  # type: ignore[attr-defined]
    assert lines[start + 1] == (
        f"  blocking      first  ({__name__}:{place}, def, its error undoes the mutation, "
        f"only from {__name__}.Paint, filters: 1)"
    )
    assert lines[start + 2] == (
        f"  non-blocking  second  ({__name__}:{later}, async def, only from somebody, retry={Retry(max_attempts=8)})"
    )
    assert lines[start + 3] == "post_nothing"


def test_the_list_can_be_had_as_json(post: EventType) -> None:
    on(post, name="painted", blocking=False)(painter := (lambda **kwargs: None))
    (found,) = [event for event in json.loads(listed("--format", "json")) if event["event"] == "post_paint"]
    assert found == {
        "event": "post_paint",
        "arguments": ["wall"],
        "receivers": [
            {
                "name": "painted",
                "blocking": False,
                "async": False,
                "raise_exception": False,
                "sender": None,
                "filters": 0,
                "options": {},
                "module": __name__,
                "line": painter.__code__.co_firstlineno,
            }
        ],
    }


def test_a_pool_of_connections_is_remarked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("events.W003") == []
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {**connection.settings_dict["OPTIONS"], "pool": True})
    assert said("events.W003") == [
        "The default database has a pool of connections, and every thread keeps one of them."
    ]


def test_a_channel_layer_without_its_package_is_reported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CHANNEL_LAYER_URL = "redis://localhost"
    assert said("events.E007") == []
    monkeypatch.setattr(checks, "_exists", lambda module: module != "channels_redis")
    assert said("events.E007") == ["CHANNEL_LAYER_URL needs channels-redis: install caluma-async[redis]."]
    settings.CHANNEL_LAYER_URL = ""
    assert said("events.E007") == []
