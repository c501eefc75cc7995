"""Events as text and back: JSON, with references for model objects and tags for what JSON has no word for."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Model
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from caluma_async.around import carried
from caluma_async.errors import NotStorable
from caluma_async.events.event import Event, event_type, event_types
from caluma_async.events.outbox.rows import StoredEvent
from caluma_async.identity import User

_TAG: Final = "$"
_OBJECT: Final = '["object", '


class Reference(NamedTuple):
    """A model object that is to be loaded."""

    model: str
    key: Any


class Gone(NamedTuple):
    """A class or function that an event named as its sender and that does not exist any more."""

    name: str


Memo = dict[int, str]
"""The texts of objects that were encoded already, by their identity; for as long as nothing can change them."""


def encode_event(event: Event, memo: Memo | None = None) -> StoredEvent:
    """The event as its row holds it; a `memo` may be given for events that are encoded together.

    Raises `NotStorable`, which names the argument, for what is neither JSON nor a saved model object.
    """
    memo = {} if memo is None else memo
    return StoredEvent(
        event.id,
        event.type.name,
        _remembered(event, "sender", event.sender, memo),
        _encode_arguments(event),
        _remembered(event, "user", event.user, memo),
        _encode(event, "context", event.context, _encode_now),
        event.lane,
        event.emitted_at,
        event.causation_id,
        event.correlation_id,
        _encode_chain(event.chain),
        carried(),
    )


def encode_fitting(event: Event, memo: Memo | None = None) -> StoredEvent:
    """The event for those who only look on: what of it cannot be kept is left out."""
    try:
        return encode_event(event, memo)
    except NotStorable:
        fitting = {name: value for name, value in event.arguments.items() if _fits(value)}
        sender, context = (value if _fits(value) else None for value in (event.sender, event.context))
        return encode_event(replace(event, sender=sender, arguments=fitting, context=context, user=_known(event.user)))


def _fits(value: Any) -> bool:
    try:
        _plain(value)
    except _Unfit:
        return False
    return True


def _known(user: Any) -> Any:
    return user if _fits(user) else None


def subject_of(kind: str, arguments: str) -> Reference | None:
    """The model object that an event of this type is about, of its `arguments` as they are stored; if there is one."""
    declared = event_types().get(kind)
    if declared is None or declared.subject is None:
        return None
    subject = _DECODER.decode(arguments).get(declared.subject)
    return subject if type(subject) is Reference else None


def argument_names(arguments: str) -> frozenset[str]:
    """The names of the arguments that were stored."""
    return frozenset(_DECODER.decode(arguments))


def sender_name(sender: str) -> str:
    """What to call the sender of an event, which is given as it is stored: a class by its bare name."""
    value = _DECODER.decode(sender)
    if isinstance(value, Gone):
        return value.name.rpartition(".")[2]
    return value.__name__ if isinstance(value, type) else str(value or "")


def username(user: str) -> str | None:
    """The name of the user of an event, who is given as stored."""
    value = _DECODER.decode(user)
    name = getattr(value, "username", None)
    return None if name is None else str(name)


def as_message(event: StoredEvent) -> list[str | None]:
    """The event as other processes are told of it: without its context, and of its user only the name."""
    by = User(username(event.user))
    texts = (event.type, event.sender, event.arguments, _dumps(_plain(by)), event.lane, event.emitted_at.isoformat())
    cause = None if event.causation_id is None else str(event.causation_id)
    return [str(event.id), *texts, cause, str(event.correlation_id)]


def of_message(message: Sequence[Any]) -> StoredEvent:
    """The event that `as_message` wrote."""
    key, kind, sender, arguments, user, lane, emitted_at, cause, first = message
    moment = datetime.fromisoformat(emitted_at)
    causation = None if cause is None else UUID(cause)
    return StoredEvent(UUID(key), kind, sender, arguments, user, "null", lane, moment, causation, UUID(first), "[]")


def decode_event(stored: StoredEvent, attempt: int) -> Event:
    """The event as receivers get it, with a `Reference` in the place of each model object."""
    decoder = _DECODER.decode
    return Event(
        id=stored.id,
        type=event_type(stored.type),
        sender=_decode_value(stored.sender),
        arguments=decoder(stored.arguments),
        user=_decode_value(stored.user),
        context=None if stored.context == "null" else decoder(stored.context),
        lane=stored.lane,
        emitted_at=stored.emitted_at,
        causation_id=stored.causation_id,
        correlation_id=stored.correlation_id,
        chain=_decode_chain(stored.chain),
        attempt=attempt,
    )


def mentions_objects(stored: StoredEvent) -> bool:
    """Whether there may be references in it; whether there are, shows when it is decoded."""
    return any(_OBJECT in text for text in (stored.arguments, stored.sender, stored.user, stored.context))


def kept(event: Event, name: str, value: Any, memo: Memo) -> Any:
    """What receivers get of an event's sender or user, of which its row holds only the text.

    Raises `NotStorable` if that is not possible.
    """
    return _decode_value(_remembered(event, name, value, memo))


def needs_no_copy(value: Any) -> bool:
    """Whether a sender or a user is one that nobody can change."""
    if type(value) is not User:
        return type(value) is type
    return not value.claims and _TEXTS.issuperset(map(type, (value.username, value.group, *value.groups)))


def _decode_value(text: str) -> Any:
    """A sender or a user; one that nobody can change is decoded once."""
    value = _decode_once(text)
    return value if needs_no_copy(value) else _DECODER.decode(text)


@lru_cache(maxsize=1_000)
def _decode_once(text: str) -> Any:
    return _DECODER.decode(text)


@lru_cache(maxsize=1_000)
def _decode_chain(text: str) -> tuple[str, ...]:
    return tuple(_DECODER.decode(text))


@lru_cache(maxsize=1_000)
def _encode_chain(chain: tuple[str, ...]) -> str:
    return _dumps(chain)


def references(values: Iterable[Any]) -> set[Reference]:
    """The references in decoded values."""
    found: set[Reference] = set()
    _collect(values, found)
    return found


def _collect(values: Iterable[Any], found: set[Reference]) -> None:
    for value in values:
        kind = type(value)
        if kind is Reference:
            found.add(value)
        elif kind is dict:
            _collect(value.values(), found)
        elif kind in _COLLECTIONS:
            _collect(value, found)


def resolved(value: Any, objects: Mapping[Reference, Any]) -> Any:
    """The decoded value with each reference replaced by its object."""
    kind = type(value)
    if kind is Reference:
        return objects[value]
    if kind is dict:
        return {name: resolved(one, objects) for name, one in value.items()}
    if kind in _COLLECTIONS:
        return kind(resolved(one, objects) for one in value)
    return value


def _encode_arguments(event: Event) -> str:
    encoded = {}
    for name, value in event.arguments.items():
        try:
            encoded[name] = _plain(value)
        except _Unfit as problem:
            raise _refusal(event, name, problem) from None
    return _dumps(_untagged(encoded))


def _remembered(event: Event, name: str, value: Any, memo: Memo) -> str:
    if id(value) not in memo:
        memo[id(value)] = _encode(event, name, value, _encode_once if needs_no_copy(value) else _encode_now)
    return memo[id(value)]


def _encode(event: Event, name: str, value: Any, encode: Callable[[Any], str]) -> str:
    if value is None:
        return "null"
    try:
        return encode(value)
    except _Unfit as problem:
        raise _refusal(event, name, problem) from None


def _encode_now(value: Any) -> str:
    return _dumps(_plain(value))


@lru_cache(maxsize=1_000)
def _encode_once(value: Any) -> str:
    return _encode_now(value)


def _refusal(event: Event, name: str, problem: Exception) -> NotStorable:
    return NotStorable(
        f"{event.name}: {name} cannot be kept for receivers that do not block: {problem}. "
        f"JSON, dates, numbers, and model objects that are saved can."
    )


class _Unfit(Exception):
    """What of a value can be stored neither as JSON nor as a reference."""


def _plain(value: Any) -> Any:
    """The value in terms of JSON."""
    kind = type(value)
    if value is None or kind in _JSON:
        return value
    if kind in _TAG_OF:
        return _with_tag(_TAG_OF[kind], value)
    if isinstance(value, Model):
        return _plain_object(value)
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_TAG: ["float", str(float(value))]}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return _tagged(value)


def _plain_mapping(value: Mapping[Any, Any]) -> Any:
    if wrong := [key for key in value if not isinstance(key, str)]:
        raise _Unfit(f"the key {wrong[0]!r} of a mapping is not a text")
    return _untagged({str(key): _plain(one) for key, one in value.items()})


def _untagged(plain: dict[str, Any]) -> Any:
    """The mapping itself; one that would read as a tag as its pairs."""
    return {_TAG: ["map", list(plain.items())]} if _TAG in plain else plain


def _plain_object(value: Model) -> Any:
    if value.pk is None or value._state.adding:
        raise _Unfit(f"{value._meta.label} {value.pk or ''} is not saved".replace("  ", " "))
    return {_TAG: ["object", value._meta.concrete_model._meta.label_lower, _plain(value.pk)]}  # type: ignore[union-attr]


def _tagged(value: Any) -> Any:
    for tag, (kind, _, _) in _TAGS.items():
        if isinstance(value, kind):
            return _with_tag(tag, value)
    if isinstance(value, Promise | str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    raise _Unfit(f"{value!r} is a {type(value).__name__}")


def _with_tag(tag: str, value: Any) -> Any:
    return {_TAG: [tag, _TAGS[tag][1](value)]}


@lru_cache(maxsize=1_000)
def _name_of(value: type) -> str:
    name = f"{value.__module__}.{value.__qualname__}"
    if _named(name) is not value:
        raise _Unfit(f"{name} cannot be imported by that name")
    return name


@lru_cache(maxsize=1_000)
def _named(name: str) -> Any:
    try:
        return import_string(name)
    except ImportError:
        return Gone(name)


_JSON: Final = frozenset({str, bool, int})
"""What is JSON as it is; subclasses may be something else, and are looked at."""

_TEXTS: Final = frozenset({str, type(None)})

_COLLECTIONS: Final = frozenset({list, tuple, set, frozenset})
"""What else than mappings is decoded to something that may have references in it."""

_Tag = tuple[type, Callable[[Any], Any], Callable[[Any], Any]]

_TAGS: Final[Mapping[str, _Tag]] = {
    "uuid": (UUID, str, UUID),
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "duration": (timedelta, duration_iso_string, parse_duration),
    "decimal": (Decimal, str, Decimal),
    "tuple": (tuple, lambda value: [_plain(one) for one in value], tuple),
    "set": (set, lambda value: [_plain(one) for one in value], set),
    "frozenset": (frozenset, lambda value: [_plain(one) for one in value], frozenset),
    "user": (User, lambda value: _plain(value.stored()), User.from_stored),
    "class": (type, _name_of, _named),
}
"""What JSON has no word for: the types, how their values are written and how they are read."""

_TAG_OF: Final[Mapping[type, str]] = {kind: tag for tag, (kind, _, _) in _TAGS.items()}

_READ: Final[Mapping[str, Callable[..., Any]]] = {
    "object": Reference,
    "map": dict,
    "float": float,
    **{tag: read for tag, (_, _, read) in _TAGS.items()},
}


def _revived(value: dict[str, Any]) -> Any:
    if len(value) == 1 and _TAG in value:
        tag, *content = value[_TAG]
        return _READ[tag](*content)
    return value


_dumps: Final = json.JSONEncoder().encode
_DECODER: Final = json.JSONDecoder(object_hook=_revived)
