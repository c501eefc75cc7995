"""The user, made of what a token says, and acting for one of their groups."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from caluma_async.conf import settings
from caluma_async.errors import NotAllowed, Unauthenticated
from caluma_async.identity import User


def make_user(token: str, claims: Mapping[str, Any]) -> User:
    """The user that the claims are about. What the setting `OIDC_USER_FACTORY` names is called in the same way.

    Raises `Unauthenticated` where they name nobody.
    """
    return User(username_in(claims), groups=groups_in(claims), claims=claims, token=token)


def username_in(claims: Mapping[str, Any]) -> str:
    """The user's name, or that of a client which acts for itself."""
    for name in (settings.OIDC_USERNAME_CLAIM, settings.OIDC_CLIENT_CLAIM):
        value = claim(claims, name)
        if value and isinstance(value, str | int):
            return str(value)
    raise Unauthenticated(f"The token names no user: it has no claim {settings.OIDC_USERNAME_CLAIM}.")


def groups_in(claims: Mapping[str, Any]) -> list[str]:
    """The user's groups: a list, or a single one."""
    value = claim(claims, settings.OIDC_GROUPS_CLAIM)
    groups = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [group for group in groups if isinstance(group, str) and group]


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """The value of a claim; `realm_access.roles` is `roles` in `realm_access`, unless a claim has the whole name."""
    if name in claims:
        return claims[name]
    first, dot, rest = name.partition(".")
    inner = claims.get(first)
    return claim(inner, rest) if dot and isinstance(inner, Mapping) else None


def acting_for(user: User, group: str) -> User:
    """The user, acting for that group; raises `NotAllowed` if it is none of theirs. An empty name chooses nothing."""
    if not group or group == user.group:
        return user
    if group not in user.groups:
        raise NotAllowed(f"The header {settings.GROUP_HEADER} names a group that you do not belong to.")
    acting = copy.copy(user)
    object.__setattr__(acting, "group", group)
    return acting
