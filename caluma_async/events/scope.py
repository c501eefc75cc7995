"""What is emitted between the beginning and the end of a verb, and which event it is emitted because of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from threading import get_ident
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from django.db import transaction

from caluma_async.events.event import Event
from caluma_async.events.receiver import Receiver


class Due(NamedTuple):
    """One receiver that is to be called after the commit; `error`: its filter failed, and it is not to be called."""

    receiver: Receiver
    error: Exception | None = None


class Pending(NamedTuple):
    """An event with the receivers that it does not wait for; `is_heard`: others want to hear of it too."""

    event: Event
    deliveries: tuple[Due, ...]
    is_heard: bool


class Recorder(Protocol):
    """Takes over what is pending; if that `is_last` in the transaction, it may commit it."""

    def __call__(self, pendings: Sequence[Pending], *, is_last: bool) -> None:
        """Inside the transaction, at the end of the outermost scope."""


_recorders: list[Recorder] = []


def use_recorder(record: Recorder) -> None:
    """Say who takes over what is pending: called once at the end of the outermost scope, inside its transaction."""
    _recorders[:] = [record]


class _Mark:
    """Lies among the transaction's `on_commit` functions: gone when a savepoint around it was undone."""

    def __call__(self) -> None:
        """Nothing is left to do at the commit."""


class Scope:
    """The emissions of one verb, or of one receiver. Those of a scope that fails are dropped with its savepoint.

    `receivers_called` says whether blocking receivers were called in it, however it ends; `receivers_asked` whether
    they had statements carried out, and so may have changed what is stored.
    """

    def __init__(self, *, user: Any = None, is_last: bool = False) -> None:
        self.receivers_called = False
        self.receivers_asked = False
        self.user = user
        self._parent: Scope | None = None
        self._before: Scope | None = None
        self._pending: list[tuple[Pending, _Mark | None]] = []
        self._database: Any = None
        self._closed = False
        self._thread = 0
        self._is_last = is_last

    def add(self, pending: Pending) -> None:
        """Keep what is to be handed over when the outermost scope ends."""
        mark = None
        if self._database.in_atomic_block:
            mark = _Mark()
            self._database.on_commit(mark)
        self._pending.append((pending, mark))

    def mark_called(self) -> None:
        """Remember, here and further out, that a blocking receiver is called."""
        for scope in self._and_further_out():
            scope.receivers_called = True

    def mark_asked(self) -> None:
        """Remember, here and further out, that a blocking receiver had statements carried out."""
        for scope in self._and_further_out():
            scope.receivers_asked = True

    def _and_further_out(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope._parent

    def __enter__(self) -> Self:
        self._database = _wrapper()
        self._thread = get_ident()
        self._before = _scope.get()
        self._parent = _open(self._before, self._database)
        if self.user is None and self._parent is not None:
            self.user = self._parent.user
        _scope.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _scope.set(self._before)
        self._closed = True
        if error is not None:
            self._forget_marks()
        elif self._parent is not None:
            self._parent._pending += self._pending
        elif self._pending:
            self._hand_over()

    def _hand_over(self) -> None:
        marks = {id(entry[1]) for entry in self._database.run_on_commit}
        left = [pending for pending, mark in self._pending if mark is None or id(mark) in marks]
        self._forget_marks()
        if len(left) > 1:
            # keys are in the order of emission; what a receiver emitted was added before what it was called for
            left.sort(key=lambda pending: pending.event.id.int)
        if left:
            _recorders[0](left, is_last=self._is_last)

    def _forget_marks(self) -> None:
        marks = {id(mark) for _, mark in self._pending if mark is not None}
        if marks:
            entries = self._database.run_on_commit
            self._database.run_on_commit = [entry for entry in entries if id(entry[1]) not in marks]


_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)
_cause: ContextVar[Event | None] = ContextVar("cause", default=None)


def _wrapper() -> Any:
    """The connection of this thread itself, behind Django's proxy."""
    return transaction.get_connection()


def will_commit() -> bool:
    """Whether a transaction that is opened now is committed when it is left; others are savepoints, or a site's own."""
    database = _wrapper()
    return not database.in_atomic_block and bool(database.get_autocommit())


def current_scope() -> Scope | None:
    """The innermost scope that is open on this thread's connection.

    A task that outlived its receiver, or a thread with a connection of its own, has inherited a scope that is not
    about its transaction.
    """
    scope = _scope.get()
    # a thread has one connection, which it takes longer to ask for than to know
    if scope is None or (scope._thread == get_ident() and not scope._closed):
        return scope
    return _open(scope, _wrapper())


def _open(scope: Scope | None, database: object) -> Scope | None:
    """The scope or the innermost one around it that is open on this connection."""
    while scope is not None and (scope._closed or scope._database is not database):
        scope = scope._parent
    return scope


def emissions(*, user: Any = None, is_last: bool = False) -> Scope:
    """The scope of a verb, to be entered inside its transaction.

    The outermost one hands over, at its end and still inside the transaction, what receivers get after the commit.
    `user` is who signals of Django's are taken to come from meanwhile. `is_last`: nothing follows in the transaction.
    """
    return Scope(user=user, is_last=is_last)


def cause() -> Event | None:
    """The event whose receiver is running."""
    return _cause.get()


class caused_by:  # noqa: N801 - used like a function
    """What is emitted in this block is emitted because of this event; `None`: it begins a chain of its own."""

    __slots__ = ("_before", "_event")

    def __init__(self, event: Event | None) -> None:
        self._event = event

    def __enter__(self) -> None:
        self._before = _cause.get()
        _cause.set(self._event)

    def __exit__(self, *_: object) -> None:
        _cause.set(self._before)
