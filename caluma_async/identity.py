"""The user as a value. Says who somebody is, never what they may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final

LONGEST_NAME: Final = 255
"""How many characters the name of a user or a group may have that is noted somewhere."""


@dataclass(frozen=True)
class User:
    """Who makes a request, or in whose name a receiver runs.

    ``group`` is the one the user acts for (the first of ``groups`` unless chosen otherwise); ``claims`` are those of
    the token. ``token`` lives as long as the request: it is neither shown by ``repr`` nor ever stored.
    """

    username: str | None = None
    _: KW_ONLY
    groups: Sequence[str] = ()
    group: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False, hash=False)
    token: str | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(self.groups))
        if self.group is None and self.groups:
            object.__setattr__(self, "group", self.groups[0])

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody is known by name."""
        return self.username is not None

    def __str__(self) -> str:
        return self.username or "AnonymousUser"

    def stored(self) -> dict[str, Any]:
        """What of the user goes into a row: everything but the token."""
        return {
            "username": self.username,
            "group": self.group,
            "groups": list(self.groups),
            "claims": dict(self.claims),
        }

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> User:
        """The user as `stored` wrote it, without a token."""
        return cls(
            stored.get("username"),
            groups=stored.get("groups") or (),
            group=stored.get("group"),
            claims=stored.get("claims") or {},
        )


ANONYMOUS: Final = User()
