"""The classes that settings list: found by their names, and looked over before they decide on anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.module_loading import import_string

from caluma_async.access.permissions import BasePermission
from caluma_async.access.validations import BaseValidation
from caluma_async.access.visibilities import BaseVisibility
from caluma_async.conf import settings
from caluma_async.errors import Misconfigured

Class = type[BasePermission] | type[BaseVisibility] | type[BaseValidation]

BASES: Final[Mapping[str, Class]] = {
    "PERMISSION_CLASSES": BasePermission,
    "VISIBILITY_CLASSES": BaseVisibility,
    "VALIDATION_CLASSES": BaseValidation,
}
"""The settings, and what the classes that they list must derive from."""

NEEDED: Final = ("PERMISSION_CLASSES", "VISIBILITY_CLASSES")
"""Those without which everybody may do and see everything."""


def unguarded() -> str:
    """What is to be said against serving with these settings; empty where nothing is."""
    missing = [name for name in NEEDED if not getattr(settings, name)]
    if settings.ENV != "production" or not missing:
        return ""
    return (
        f"ENV=production needs {' and '.join(missing)}: list the classes that say who may do and who may see what. "
        "Without them everybody may do and see everything."
    )


def listed(setting: str) -> tuple[Any, ...]:
    """The classes that the setting lists; raises `Misconfigured` for one that cannot be used."""
    for complaint in complaints(setting):
        raise Misconfigured(complaint)
    return tuple(_class(setting, dotted) for dotted in getattr(settings, setting))


def complaints(setting: str) -> Iterator[str]:
    """What is wrong with the classes that the setting lists."""
    for dotted in getattr(settings, setting):
        try:
            found = _class(setting, dotted)
        except Misconfigured as error:
            yield error.message
        else:
            yield from (f"{setting}: {complaint}" for complaint in found.complaints())


def _class(setting: str, dotted: str) -> Class:
    try:
        found = import_string(dotted)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise Misconfigured(f"{setting} lists {dotted!r}, which cannot be imported: {reason}") from error
    base = BASES[setting]
    if not (isinstance(found, type) and issubclass(found, base)):
        raise Misconfigured(f"{setting} lists {dotted!r}, which is no subclass of {base.__name__}.")
    return found
