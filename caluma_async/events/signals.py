"""Signals of Django's as event types: what is sent through them is emitted to the receivers that `on` registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import signals
from django.dispatch import Signal

from caluma_async.events.event import EventType

KNOWN: Final[Mapping[str, tuple[Signal, tuple[str, ...]]]] = {
    "pre_init": (signals.pre_init, ("args", "kwargs")),
    "post_init": (signals.post_init, ("instance",)),
    "pre_save": (signals.pre_save, ("instance", "raw", "using", "update_fields")),
    "post_save": (signals.post_save, ("instance", "created", "raw", "using", "update_fields")),
    "pre_delete": (signals.pre_delete, ("instance", "using", "origin")),
    "post_delete": (signals.post_delete, ("instance", "using", "origin")),
    "m2m_changed": (signals.m2m_changed, ("instance", "action", "reverse", "model", "pk_set", "using")),
    "pre_migrate": (signals.pre_migrate, ("app_config", "verbosity", "interactive", "using", "apps", "plan")),
    "post_migrate": (signals.post_migrate, ("app_config", "verbosity", "interactive", "using", "apps", "plan")),
}
"""Django's signals of models, with their arguments besides `sender` and `signal`."""


class SignalType(EventType):
    """Stands for one signal of Django's. It listens there for exactly the senders that its receivers select."""

    is_signal = True

    def __init__(self, signal: Signal, name: str, arguments: tuple[str, ...] | None) -> None:
        super().__init__(name, arguments=arguments, subject="instance" if "instance" in (arguments or ()) else None)
        self.phase = None
        self.signal = signal
        self.deliverable = signal is signals.post_save
        self._listening: dict[int, Any] = {}

    def is_sender(self, wanted: Any, sender: Any) -> bool:
        """As for any event; a model may be named as `app.Model`."""
        meta = getattr(sender, "_meta", None)
        named = isinstance(wanted, str) and meta is not None and meta.label_lower == wanted.lower()
        return named or super().is_sender(wanted, sender)

    def changed(self) -> None:
        """Listen for the senders that are wanted now: for all of them at once if any receiver wants all."""
        wanted = {id(receiver.sender): receiver.sender for receiver in self.receivers}
        if id(None) in wanted:
            wanted = {id(None): None}
        for key in self._listening.keys() - wanted.keys():
            self.signal.disconnect(sender=self._listening.pop(key), dispatch_uid=self._uid)
        for key in wanted.keys() - self._listening.keys():
            self.signal.connect(self._emit, sender=wanted[key], weak=False, dispatch_uid=self._uid)
            self._listening[key] = wanted[key]

    @property
    def _uid(self) -> str:
        return f"{__name__}.{self.name}"

    def _emit(self, sender: Any, signal: Signal, **named: Any) -> None:
        self.engine.send(self, sender=sender, robust=False, **named)


_types: dict[int, SignalType] = {}


def signal_type(signal: Signal, namespace: Mapping[str, Any]) -> SignalType:
    """The event type that stands for a signal; `namespace` is where a signal that we do not know may have a name."""
    if id(signal) not in _types:
        known = [(name, arguments) for name, (one, arguments) in KNOWN.items() if one is signal]
        name, arguments = known[0] if known else (_name_in(namespace, signal), None)
        _types[id(signal)] = SignalType(signal, name, arguments)
    return _types[id(signal)]


def _name_in(namespace: Mapping[str, Any], signal: Signal) -> str:
    name = next((name for name, value in namespace.items() if value is signal), "signal")
    return f"{namespace.get('__name__', '')}.{name}"
