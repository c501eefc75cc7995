"""Tracing as a Django app: it begins when the process starts, if opentelemetry-api is installed."""

from django.apps import AppConfig

from caluma_async.tracing import spans


class TracingConfig(AppConfig):
    """Traces for whoever collects them."""

    name = "caluma_async.tracing"
    label = "tracing"

    def ready(self) -> None:
        """Begin, if there is something to begin with."""
        spans.install()
