"""`manage.py receivers`: every event type with its receivers, in the order in which they run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from caluma_async.events.event import EventType, event_types
from caluma_async.events.options import Options
from caluma_async.events.receiver import Receiver

DELIVERY_OPTIONS = ("ordered", "retry", "timeout", "transactional", "durable", "on_exhausted")


class Command(BaseCommand):
    """Show who receives what."""

    help = "Show every event type with its receivers in the order in which they run."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the format."""
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> str:
        """Print the list."""
        found = [_event(event) for event in event_types().values()]
        if options["format"] == "json":
            return json.dumps(found, indent=2)
        return "\n".join(line for event in found for line in _lines(event))


def _event(event: EventType) -> dict[str, Any]:
    return {
        "event": event.name,
        "arguments": None if event.arguments is None else list(event.arguments),
        "receivers": [_receiver(event, receiver) for receiver in event.receivers],
    }


def _receiver(event: EventType, receiver: Receiver) -> dict[str, Any]:
    return {
        "name": receiver.name,
        "blocking": receiver.blocks(event),
        "async": receiver.is_async,
        "raise_exception": receiver.raise_exception,
        "sender": _sender(receiver.sender),
        "filters": len(receiver.filters),
        "options": {name: str(getattr(receiver, name)) for name in DELIVERY_OPTIONS if _is_said(receiver, name)},
        "module": receiver.module,
        "line": receiver.line,
    }


def _is_said(receiver: Receiver, option: str) -> bool:
    return bool(getattr(receiver, option) != getattr(Options, option))


def _sender(sender: Any) -> str | None:
    if sender is None:
        return None
    return f"{sender.__module__}.{sender.__qualname__}" if isinstance(sender, type) else str(sender)


def _lines(event: dict[str, Any]) -> Iterable[str]:
    yield event["event"]
    for receiver in event["receivers"]:
        kind = "blocking" if receiver["blocking"] else "non-blocking"
        yield f"  {kind:<12}  {receiver['name']}  ({', '.join(_remarks(receiver))})"


def _remarks(receiver: dict[str, Any]) -> Iterable[str]:
    yield f"{receiver['module']}:{receiver['line']}"
    yield "async def" if receiver["async"] else "def"
    if receiver["raise_exception"]:
        yield "its error undoes the mutation"
    if receiver["sender"]:
        yield f"only from {receiver['sender']}"
    if receiver["filters"]:
        yield f"filters: {receiver['filters']}"
    yield from (f"{name}={value}" for name, value in receiver["options"].items())
