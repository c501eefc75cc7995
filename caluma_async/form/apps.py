"""The form domain as a Django app."""

from django.apps import AppConfig


class FormConfig(AppConfig):
    """Forms, questions, documents and answers."""

    name = "caluma_async.form"
    label = "form"
    verbose_name = "Forms"
