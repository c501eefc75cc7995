"""The access rules as a Django app: at start-up their checks are registered."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class AccessConfig(AppConfig):
    """Authentication, permissions, visibilities and validations."""

    name = "caluma_async.access"
    label = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        """Let `manage.py check` ask."""
        # found only now: what is checked are models, which cannot be imported together with this module
        import_string("caluma_async.access.checks.install")()
