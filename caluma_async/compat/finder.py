"""Resolves `import caluma.…` to the modules in `compat/caluma/`. Does nothing where the real Caluma is installed."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from caluma_async.conf import settings

CALUMA = "caluma"
HOME = "caluma_async.compat."
"""What our module of the same name has in front of its own."""


class CalumaFinder(MetaPathFinder):
    """Finds `caluma` and what is in it. Stands at the end of `sys.meta_path`, so that a real one is found first."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of ours.

        Raises `ModuleNotFoundError` that says what there is, for a name that is not served and while
        `CALUMA_COMPAT` is off.
        """
        parent = fullname.rpartition(".")[0]
        if fullname != CALUMA and not is_ours(parent):
            return None
        if not settings.CALUMA_COMPAT:
            raise _not_found(
                fullname,
                f"No module named {fullname!r}: Caluma is not installed, and the setting CALUMA_COMPAT = False keeps "
                "caluma_async from standing in for it.",
            )
        if parent and not (_is_package(parent) and importlib.util.find_spec(HOME + fullname)):
            raise _not_found(fullname, _what_there_is(parent, missing=fullname))
        # Every module is a package: so `from caluma.… import name` asks this finder for a name that the module lacks.
        return ModuleSpec(fullname, CalumaLoader(), origin=HOME + fullname, is_package=True)


class CalumaLoader(Loader):
    """Makes a module that hands on the public names of ours."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Python makes the module itself."""

    def exec_module(self, module: ModuleType) -> None:
        """Let the module answer with the names of ours."""
        ours = importlib.import_module(HOME + module.__name__)

        def lookup(name: str) -> Any:
            if name.startswith("_") or name not in names_of(ours):
                raise AttributeError(_what_there_is(module.__name__, missing=name))
            return getattr(ours, name)

        vars(module).update(
            __doc__=ours.__doc__, __all__=list(ours.__all__), __getattr__=lookup, __dir__=lambda: sorted(names_of(ours))
        )


def install() -> None:
    """Make `import caluma.…` work from now on; a second call changes nothing."""
    if not any(isinstance(finder, CalumaFinder) for finder in sys.meta_path):
        sys.meta_path.append(CalumaFinder())


def is_ours(module_name: str) -> bool:
    """Whether the module is loaded, and is our stand-in."""
    module = sys.modules.get(module_name)
    return module is not None and isinstance(getattr(module.__spec__, "loader", None), CalumaLoader)


def names_of(ours: ModuleType) -> frozenset[str]:
    """The public names of a module of ours, and those that still work but should not be used any more."""
    return frozenset([*ours.__all__, *getattr(ours, "FORMER_NAMES", ())])


def _is_package(module_name: str) -> bool:
    return hasattr(importlib.import_module(HOME + module_name), "__path__")


def _what_there_is(parent: str, *, missing: str) -> str:
    wanted = missing.removeprefix(f"{parent}.")
    ours = importlib.import_module(HOME + parent)
    names = sorted(names_of(ours))
    if _is_package(parent):
        names += sorted(module.name for module in pkgutil.iter_modules(ours.__path__))
    return (
        f"{parent!r} has no {wanted!r} here: Caluma is not installed, and caluma_async stands in with "
        f"{', '.join(names)}."
    )


def _not_found(fullname: str, message: str) -> ModuleNotFoundError:
    # Named differently from what was asked for: `from module import name` swallows the message otherwise.
    return ModuleNotFoundError(message, name=HOME + fullname)
