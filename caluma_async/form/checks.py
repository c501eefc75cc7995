"""What `manage.py check` says about the classes that the site lists for its forms."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from caluma_async.conf import mistakes
from caluma_async.errors import Misconfigured
from caluma_async.form.data_sources import data_sources
from caluma_async.form.format_validators import format_validators
from caluma_async.form.listed import Listed


def install() -> None:
    """Make `manage.py check` ask it."""
    register(check_listed, "form")


def check_listed(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The listed classes exist, and can be told apart."""
    wrong = mistakes()
    registries: tuple[Listed[Any], ...] = (data_sources, format_validators)
    return [
        Error(complaint, id="form.E001")
        for registry in registries
        if registry.setting not in wrong and (complaint := _complaint(registry)) is not None
    ]


def _complaint(registry: Listed[Any]) -> str | None:
    try:
        registry.every()
    except Misconfigured as error:
        return error.message
    return None
