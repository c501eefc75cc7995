"""How verbs find what they work on: lock the case family first, then look up, through what the user may see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from caluma_async.errors import InvalidInput
from caluma_async.verbs import inputs
from caluma_async.verbs.looking import LookingVerb
from caluma_async.workflow import rows
from caluma_async.workflow.models import Case, WorkItem

R = TypeVar("R")


class FamilyVerb(LookingVerb[R]):
    """A verb on something in a case family.

    The lock comes in a statement of its own: what is looked up along with the row that is waited for may be stale.
    """

    def locked_work_items(self, name: str) -> QuerySet[WorkItem]:
        """The work item that the input names, under its family's lock, which nobody gets who may not see it."""
        work_items = self.visible(WorkItem.objects.all()).filter(pk=self.key(name, WorkItem))
        if not rows.lock_family_of_work_items(work_items):
            raise self.not_found(name, WorkItem)
        return work_items

    def locked_cases(self, name: str) -> QuerySet[Case]:
        """The case that the input names, under its family's lock, which nobody gets who may not see it."""
        cases = self.visible(Case.objects.all()).filter(pk=self.key(name, Case))
        if not rows.lock_family_of_cases(cases):
            raise self.not_found(name, Case)
        return cases

    def work_item_by_key(self, name: str, *, route: bool = False) -> WorkItem:
        """The work item that the input names, under its family's lock, with task and case, and `route` if wanted."""
        if self.access.restricts(WorkItem):
            work_items = self.locked_work_items(name)
            return self.found(name, rows.with_route(work_items) if route else rows.with_case(work_items))
        key = self.key(name, WorkItem)
        rows.lock_family_of_work_item(key)
        found = rows.work_item_with_route(key) if route else rows.work_item_with_case(key)
        if not found:
            raise self.not_found(name, WorkItem)
        return found[0]


def texts(name: str, value: Any) -> list[str]:
    """A list of texts, such as users or groups; `None` is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{name} must be a list of texts.")
    return [inputs.text(name, part) for part in value]


def time(name: str, value: Any) -> datetime | None:
    """A time, or the ISO 8601 text of one; without an offset it counts in the site's time zone. `None` for none."""
    if value is None:
        return None
    found = _parsed(value) if isinstance(value, str) else value
    if not isinstance(found, datetime):
        raise InvalidInput(f"{name} must be a date and time (ISO 8601).")
    try:
        return (timezone.make_aware(found) if timezone.is_naive(found) else found).astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(f"{name} must be a time between the years 1 and 9999.") from error


def _parsed(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None


WORK_ITEM_FIELDS: Final[Mapping[str, inputs.Cleaner]] = {
    "name": inputs.localized,
    "description": inputs.localized,
    "assigned_users": texts,
    "deadline": time,
    "meta": inputs.json_object,
}
"""What may be said of a work item, when it is made and later."""
