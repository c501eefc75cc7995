"""The event engine as a Django app: at start-up it imports the receivers."""

from django.apps import AppConfig

from caluma_async.events import audience, checks, feed, lifecycle, recorder
from caluma_async.events.receivers import discover
from caluma_async.events.scope import use_recorder


class EventsConfig(AppConfig):
    """Event types, receivers and deliveries."""

    name = "caluma_async.events"
    label = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        """Check settings and receivers, take deliveries over, and import the modules that receivers are in."""
        checks.install()
        use_recorder(recorder.record)
        lifecycle.install()
        audience.follow_settings()
        feed.install()
        discover()
