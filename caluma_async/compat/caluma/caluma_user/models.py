"""Stands for `caluma.caluma_user.models`: users that code makes for itself, and may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caluma_async.identity import User

__all__ = ["AnonymousUser", "BaseUser"]


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
