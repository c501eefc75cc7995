"""What `manage.py check` says about authentication; with `--deploy`, also about what is not safe enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core import checks
from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from caluma_async.conf import settings

ENDPOINTS: Final = ("OIDC_JWKS_ENDPOINT", "OIDC_USERINFO_ENDPOINT")
IMPORTED: Final = ("AUTHENTICATOR", "OIDC_USER_FACTORY")


def check_authentication(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """There is one way to check tokens, and nothing that it needs is missing."""
    return [Error(complaint, id="access.E003") for complaint in _complaints()]


def check_provider(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Nobody in between can pass for the identity provider."""
    plain = [name for name in ENDPOINTS if str(getattr(settings, name)).startswith("http://")]
    warnings = [f"{name} is not https: whoever is in between can make users." for name in plain]
    if not settings.OIDC_VERIFY_SSL:
        warnings.append("OIDC_VERIFY_SSL is off: whoever is in between can make users.")
    return [checks.Warning(warning, id="access.W005") for warning in warnings]


def _complaints() -> Iterator[str]:
    if all(getattr(settings, name) for name in ENDPOINTS):
        yield f"{' and '.join(ENDPOINTS)} exclude each other: a token is checked in one way."
    if settings.OIDC_JWKS_ENDPOINT:
        for name in ("OIDC_ISSUER", "OIDC_AUDIENCE"):
            if not getattr(settings, name):
                yield f"OIDC_JWKS_ENDPOINT needs {name}: any token of the provider would do otherwise."
    for name in IMPORTED:
        yield from _not_callable(name)


def _not_callable(name: str) -> Iterator[str]:
    dotted = getattr(settings, name)
    try:
        found = import_string(dotted)
    except Exception as error:  # noqa: BLE001 - whatever the site's module raises, this is where it is told
        yield f"{name} is {dotted!r}, which cannot be imported: {type(error).__name__}: {error}"
        return
    if not callable(found):
        yield f"{name} is {dotted!r}, which cannot be called."
