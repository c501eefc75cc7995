"""What a request hands down to resolvers: who asks, under which rules, in which language. Reads no header itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from strawberry.types import Info as StrawberryInfo

from caluma_async.access import TRUSTED, Access
from caluma_async.graphql.documents import Document
from caluma_async.identity import ANONYMOUS, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One request, as resolvers see it (`info.context`).

    `request` is a Django request with `user`, `headers` and `META`: extension classes get it. `loaders` holds what
    loads for this request, by a key of its owner's. `document` is what is being run, parsed and valid. `hang_up`
    ends the connection of a subscription, with a reason.
    """

    user: User = ANONYMOUS
    access: Access = TRUSTED
    request: HttpRequest = field(default_factory=HttpRequest, repr=False)
    language: str = "en"
    request_id: str = ""
    loaders: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    document: Document | None = field(default=None, repr=False)
    hang_up: Callable[[str], None] | None = field(default=None, repr=False)


Info = StrawberryInfo[Context, None]
