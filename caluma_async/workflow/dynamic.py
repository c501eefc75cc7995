"""Groups and tasks that the site's own code decides on, by name. Which expressions ask for them is not known here.

A site lists classes in `DYNAMIC_GROUPS_CLASSES` and `DYNAMIC_TASKS_CLASSES`; their decorated methods answer to a name:

    class Groups(BaseDynamicGroups):
        @register_dynamic_group("municipality")
        def municipality(self, task, case, user, prev_work_item, context): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from caluma_async.conf import settings
from caluma_async.errors import Misconfigured

F = TypeVar("F", bound=Callable[..., Any])

_NAME: Final = "_dynamic_name"


class BaseDynamicGroups:
    """Base of classes whose methods give groups: `(task, case, user, prev_work_item, context) -> str | list[str]`."""

    arguments: ClassVar[tuple[str, ...]] = ("task", "case", "user", "prev_work_item", "context")


class BaseDynamicTasks:
    """Base of classes whose methods give slugs of tasks: `(case, user, prev_work_item, context) -> str | list[str]`."""

    arguments: ClassVar[tuple[str, ...]] = ("case", "user", "prev_work_item", "context")


def register_dynamic_group(name: str) -> Callable[[F], F]:
    """Mark a method of a `BaseDynamicGroups` class as what `'name'|groups` stands for."""
    return _naming(name)


def register_dynamic_task(name: str) -> Callable[[F], F]:
    """Mark a method of a `BaseDynamicTasks` class as what `'name'|task` stands for."""
    return _naming(name)


def _naming(name: str) -> Callable[[F], F]:
    if not isinstance(name, str) or not name:
        raise Misconfigured(f"A dynamic group or task is registered under a name; {name!r} is none.")

    def mark(method: F) -> F:
        setattr(method, _NAME, name)
        return method

    return mark


@dataclass(frozen=True, kw_only=True)
class Source:
    """One method that answers to a name."""

    owner: type[BaseDynamicGroups | BaseDynamicTasks]
    method: str
    by_name: bool
    """Whether its arguments bear the documented names; if not, they are given in the documented order."""

    def ask(self, arguments: Mapping[str, Any]) -> Sequence[str]:
        """What the method returns, as a list of names; `Misconfigured` if it returns anything else."""
        method = getattr(self.owner(), self.method)
        values = {name: arguments[name] for name in self.owner.arguments}
        try:
            answer = method(**values) if self.by_name else method(*values.values())
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # the engine would take these for values that do not fit the transform
            raise Misconfigured(f"{self} failed with {type(error).__name__}: {error}") from error
        return _names(answer, self)

    def __str__(self) -> str:
        return f"{self.owner.__module__}.{self.owner.__qualname__}.{self.method}"


def _names(answer: Any, source: Source) -> Sequence[str]:
    if answer is None:
        return []
    names = [answer] if isinstance(answer, str) else list(answer) if isinstance(answer, list | tuple | set) else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise Misconfigured(f"{source} must return a string or a list of strings, not {type(answer).__name__}.")
    return names


class Registry:
    """The methods of the classes that a setting lists, by name; read when first asked for."""

    def __init__(self, setting: str, base: type[BaseDynamicGroups | BaseDynamicTasks]) -> None:
        self.setting = setting
        self.base = base
        self._sources: Mapping[str, Source] | None = None
        setting_changed.connect(self._forget)

    def names(self) -> Collection[str]:
        """Every registered name; `Misconfigured` if the setting or a class of it is wrong."""
        return self._read().keys()

    def find(self, name: str) -> Source | None:
        """The method for a name, if there is one."""
        return self._read().get(name)

    def _forget(self, *, setting: str, **more: Any) -> None:
        if setting == self.setting:
            self._sources = None

    def _read(self) -> Mapping[str, Source]:
        if self._sources is None:
            sources: dict[str, Source] = {}
            for dotted in getattr(settings, self.setting):
                for name, source in self._methods(dotted):
                    if name in sources:
                        raise Misconfigured(f"{self.setting}: {name!r} is registered by {sources[name]} and {source}.")
                    sources[name] = source
            self._sources = sources
        return self._sources

    def _methods(self, dotted: str) -> Iterator[tuple[str, Source]]:
        owner = self._class(dotted)
        for attribute, method in inspect.getmembers(owner, inspect.isfunction):
            name = getattr(method, _NAME, None)
            if name is not None:
                yield name, self._source(owner, attribute, method)

    def _class(self, dotted: str) -> type[BaseDynamicGroups | BaseDynamicTasks]:
        try:
            owner = import_string(dotted)
        except ImportError as error:
            raise Misconfigured(f"{self.setting} lists {dotted!r}, which cannot be imported: {error}") from error
        if not (isinstance(owner, type) and issubclass(owner, self.base)):
            raise Misconfigured(f"{self.setting} lists {dotted!r}, which is no subclass of {self.base.__name__}.")
        return owner

    def _source(self, owner: type[BaseDynamicGroups | BaseDynamicTasks], attribute: str, method: Any) -> Source:
        signature = inspect.signature(method)
        by_name = _takes(signature, **dict.fromkeys(owner.arguments))
        source = Source(owner=owner, method=attribute, by_name=by_name)
        if inspect.iscoroutinefunction(method):
            raise Misconfigured(f"{source} is an `async def`; dynamic groups and tasks are asked synchronously.")
        if not by_name and not _takes(signature, *owner.arguments):
            raise Misconfigured(f"{source} must take the arguments self, {', '.join(owner.arguments)}.")
        return source


def _takes(signature: inspect.Signature, *positional: Any, **named: Any) -> bool:
    try:
        signature.bind(None, *positional, **named)
    except TypeError:
        return False
    return True


groups: Final = Registry("DYNAMIC_GROUPS_CLASSES", BaseDynamicGroups)
tasks: Final = Registry("DYNAMIC_TASKS_CLASSES", BaseDynamicTasks)


def dynamic_group_names() -> Collection[str]:
    """The names of all dynamic groups."""
    return groups.names()


def dynamic_task_names() -> Collection[str]:
    """The names of all dynamic tasks."""
    return tasks.names()
