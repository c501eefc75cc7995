"""The form domain as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from caluma_async.events.loading import at_hand
from caluma_async.form import events  # noqa: F401 - declares the event types, whether or not a receiver asks for them


class FormConfig(AppConfig):
    """Forms, questions, documents and answers."""

    name = "caluma_async.form"
    label = "form"
    verbose_name = "Forms"

    def ready(self) -> None:
        """Have changes noted, kept and worked off, and the site's classes checked; say what receivers find at hand."""
        # the models are not there before
        from caluma_async.form import checks, recalculation, versions  # noqa: F401, PLC0415
        from caluma_async.form.files import settling  # noqa: PLC0415
        from caluma_async.form.history import authors, triggers  # noqa: PLC0415

        checks.install()
        post_migrate.connect(versions.install, sender=self)
        post_migrate.connect(triggers.install, sender=self)
        authors.install()
        settling.install()
        at_hand(self.get_model("Document"), "form", "family", "source")
        at_hand(self.get_model("Answer"), "question", "document__form", "document__family")
        at_hand(self.get_model("File"), "answer__question", "answer__document")
