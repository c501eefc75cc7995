"""What the house promises about its own shape."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.application.use_cases import lint_imports
from importlinter.cli import lint_imports as _cli  # noqa: F401 - registers the contract types

from caluma_async import conf
from caluma_async.events.event import EventType
from caluma_async.workflow import events as workflow_events

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "caluma_async"
SETTINGS_PAGE = ROOT / "docs" / "guide" / "settings.md"
DJANGO_READS = {"LOCK_TIMEOUT"}


def sources(folder: Path = PACKAGE) -> Iterator[Path]:
    """The package's own modules, migrations left out: Django writes those."""
    return (path for path in sorted(folder.rglob("*.py")) if "migrations" not in path.parts)


def event_types() -> list[str]:
    """The names of the event types that the product declares, deprecated ones left out."""
    return [
        name for name, value in vars(workflow_events).items() if isinstance(value, EventType) and name == value.name
    ]


def test_imports_only_go_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)


def test_no_file_is_longer_than_500_lines() -> None:
    folders = (PACKAGE, ROOT / "tests", ROOT / "receivers", ROOT / "benchmarks")
    lengths = {path: len(path.read_text().splitlines()) for folder in folders for path in sources(folder)}
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 500} == {}


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "misc", "tools"}
    ours = [path for path in sources() if PACKAGE / "compat" / "caluma" not in path.parents]  # those names are Caluma's
    assert [path for path in ours if path.stem in drawers or path.parent.name in drawers] == []


def test_every_module_says_what_it_owns() -> None:
    silent = [path for path in sources() if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_there_are_event_types_to_look_at() -> None:
    assert len(event_types()) >= 24


@pytest.mark.parametrize("name", event_types())
def test_every_event_type_is_emitted_somewhere(name: str) -> None:
    domain = [path for path in sources(PACKAGE / "workflow") if path.name != "events.py"]
    assert any(re.search(rf"\b{name}\b", path.read_text()) for path in domain)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", SETTINGS_PAGE.read_text(), flags=re.MULTILINE))
    expected = {name: str(setting.default) for name, setting in conf.every().items()}
    assert {name: rows.get(name) for name in expected} == expected


def test_every_setting_is_used() -> None:
    code = "\n".join(path.read_text() for path in sources() if path.name != "conf.py")
    assert {name for name in conf.every() if name not in code} == set()


def test_only_conf_reads_the_environment_and_djangos_settings() -> None:
    readers = {
        str(path.relative_to(PACKAGE))
        for path in sources()
        if re.search(r"os\.environ|os\.getenv|from django\.conf import settings", path.read_text())
    }
    assert readers == {"conf.py"}
