"""Group and flow expressions: their names and transforms on top of the JEXL engine. Never writes, runs no statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from caluma_async.errors import InvalidExpression
from caluma_async.expressions import Jexl, Lazy
from caluma_async.identity import User
from caluma_async.verbs import inputs
from caluma_async.workflow import dynamic
from caluma_async.workflow.models import Case, Task, WorkItem

NAMES_KEPT: Final = 2_048


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When an expression is evaluated: in which case, after which work item, for whom, with which context."""

    case: Case
    user: User
    prev_work_item: WorkItem | None = None
    context: Any = None

    def arguments(self, task: Task | None = None) -> Mapping[str, Any]:
        """What dynamic groups and tasks are called with."""
        return {
            "task": task,
            "case": self.case,
            "user": self.user,
            "prev_work_item": self.prev_work_item,
            "context": self.context,
        }

    def data(self) -> Mapping[str, Any]:
        """What an expression may read: plain data, looked up when it is read."""
        return {
            "info": Lazy(
                case=self._case, work_item=self._work_item, prev_work_item=self._previous, context=self._context
            )
        }

    def _case(self) -> Mapping[str, Any]:
        return {"created_by_group": self.case.created_by_group}

    def _work_item(self) -> Mapping[str, Any]:
        # the work item that is about to be created, and so by this user's group
        return {"created_by_group": self.user.group}

    def _previous(self) -> Mapping[str, Any] | None:
        previous = self.prev_work_item
        if previous is None:
            return None
        return {
            "addressed_groups": previous.addressed_groups,
            "controlling_groups": previous.controlling_groups,
            "created_by_group": previous.created_by_group,
        }

    def _context(self) -> Mapping[str, Any] | None:
        return self.context if isinstance(self.context, Mapping) else None


def _unresolved(value: Any) -> Any:
    raise AssertionError("unreachable: each evaluation says what its transforms do")


_GROUPS: Final = Jexl(transforms={"groups": _unresolved})
_FLOW: Final = Jexl(transforms={"task": _unresolved, "tasks": _unresolved})


def groups_of(text: str | None, task: Task, moment: Moment) -> list[str]:
    """The groups that an expression names, each once, in its order; none for no expression.

    Raises `InvalidExpression` if it gives anything but strings and lists of strings.
    """
    if not text:
        return []
    arguments = moment.arguments(task)

    def groups(value: Any) -> list[str]:
        return list(_resolved(value, dynamic.groups, arguments))

    value = _GROUPS.evaluate(text, moment.data(), transforms={"groups": groups})
    return _distinct(value, text, "groups")


def next_tasks(text: str | None, moment: Moment) -> list[str]:
    """The slugs of the tasks that a flow expression names, each once, in its order; none for no expression.

    Raises `InvalidExpression` if it gives anything but strings and lists of strings.
    """
    if not text or not text.strip():
        return []
    arguments = moment.arguments()

    def tasks(value: Any) -> list[str]:
        return list(_resolved(value, dynamic.tasks, arguments))

    value = _FLOW.evaluate(text, moment.data(), transforms={"task": tasks, "tasks": tasks})
    return _distinct(value, text, "tasks")


def validate_groups(text: str) -> None:
    """Raise `InvalidExpression`, with the place, if the text is no group expression."""
    _GROUPS.validate(text)


def validate_flow(text: str) -> list[str]:
    """The names of the tasks that a flow expression may lead to, dynamic ones included, each once.

    Raises `InvalidExpression`, with the place, if the text is no flow expression. Whether the tasks exist is for the
    caller to ask; a text without anything in it names none.
    """
    return list(_named(text))


def tasks_of(text: str) -> tuple[str, ...]:
    """As `validate_flow`, but nothing for a text that is no flow expression."""
    try:
        return _named(text)
    except InvalidExpression:
        return ()


@lru_cache(NAMES_KEPT)
def _named(text: str) -> tuple[str, ...]:
    if not text.strip():
        return ()
    expression = _FLOW.validate(text)
    return tuple(dict.fromkeys(name.value for name in expression.texts("task", "tasks")))


def _resolved(value: Any, registry: dynamic.Registry, arguments: Mapping[str, Any]) -> Iterator[str]:
    """The names in a value, with what dynamic ones stand for in their place."""
    for name in _flat(value):
        source = registry.find(name) if isinstance(name, str) else None
        if source is None:
            yield name
        else:
            yield from source.ask(arguments)


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _flat(part)
    elif value is not None and value != "":
        yield value


def _distinct(value: Any, text: str, what: str) -> list[str]:
    names: Sequence[Any] = list(_flat(value))
    wrong: Iterable[str] = [type(name).__name__ for name in names if not isinstance(name, str)]
    for kind in wrong:
        raise InvalidExpression(
            f"The expression {text!r} must give {what} as strings or lists of them, but gave a {kind}."
        )
    if not all(map(inputs.is_storable, names)):
        raise InvalidExpression(
            f"The expression {text!r} gave {what} with a character that cannot be stored (NUL, or half of a surrogate "
            f"pair)."
        )
    return list(dict.fromkeys(names))
