"""Every error that the domain raises on purpose, in one tree. Knows nothing of GraphQL or HTTP.

CalumaError
├── Refused              a rule of the domain says no
│   ├── Busy               others are changing the same data
│   └── TooCostly          the expressions of a request take more work than a request may
├── InvalidInput         the input is wrong; ``field`` names where, if anywhere
│   ├── InvalidFormat      an answer does not have the format that its question wants
│   └── InvalidExpression  an expression does not parse or asks for what does not exist
├── Unauthenticated      the token is none that this server accepts
├── Unavailable          a service that has to be asked does not answer
├── NotAllowed           the permission says no
├── NotFound             there is no such object, or the user may not see it
├── Misconfigured        the site's settings or code are wrong; found at start-up where possible
│   ├── InvalidReceiver    a receiver's options or arguments do not fit its event
│   ├── NotStorable        an argument of an event cannot be kept for receivers that do not block
│   ├── RunawayEvents      a chain of events that cause each other is too long
│   └── SyncVerbOnEventLoop  a synchronous verb was called on the event loop's thread
└── ReceiverFailed       receivers undid the mutation
    └── SignalHandlingError  … because they were registered with ``raise_exception=True``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class CalumaError(Exception):
    """Something that was asked for cannot be done; the message says what and why."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    @property
    def extensions(self) -> dict[str, Any]:
        """What a client may evaluate: ``code`` and, where one is meant, ``field``."""
        extensions: dict[str, Any] = {"code": self.code}
        if self.field is not None:
            extensions["field"] = self.field
        return extensions


class Refused(CalumaError):
    """A rule of the domain says no."""

    code = "refused"


class Busy(Refused):
    """Others are changing the same data at this moment; try again."""


class TooCostly(Refused):
    """The expressions of one request take more work together than a request may."""


class InvalidInput(CalumaError):
    """The input is wrong.

    ``fields`` holds every complaint by field (camelCase, as the client wrote it) where there are several.
    """

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message, field=field)
        self.fields: Mapping[str, str] = dict(fields or {})


class InvalidFormat(InvalidInput):
    """An answer does not have the format that its question wants; the message is the format's own."""

    code = "format_validation_failed"


class InvalidExpression(InvalidInput):
    """An expression does not parse, or names something that does not exist.

    ``position`` is the offset in characters into the text, where it is known.
    """

    def __init__(self, message: str, *, field: str | None = None, position: int | None = None) -> None:
        super().__init__(message, field=field)
        self.position = position


class Unauthenticated(CalumaError):
    """The request carries a token that this server does not accept."""

    code = "unauthenticated"


class Unavailable(CalumaError):
    """A service that this server has to ask, such as the identity provider, does not answer."""

    code = "unavailable"


class NotAllowed(CalumaError):
    """The user may not do this."""

    code = "not_allowed"


class NotFound(CalumaError):
    """There is no such object, or the user may not see it."""

    code = "not_found"


class Misconfigured(CalumaError):
    """The site's settings or code are wrong."""


class InvalidReceiver(Misconfigured):
    """A receiver's options or arguments do not fit its event."""


class NotStorable(Misconfigured):
    """An argument of an event is neither JSON nor a saved model object."""


class RunawayEvents(Misconfigured):
    """A chain of events whose receivers cause each other has grown past ``EVENT_MAX_DEPTH``."""


class SyncVerbOnEventLoop(Misconfigured):
    """A synchronous verb was called on the event loop's thread; its async twin is the one to await."""


class ReceiverFailed(CalumaError):
    """Receivers undid the mutation."""

    code = "receiver_failed"


class SignalHandlingError(ReceiverFailed):
    """Receivers with ``raise_exception=True`` failed.

    ``caught_exceptions`` holds every such error, in the order in which the receivers ran.
    """

    def __init__(self, message: str, *, caught_exceptions: Sequence[BaseException] = ()) -> None:
        super().__init__(message)
        self.caught_exceptions: tuple[BaseException, ...] = tuple(caught_exceptions)
