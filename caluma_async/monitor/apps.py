"""The monitor as a Django app: it begins to count when the process starts."""

from django.apps import AppConfig

from caluma_async.events import feed
from caluma_async.events.telemetry import listeners
from caluma_async.monitor.tally import tally


class MonitorConfig(AppConfig):
    """One page for those who run the site."""

    name = "caluma_async.monitor"
    label = "monitor"

    def ready(self) -> None:
        """Listen to this process, and to what others tell."""
        if tally.hear not in listeners:
            listeners.append(tally.hear)
            feed.elsewhere.append(tally.hear_elsewhere)
