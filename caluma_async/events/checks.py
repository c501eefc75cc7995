"""What `manage.py check` says about settings, receivers, and deliveries that nobody will take."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Remark
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from caluma_async.conf import every, mistakes, settings, unknown
from caluma_async.events import outbox
from caluma_async.events.carriers import procrastinate
from caluma_async.events.receivers import registry


def install() -> None:
    """Make `manage.py check` ask them all."""
    for check in (
        check_settings,
        check_names,
        check_modules,
        check_receivers,
        check_atomic_requests,
        check_pool,
        check_metrics,
        check_layer,
        check_carrier,
    ):
        register(check, "events")
    register(check_deliveries, "outbox")


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Every setting has a value that it may have."""
    return [Error(f"{name} {complaint}.", id="events.E001") for name, complaint in mistakes().items()]


def check_names(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The environment names no settings that there are not."""
    return [
        Remark(
            f"There is no setting {name}.",
            hint="".join(f"Is {meant} meant?" for meant in get_close_matches(name, every(), n=1)) or None,
            id="events.W002",
        )
        for name in unknown()
    ]


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


def check_pool(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Threads keep their connections: of a pool each would keep one, and the last ones would wait in vain."""
    if not connections[DEFAULT_DB_ALIAS].settings_dict["OPTIONS"].get("pool"):
        return []
    return [
        Remark(
            "The default database has a pool of connections, and every thread keeps one of them.",
            hint="Leave `pool` out: the settings for threads bound the connections already.",
            id="events.W003",
        )
    ]


def check_metrics(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """What metrics are made with is installed, if they are wanted."""
    if not settings.EVENT_METRICS or _exists("prometheus_client"):
        return []
    return [Error("EVENT_METRICS needs prometheus-client: install caluma-async[metrics].", id="events.E005")]


def check_layer(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """What processes tell each other with is installed, if they are to."""
    if not settings.CHANNEL_LAYER_URL or _exists("channels_redis"):
        return []
    return [Error("CHANNEL_LAYER_URL needs channels-redis: install caluma-async[redis].", id="events.E007")]


def check_carrier(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """What the carrier needs is there."""
    if settings.EVENT_CARRIER != "procrastinate":
        return []
    missing = []
    if connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
        missing.append("PostgreSQL: set DATABASE_URL.")
    if not procrastinate.is_installed():
        missing.append("Procrastinate: install caluma-async[procrastinate].")
    if not missing and not apps.is_installed(procrastinate.APP):
        missing.append(f"its tables: add {procrastinate.APP} to INSTALLED_APPS, and migrate.")
    return [Error(f"EVENT_CARRIER=procrastinate needs {what}", id="events.E006") for what in missing]


def check_deliveries(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Every delivery that waits has a receiver. Says nothing while there is no database, or no table in it."""
    try:
        unknown = outbox.unknown_receivers(sorted(registry.deliverable_names()))
    except DatabaseError:
        return []
    return [
        Remark(
            f"{number} {'delivery waits' if number == 1 else 'deliveries wait'} for {name}, which is not registered.",
            hint=f"Name it in `aliases` of the receiver that took its place, or `manage.py deliveries discard "
            f"--state waiting --receiver {name}`.",
            id="events.W001",
        )
        for name, number in unknown
    ]


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
