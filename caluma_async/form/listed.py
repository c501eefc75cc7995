"""Classes that the site lists in a setting for its forms: found by name, and looked over before they are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from caluma_async.conf import settings
from caluma_async.errors import Misconfigured

T = TypeVar("T")


class Listed(Generic[T]):
    """The classes of a setting by name; read when first asked for. `also`: those that are there anyway, found last.

    Its methods raise `Misconfigured` for a class that does not import, is no subclass of `base`, has no name, or one
    that another listed class has.
    """

    def __init__(
        self, setting: str, base: type[T], name_of: Callable[[type[T]], Any], also: Sequence[type[T]] = ()
    ) -> None:
        self.setting = setting
        self._base = base
        self._name_of = name_of
        self._also = also
        self._classes: Mapping[str, type[T]] | None = None
        setting_changed.connect(self._forget)

    def every(self) -> Mapping[str, type[T]]:
        """All classes by name, in their order."""
        if self._classes is None:
            self._classes = self._read()
        return self._classes

    def find(self, name: str | None) -> type[T] | None:
        """The class of that name, if there is one."""
        return self.every().get(name) if name else None

    def _forget(self, *, setting: str, **more: Any) -> None:
        if setting == self.setting:
            self._classes = None

    def _read(self) -> Mapping[str, type[T]]:
        found: dict[str, type[T]] = {}
        for dotted in getattr(settings, self.setting):
            listed = self._class(dotted)
            name = self._name_of(listed)
            if not isinstance(name, str) or not name:
                raise Misconfigured(f"{self.setting} lists {dotted!r}, which has no name.")
            if name in found and found[name] is not listed:
                raise Misconfigured(f"{self.setting} lists {dotted!r}, but there is a {name!r} before it.")
            found[name] = listed
        return {**found, **{self._name_of(each): each for each in self._also if self._name_of(each) not in found}}

    def _class(self, dotted: str) -> type[T]:
        try:
            found = import_string(dotted)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise Misconfigured(f"{self.setting} lists {dotted!r}, which cannot be imported: {reason}") from error
        if not (isinstance(found, type) and issubclass(found, self._base)):
            raise Misconfigured(f"{self.setting} lists {dotted!r}, which is no subclass of {self._base.__name__}.")
        return found
