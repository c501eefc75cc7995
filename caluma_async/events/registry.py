"""All receivers by name. Which of them receive an event is kept with its type, in the order of registration."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from caluma_async.errors import InvalidReceiver
from caluma_async.events import event as declared
from caluma_async.events.calling import innermost
from caluma_async.events.event import EventType
from caluma_async.events.options import Options, refuse_function
from caluma_async.events.receiver import NATIVE, Receiver, describe, name_of


class Registry:
    """All receivers. Which of them receive an event is kept with its type, in the order of registration."""

    def __init__(self) -> None:
        self._receivers: list[Receiver] = []
        self._lock = threading.RLock()

    def all(self) -> tuple[Receiver, ...]:
        """Every receiver, in the order of registration."""
        return tuple(self._receivers)

    def find(self, name: str, event_name: str | None = None) -> Receiver | None:
        """The receiver of this name or former name; of this event, if one function is registered several times."""
        named = [receiver for receiver in self._receivers if name == receiver.name and receiver.connected is None]
        named += [receiver for receiver in self._receivers if name in receiver.aliases]
        if event_name is not None:
            named = [receiver for receiver in named if any(event.name == event_name for event in receiver.events)]
        return named[0] if named else None

    def deliverable_names(self) -> frozenset[str]:
        """Names and former names of all receivers that have rows."""
        return frozenset(
            name
            for receiver in self._receivers
            if receiver.durable and not all(map(receiver.blocks, receiver.events))
            for name in (receiver.name, *receiver.aliases)
        )

    def add(self, receiver: Receiver) -> Receiver:
        """Register, or put in the place of what the same module registered when it was loaded before."""
        with self._lock:
            if (same := self._same_place(receiver)) is not None:
                return same
            former = self._former(receiver)
            kept = [known for known in former if _same_subject(known, receiver)]
            self._refuse_overlap(receiver, [known for known in former if known not in kept])
            for stale in former:
                if stale.execution is not receiver.execution and stale not in kept:
                    self._remove(stale)
            if kept:
                self._exchange(kept[0], receiver)
            else:
                self._append(receiver)
            return receiver

    def connect(self, event: EventType, receiver: Receiver) -> None:
        """Register what Django's `connect` was called with, unless it is connected already."""
        with self._lock:
            if not any(known.connected == receiver.connected for known in event.receivers if known.connected):
                self._append(receiver)

    def disconnect(self, event: EventType, matches: Callable[[Receiver], bool]) -> bool:
        """Take the first receiver of this event away that matches; whether there was one."""
        with self._lock:
            found = next((receiver for receiver in event.receivers if matches(receiver)), None)
            if found is None:
                return False
            event.receivers = [receiver for receiver in event.receivers if receiver is not found]
            if not any(found in other.receivers for other in found.events):
                self._receivers.remove(found)
            event.changed()
            return True

    @contextmanager
    def isolated(self) -> Iterator[Registry]:
        """Forget at the end of the block what was registered and declared in it. For tests."""
        with self._lock:
            receivers, types = list(self._receivers), dict(declared.event_types())
            registered = {name: list(kind.receivers) for name, kind in types.items()}
        try:
            yield self
        finally:
            with self._lock:
                self._restore(receivers, types, registered)

    def _restore(
        self, receivers: list[Receiver], types: dict[str, EventType], registered: dict[str, list[Receiver]]
    ) -> None:
        self._receivers = receivers
        for name, kind in list(declared.event_types().items()):
            kind.receivers = registered.get(name, []) if kind is types.get(name) else []
            kind.changed()
        declared.restore(types)
        for name, kind in types.items():
            kind.receivers = registered[name]
            kind.changed()

    def _same_place(self, receiver: Receiver) -> Receiver | None:
        """What one file registered already that is imported under two names."""
        if not receiver.line or "<locals>" in receiver.name:
            return None
        for known in self._receivers:
            elsewhere = known.module != receiver.module and known.connected is None
            if elsewhere and _place(known) == _place(receiver) and _same_subject(known, receiver):
                return known
        return None

    def _former(self, receiver: Receiver) -> list[Receiver]:
        """The earlier registrations of the same function; raises if the name belongs to another one."""
        names = {receiver.name, *receiver.aliases}
        former = []
        for known in self._receivers:
            if known.connected is not None or not names.intersection({known.name, *known.aliases}):
                continue
            again = known.module == receiver.module and known.execution is not receiver.execution
            if innermost(known.function) is not innermost(receiver.function) and not again:
                taken = " and ".join(sorted(names.intersection({known.name, *known.aliases})))
                raise InvalidReceiver(
                    f"Two receivers are called {taken}: {known.file}:{known.line} and {receiver.file}:{receiver.line}. "
                    f"Give one of them another `name`."
                )
            former.append(known)
        return former

    def _refuse_overlap(self, receiver: Receiver, others: list[Receiver]) -> None:
        """One function may be registered several times, but for no event twice."""
        for known in others:
            twice = known.execution is receiver.execution and (known.sender is None or receiver.sender is None)
            for event in set(known.events).intersection(receiver.events) if twice else ():
                raise InvalidReceiver(f"{receiver.name} is registered twice for {event.name}.")

    def _append(self, receiver: Receiver) -> None:
        self._receivers.append(receiver)
        for event in receiver.events:
            event.receivers = [*event.receivers, receiver]
            event.changed()

    def _exchange(self, former: Receiver, receiver: Receiver) -> None:
        self._receivers[self._receivers.index(former)] = receiver
        for event in receiver.events:
            event.receivers = [receiver if known is former else known for known in event.receivers]

    def _remove(self, receiver: Receiver) -> None:
        self._receivers.remove(receiver)
        for event in receiver.events:
            event.receivers = [known for known in event.receivers if known is not receiver]
            event.changed()


registry = Registry()


def _same_subject(one: Receiver, other: Receiver) -> bool:
    names = [event.name for event in one.events]
    return names == [event.name for event in other.events] and one.sender == other.sender


def _place(receiver: Receiver) -> tuple[str, int]:
    return receiver.file, receiver.line


def connect(
    event: EventType, function: Callable[..., Any], *, sender: Any, weak: bool, dispatch_uid: Any, dialect: Any
) -> None:
    """What Django's `connect` means for our event types: a blocking receiver whose errors are logged."""
    reference = _weak(event, function) if weak else lambda: function
    options = Options(blocking=True, sender=sender)
    name = name_of(function)
    refuse_function(function, name)
    receiver = describe(function, (event,), dialect or NATIVE, options, name, reference)
    registry.connect(event, replace(receiver, connected=_key(function, sender, dispatch_uid)))


def disconnect(event: EventType, function: Callable[..., Any] | None, *, sender: Any, dispatch_uid: Any) -> bool:
    """What Django's `disconnect` means for our event types; it finds receivers registered by `on` as well."""
    key = _key(function, sender, dispatch_uid)

    def matches(receiver: Receiver) -> bool:
        if receiver.connected is not None:
            return receiver.connected == key
        return not dispatch_uid and receiver.function == function and receiver.sender == sender

    return registry.disconnect(event, matches)


def _key(function: Any, sender: Any, dispatch_uid: Any) -> tuple[Any, int]:
    bound = hasattr(function, "__func__")
    return dispatch_uid or ((id(function.__self__), id(function.__func__)) if bound else id(function)), id(sender)


def _weak(event: EventType, function: Callable[..., Any]) -> Callable[[], Callable[..., Any] | None]:
    def forget(reference: object) -> None:
        registry.disconnect(event, lambda receiver: receiver.reference is reference)

    if hasattr(function, "__func__"):
        return weakref.WeakMethod(function, forget)
    return weakref.ref(function, forget)
