"""What `manage.py check` says about the site's access rules; with `--deploy`, also about what is too open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error, register

from caluma_async.access.authentication.checks import check_authentication, check_provider
from caluma_async.access.base import Deed, Operation
from caluma_async.access.classes import BASES, complaints, listed, unguarded
from caluma_async.access.permissions import BasePermission, permission_for
from caluma_async.access.relations import records
from caluma_async.conf import mistakes, settings


def install() -> None:
    """Make `manage.py check` ask them all."""
    register(check_guarded, "security")
    register(check_classes, "security")
    register(check_authentication, "security")
    register(check_openness, "security", deploy=True)
    register(check_provider, "security", deploy=True)


def check_guarded(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """In production it is said who may do and see what."""
    missing = unguarded()
    return [Error(missing, id="access.E001")] if missing else []


def check_classes(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Every class that is listed can be used."""
    wrong = mistakes()
    return [
        Error(complaint, id="access.E002")
        for setting in BASES
        if setting not in wrong
        for complaint in complaints(setting)
    ]


def check_openness(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Nothing is open to everybody without being meant to be."""
    if check_classes() or check_guarded() or BASES.keys() & mistakes():
        return []
    return list(_open())


def _open() -> Iterator[CheckMessage]:
    permissions, visibilities = listed("PERMISSION_CLASSES"), listed("VISIBILITY_CLASSES")
    # nobody may do what is an operation until a class names it
    verbs = {deed for deed in deeds() if not issubclass(deed, Operation)}
    free = sorted(verb.__name__ for verb in verbs if not _is_guarded(verb, permissions))
    if len(free) == len(verbs):
        yield checks.Warning("PERMISSION_CLASSES lets everybody do everything.", id="access.W001")
    elif free:
        yield checks.Warning(f"PERMISSION_CLASSES lets everybody do this: {', '.join(free)}.", id="access.W002")
    if not any(visibility.restricts(model) for visibility in visibilities for model in records()):
        yield checks.Warning("VISIBILITY_CLASSES shows everything to everybody.", id="access.W003")
    for name in ("GRAPHQL_INTROSPECTION", "GRAPHIQL"):
        if getattr(settings, name):
            yield checks.Warning(f"{name} is on.", id="access.W004")


def deeds(base: type[Deed] = Deed) -> Iterator[type[Deed]]:
    """The verbs that can be run, as against those that others are derived from."""
    for derived in base.__subclasses__():
        if not derived.__subclasses__() or getattr(derived, "async_twin", None):
            yield derived
        yield from deeds(derived)


def _is_guarded(verb: type[Deed], permissions: tuple[type[BasePermission], ...]) -> bool:
    own = BasePermission.has_permission
    return any(permission_for.find(each, verb) or each.has_permission is not own for each in permissions)
