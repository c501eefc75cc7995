"""The form domain as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class FormConfig(AppConfig):
    """Forms, questions, documents and answers."""

    name = "caluma_async.form"
    label = "form"
    verbose_name = "Forms"

    def ready(self) -> None:
        """Have the database note changes of forms, and the site's classes checked."""
        from caluma_async.form import checks, versions  # noqa: PLC0415 - the models are not there before

        checks.install()
        post_migrate.connect(versions.install, sender=self)
