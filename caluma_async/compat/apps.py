"""Puts the stand-in for `caluma` in place before anything that may import it."""

from types import ModuleType

from django.apps import AppConfig

from caluma_async.compat.finder import install


class CompatConfig(AppConfig):
    """Names of Caluma for modules that were written for it. To be listed before every app that uses them."""

    name = "caluma_async.compat"
    label = "compat"
    verbose_name = "Caluma's names"

    def __init__(self, app_name: str, app_module: ModuleType) -> None:
        super().__init__(app_name, app_module)
        install()  # not in `ready`: models of other apps are imported before that
