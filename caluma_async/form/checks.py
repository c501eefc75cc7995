"""What `manage.py check` says about the classes that the site lists for its forms, and about its storage of files."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Final

from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Remark

from caluma_async.conf import Settings, mistakes, settings
from caluma_async.errors import Misconfigured
from caluma_async.form.data_sources import data_sources
from caluma_async.form.files.storage import service
from caluma_async.form.format_validators import format_validators
from caluma_async.form.listed import Listed

_LONGEST: Final = 7 * 24 * 60
"""Minutes for which an address may be presigned."""


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
    wrong = mistakes()
    if "MEDIA_STORAGE_SERVICE" in wrong or service() == "local":
        return []
    found: list[CheckMessage] = []
    if find_spec("storages") is None or find_spec("boto3") is None:
        found.append(Error(f"MEDIA_STORAGE_SERVICE={service()} needs django-storages[s3].", id="form.E002"))
    if service() == "minio" and not settings.MINIO_STORAGE_ENDPOINT:
        found.append(Error("MEDIA_STORAGE_SERVICE=minio needs MINIO_STORAGE_ENDPOINT.", id="form.E003"))
    if "MINIO_PRESIGNED_TTL_MINUTES" not in wrong and settings.MINIO_PRESIGNED_TTL_MINUTES > _LONGEST:
        found.append(Error(f"MINIO_PRESIGNED_TTL_MINUTES may be {_LONGEST} with a bucket at most.", id="form.E004"))
    return [*found, *_without_effect()]


def _without_effect() -> Iterator[CheckMessage]:
    for setting in (Settings.MEDIA_MAX_SIZE, Settings.MEDIA_TYPES):
        if getattr(settings, setting.name) != setting.default:
            yield Remark(f"{setting.name} does not apply to uploads to a bucket.", id="form.W001")


def _complaint(registry: Listed[Any]) -> str | None:
    try:
        registry.every()
    except Misconfigured as error:
        return error.message
    return None
