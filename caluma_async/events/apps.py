"""The event engine as a Django app."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Event types, receivers and deliveries."""

    name = "caluma_async.events"
    label = "events"
    verbose_name = "Events"
