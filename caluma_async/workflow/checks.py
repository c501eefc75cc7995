"""What `manage.py check` says about dynamic groups and tasks."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from caluma_async.conf import mistakes
from caluma_async.errors import Misconfigured
from caluma_async.workflow import dynamic


def install() -> None:
    """Make `manage.py check` ask it."""
    register(check_dynamic, "workflow")


def check_dynamic(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The listed classes exist, and their methods can be asked."""
    wrong = mistakes()
    return [
        Error(complaint, id="workflow.E001")
        for registry in (dynamic.groups, dynamic.tasks)
        if registry.setting not in wrong and (complaint := _complaint(registry)) is not None
    ]


def _complaint(registry: dynamic.Registry) -> str | None:
    try:
        registry.names()
    except Misconfigured as error:
        return error.message
    return None
