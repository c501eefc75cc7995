"""What `manage.py check` says about settings and receivers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.db import DEFAULT_DB_ALIAS, connections

from caluma_async.conf import mistakes, settings
from caluma_async.events.receivers import registry


def install() -> None:
    """Make `manage.py check` ask them all."""
    for check in (check_settings, check_modules, check_receivers, check_atomic_requests):
        register(check, "events")


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Every setting has a value that it may have."""
    return [Error(f"{name} {complaint}.", id="events.E001") for name, complaint in mistakes().items()]


def check_modules(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The modules that receivers are in exist."""
    if "EVENT_RECEIVER_MODULES" in mistakes():
        return []
    return [
        Error(f"EVENT_RECEIVER_MODULES: there is no module {module}.", id="events.E002")
        for module in settings.EVENT_RECEIVER_MODULES
        if not _exists(module)
    ]


def check_receivers(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Every receiver can be called with the arguments of its events."""
    return list(_uncallable())


def _uncallable() -> Iterator[CheckMessage]:
    for receiver in registry.all():
        for reason in receiver.uncallable():
            yield Error(
                f"{receiver.name} cannot be called: {reason}.",
                hint=f"It is defined at {receiver.file}:{receiver.line}.",
                id="events.E003",
            )


def check_atomic_requests(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A verb's transaction is its own: with one around the request nothing would be committed when it answers."""
    if not connections[DEFAULT_DB_ALIAS].settings_dict["ATOMIC_REQUESTS"]:
        return []
    return [Error("ATOMIC_REQUESTS must be off for the default database.", id="events.E004")]


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
