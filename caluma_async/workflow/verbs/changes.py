"""Carries a transition out: on a work item or a case and on all that belongs to it, with the events around it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from caluma_async.errors import Refused
from caluma_async.events.event import EventType
from caluma_async.identity import User
from caluma_async.verbs import Verb, bulk
from caluma_async.workflow import rows
from caluma_async.workflow.models import Case, WorkItem
from caluma_async.workflow.snapshot import Snapshot
from caluma_async.workflow.transitions import CASE, WORK_ITEM, Transition

_CLOSED: Final = ("closed_at", "closed_by_user", "closed_by_group")


@dataclass(kw_only=True)
class Node:
    """A work item or case that goes through a transition, and the parts that go along.

    ``along``: work items that get another status with it, without events of their own. ``more``: what its events say
    besides the object itself.
    """

    row: Case | WorkItem
    transition: Transition
    parts: list[Node] = field(default_factory=list)
    along: list[WorkItem] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    def all(self) -> Iterator[Node]:
        """The node and everything below it."""
        yield self
        for part in self.parts:
            yield from part.all()


def of_work_item(work_item: WorkItem, action: str) -> Node:
    """The work item with its child case and what is below that: a statement per level of child cases."""
    node = Node(row=work_item, transition=WORK_ITEM[action])
    _grow([node])
    return node


def of_case(case: Case, work_items: Iterable[WorkItem], action: str) -> Node:
    """The case with these work items and what is below them: a statement per level of child cases."""
    node = Node(row=case, transition=CASE[action], parts=_parts(work_items, CASE[action]))
    _grow(node.parts)
    return node


def part_statuses(transition: Transition) -> frozenset[str]:
    """The statuses of the work items that go along when their case goes through the transition."""
    return frozenset() if transition.parts is None else WORK_ITEM[transition.parts].allowed


def _parts(work_items: Iterable[WorkItem], transition: Transition) -> list[Node]:
    if transition.parts is None:
        return []
    return [Node(row=work_item, transition=WORK_ITEM[transition.parts]) for work_item in work_items]


def _grow(level: list[Node]) -> None:
    """Add the child cases to nodes of work items, level by level."""
    while level and (action := level[0].transition.parts) is not None:
        transition = CASE[action]
        owners = {item.child_case_id: (item, node) for node in level for item in _with_child(node.row)}
        if not owners:
            return
        cases = Case.objects.filter(pk__in=list(owners), status__in=transition.allowed)
        level = []
        for case, work_items in rows.cases_with_parts(cases, part_statuses(transition)):
            branch = Node(row=case, transition=transition, parts=_parts(work_items, transition))
            work_item, node = owners[case.pk]
            work_item.child_case = case
            node.parts.append(branch)
            level += branch.parts


def _with_child(row: Case | WorkItem) -> list[WorkItem]:
    return [row] if isinstance(row, WorkItem) and row.child_case_id is not None else []


class Changes:
    """Carries out one tree of transitions for a verb.

    Where no receiver can look at a part before it is changed, everything is written first, in one statement per table
    and transition; else step by step. The order of the events is the same: `pre_` of the whole, `pre_` and `post_` of
    each part, `post_` of the whole.
    """

    def __init__(self, verb: Verb[Any], root: Node, again: Callable[[], None] | None = None) -> None:
        """`again` asks the rules once more, after receivers; without it the root is let be where they forbid it."""
        self.verb = verb
        self.root = root
        self.again = again
        self.now = timezone.now()
        self.written: Snapshot
        """What the root looked like when it had been written, before receivers were told."""

    def carry_out(self) -> None:
        """Write and tell. Raises `Refused` if receivers made the verb impossible meanwhile."""
        events = {node.transition.before for node in self.root.all()}
        stepwise = any(event.has_blocking_receivers(type(self.verb)) for event in events)
        if not stepwise:
            self._write_all()
        self._tell(self.root, stepwise)

    def _write_all(self) -> None:
        altered: dict[tuple[type, str], list[Any]] = defaultdict(list)
        names: dict[tuple[type, str], set[str]] = {}
        for node in self.root.all():
            key = (type(node.row), node.transition.done)
            names[key] = alter(node.row, node.transition, self.verb.user, self.now)
            altered[key].append(node.row)
        for key, group in altered.items():
            bulk.update(group, names[key])
        self._write_along(self.root)
        self.written = snapshot_of(self.root.row)

    def _tell(self, node: Node, stepwise: bool) -> None:
        if not stepwise:
            self._emit(node.transition.before, node)
        elif not self._begin(node):
            return
        for part in node.parts:
            self._tell(part, stepwise)
        self._emit(node.transition.after, node)

    def _begin(self, node: Node) -> bool:
        """Tell, then write one object with what receivers changed in it; `False` if they took it elsewhere."""
        if self.verb.overtaken and not self._is_still_possible(node, snapshot_of(node.row)):
            return False
        before = snapshot_of(node.row)
        called = self._emit(node.transition.before, node)
        changed = before.changed(node.row)
        if called and self.verb.overtaken and not self._is_still_possible(node, before):
            return False
        bulk.update([node.row], {*changed, *alter(node.row, node.transition, self.verb.user, self.now)})
        self._write_along(node)
        if node is self.root:
            self.written = snapshot_of(node.row)
        return True

    def _write_along(self, node: Node) -> None:
        if node.transition.along is not None:
            user, now, closes = self.verb.user, self.now, node.transition.closes
            names = [set_status(each, node.transition.along, closes, user, now) for each in node.along]
            bulk.update(node.along, set().union(*names))

    def _is_still_possible(self, node: Node, before: Snapshot) -> bool:
        """Look the object up again; raises `Refused` if it is what the verb is about."""
        fresh = rows.fresh(node.row)
        again = self.again if node is self.root else None
        if fresh is None:
            if again is None:
                return False
            raise Refused(f"A receiver of {node.transition.before.name} deleted what it was told about.")
        before.merge(node.row, fresh)
        node.row.status = fresh.status
        if again is not None:
            again()
        return node.row.status in node.transition.allowed

    def _emit(self, event: EventType, node: Node) -> bool:
        name = "case" if isinstance(node.row, Case) else "work_item"
        return self.verb.emit(event, **{name: node.row}, **node.more)


def alter(row: Case | WorkItem, transition: Transition, user: User, now: datetime) -> set[str]:
    """Give the object its new status; returns the names of the columns that this concerns."""
    return set_status(row, transition.to, transition.closes, user, now)


def set_status(row: Case | WorkItem, status: str, closes: bool | None, user: User, now: datetime) -> set[str]:
    """Give the object a status, and note who closed it or take that back; returns the columns that this concerns."""
    row.status = status
    row.stamp(user, now)
    if closes is None:
        return {"status"}
    row.closed_at = now if closes else None
    row.closed_by_user = user.username if closes else None
    row.closed_by_group = user.group if closes else None
    return {"status", *_CLOSED}


def snapshot_of(row: Case | WorkItem) -> Snapshot:
    """What the object looks like now; of a work item, what its case looks like too."""
    return Snapshot(row, "case") if isinstance(row, WorkItem) else Snapshot(row)
