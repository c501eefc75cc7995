"""The demo as a Django app: nothing but its command."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """A workflow to try things out with."""

    name = "caluma_async.demo"
    label = "demo"
    verbose_name = "Demo"
