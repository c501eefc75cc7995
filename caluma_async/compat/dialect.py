"""How Caluma names senders: by strings. Our events name the verb's class; receivers of legacy code hear the string."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from caluma_async.events import Event
from caluma_async.verbs import Verb
from caluma_async.workflow import CompleteWorkItem, CreateWorkItem, SaveCase, SaveWorkItem, SkipWorkItem, StartCase

SENT_AS_CLASS: Final = frozenset({CreateWorkItem, SaveWorkItem})
"""Verbs whose class Caluma sends; and the one that creates a work item only here."""

BEGIN: Final = frozenset({StartCase, SaveCase})
"""Verbs that begin a case: what they create is named after the case."""

CONTINUE: Final[Mapping[type, str]] = {
    CompleteWorkItem: "post_complete_work_item",
    SkipWorkItem: "post_skip_work_item",
}
"""Verbs after which the flow goes on, and the sender of everything that follows from that."""

FOLLOWING: Final = frozenset(
    {"pre_create_work_item", "post_create_work_item", "pre_complete_case", "post_complete_case"}
)
"""What happens because the flow goes on."""


class CalumaDialect:
    """What receivers hear that were registered through the names of `caluma`."""

    name: Final = "caluma"

    def sender(self, event: Event) -> object:
        """What Caluma gives as `sender` where we give a verb's class; any other sender as it is."""
        verb = event.sender
        if not (isinstance(verb, type) and issubclass(verb, Verb)) or verb in SENT_AS_CLASS:
            return verb
        if verb in BEGIN:
            return "pre_create_case" if event.type.phase == "pre" else "case_post_create"
        if verb in CONTINUE and event.name in FOLLOWING:
            return CONTINUE[verb]
        return event.name

    def selects(self, wanted: object, event: Event) -> bool:
        """Whether `sender=wanted` means this event: by the verb's class, or by a string that is equal."""
        return wanted is event.sender or wanted == self.sender(event)


CALUMA: Final = CalumaDialect()
