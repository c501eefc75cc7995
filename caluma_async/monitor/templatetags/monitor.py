"""How the page words durations, errors and users."""

from __future__ import annotations

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from caluma_async.events import stored
from caluma_async.events.outbox import search

register = template.Library()

_MOST = 4_000


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds, as short as a person says it."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 or not seconds else f"{seconds * 1000:.1f} ms"
    for most, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < most:
            return f"{seconds / unit:.1f} {name}" if seconds < 10 * unit else f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} d"


@register.filter
def rate(number: float) -> str:
    """A number a minute."""
    return f"{number:.1f}" if 0 < number < 10 else f"{number:.0f}"


@register.filter
def reason(error: str) -> str:
    """What went wrong, in a line."""
    return search.reason(error)


@register.filter
def end_of(error: str) -> str:
    """The end of a long error."""
    return error if len(error) <= _MOST else f"…{error[-_MOST:]}"


@register.filter
def username(user: str) -> str:
    """The name of a user who is given as stored; of nobody, none."""
    return stored.username(user) or ""


@register.filter
def breakable(name: str) -> SafeString:
    """A dotted name that breaks behind its dots where the line is too short."""
    return format_html_join(mark_safe(".<wbr>"), "{}", ((part,) for part in name.split(".")))


@register.filter
def short(name: str) -> str:
    """The last two parts of a receiver's dotted name, which say most."""
    return ".".join(name.split(".")[-2:])
