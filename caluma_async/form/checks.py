"""What `manage.py check` says about the classes that the site lists for its forms, and about its storage of files."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Error, register

from caluma_async.conf import mistakes, settings
from caluma_async.errors import Misconfigured
from caluma_async.form.data_sources import data_sources
from caluma_async.form.files.storage import service
from caluma_async.form.format_validators import format_validators
from caluma_async.form.listed import Listed


def install() -> None:
    """Make `manage.py check` ask it."""
    register(check_listed, "form")
    register(check_storage, "form")


def check_listed(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The listed classes exist, and can be told apart."""
    wrong = mistakes()
    registries: tuple[Listed[Any], ...] = (data_sources, format_validators)
    return [
        Error(complaint, id="form.E001")
        for registry in registries
        if registry.setting not in wrong and (complaint := _complaint(registry)) is not None
    ]


def check_storage(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """What the storage needs is there."""
    if "MEDIA_STORAGE_SERVICE" in mistakes() or service() == "local":
        return []
    found: list[CheckMessage] = []
    if find_spec("storages") is None or find_spec("boto3") is None:
        found.append(Error(f"MEDIA_STORAGE_SERVICE={service()} needs django-storages[s3].", id="form.E002"))
    if service() == "minio" and not settings.MINIO_STORAGE_ENDPOINT:
        found.append(Error("MEDIA_STORAGE_SERVICE=minio needs MINIO_STORAGE_ENDPOINT.", id="form.E003"))
    return found


def _complaint(registry: Listed[Any]) -> str | None:
    try:
        registry.every()
    except Misconfigured as error:
        return error.message
    return None
