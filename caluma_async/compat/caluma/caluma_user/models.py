"""Stands for `caluma.caluma_user.models`: users that code makes for itself, and may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caluma_async.access.authentication.users import groups_in, username_in
from caluma_async.identity import User

__all__ = ["AnonymousUser", "BaseUser", "OIDCUser"]


class BaseUser(User):
    """A user whose attributes may be assigned, as legacy code does: `user.username = "import"`."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__

    def __init__(
        self,
        username: str | None = None,
        groups: Sequence[str] | None = None,
        group: str | None = None,
        token: str | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(username, groups=groups or (), group=group, claims=claims or {}, token=token)


class AnonymousUser(BaseUser):
    """Nobody in particular."""


class OIDCUser(BaseUser):
    """Who a token belongs to: what sites derive the class from that `OIDC_USER_FACTORY` names."""

    def __init__(
        self,
        token: str | None = None,
        userinfo: Mapping[str, Any] | None = None,
        introspection: Mapping[str, Any] | None = None,
    ) -> None:
        claims = userinfo or introspection or {}
        super().__init__(username_in(claims), groups_in(claims), token=token, claims=claims)
