"""What tests of workflow verbs share: who acts, what was emitted, and what is the state of a case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from caluma_async.events.emit import watchers
from caluma_async.events.event import Event
from caluma_async.identity import User
from caluma_async.workflow.models import Case, WorkItem

ANNA = User("anna", groups=["office"])
BEN = User("ben", groups=["council"])


@contextmanager
def emitted() -> Iterator[list[str]]:
    """What is emitted in the block, in order, as `post_complete_work_item review`: by task, or by workflow.

    What happens to documents is left out.
    """
    seen: list[str] = []

    def watch(event: Event) -> None:
        if not event.name.endswith("_document"):
            seen.append(f"{event.name} {_subject(event)}")

    watchers.append(watch)
    try:
        yield seen
    finally:
        watchers.remove(watch)


@contextmanager
def senders() -> Iterator[set[str]]:
    """The senders of all that is emitted in the block."""
    seen: set[str] = set()

    def watch(event: Event) -> None:
        seen.add(event.sender.__name__)

    watchers.append(watch)
    try:
        yield seen
    finally:
        watchers.remove(watch)


def _subject(event: Event) -> str:
    data = event.arguments.get("validated_data")
    if data is not None:
        return str(data["task"].pk if "task" in data else data["workflow"].pk)
    if "work_item" in event.arguments:
        return str(event.arguments["work_item"].task_id)
    return str(event.arguments["case"].workflow_id)


def statuses(case: Case) -> dict[str, Any]:
    """The status of the case as `""`, and those of its work items by task: a list where there are several."""
    found: dict[str, list[str]] = {}
    for task, status in WorkItem.objects.filter(case=case).order_by("pk").values_list("task_id", "status"):
        found.setdefault(task, []).append(status)
    by_task: dict[str, Any] = {task: each[0] if len(each) == 1 else each for task, each in found.items()}
    return {"": Case.objects.get(pk=case.pk).status, **by_task}


def item(case: Case, task: str) -> WorkItem:
    """The only work item of a task in the case."""
    return WorkItem.objects.get(case=case, task=task)
