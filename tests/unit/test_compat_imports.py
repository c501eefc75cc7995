"""`import caluma.…` without Caluma: what resolves, what does not, and what the message says."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pytest_django import Settings

from caluma_async import errors, events, workflow
from caluma_async.compat import finder, install
from caluma_async.form import models as form_models
from caluma_async.workflow import api as workflow_api
from caluma_async.workflow import dynamic
from caluma_async.workflow import events as workflow_events
from caluma_async.workflow import models as workflow_models

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "coming-from-caluma.md"
SERVED = {
    "caluma.caluma_core.events": (
        "SignalHandlingError",
        "filter_events",
        "on",
        "send_event",
        "send_event_with_deprecations",
    ),
    "caluma.caluma_workflow.models": ("Case", "Flow", "Task", "TaskFlow", "WorkItem", "Workflow"),
    "caluma.caluma_workflow.api": (
        "cancel_case",
        "cancel_work_item",
        "complete_work_item",
        "redo_work_item",
        "reopen_case",
        "resume_case",
        "resume_work_item",
        "skip_work_item",
        "start_case",
        "suspend_case",
        "suspend_work_item",
    ),
    "caluma.caluma_form.models": (
        *("Answer", "AnswerDocument", "Document", "DynamicOption", "File"),
        *("Form", "FormQuestion", "Option", "Question", "QuestionOption"),
    ),
    "caluma.caluma_form.api": ("copy_form", "save_answer", "save_default_answer", "save_document"),
    "caluma.caluma_form.schema": (
        *("Answer", "Document", "DynamicOption", "File", "Form", "Option", "Question"),
        *("AddFormQuestion", "CopyForm", "CopyQuestion", "SaveQuestion", "SaveTextQuestion", "SaveFormQuestion"),
        *("SaveDocumentAnswer", "SaveDocumentStringAnswer", "SaveDefaultAnswer", "RemoveDefaultAnswer"),
    ),
    "caluma.caluma_form.format_validators": ("BaseFormatValidator",),
    "caluma.caluma_data_source.data_sources": ("BaseDataSource",),
    "caluma.caluma_data_source.utils": ("data_source_cache",),
    "caluma.caluma_user.models": ("AnonymousUser", "BaseUser"),
    "caluma.caluma_workflow.dynamic_tasks": ("BaseDynamicTasks", "register_dynamic_task"),
    "caluma.caluma_workflow.dynamic_groups": ("BaseDynamicGroups", "register_dynamic_group"),
}


@pytest.fixture(autouse=True)
def forgotten_imports() -> Iterator[None]:
    """Begin and end as if nobody had ever imported `caluma`."""
    kept = forget_caluma()
    yield
    forget_caluma()
    sys.modules.update(kept)


def forget_caluma() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.split(".")[0] == "caluma"]
    return {name: sys.modules.pop(name) for name in names}


def import_text(text: str) -> dict[str, object]:
    """What names a module has after these lines."""
    namespace: dict[str, object] = {}
    exec(text, namespace)  # noqa: S102 - an import statement, as a legacy module has it
    return namespace


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in SERVED.items() for name in names])
def test_the_names_that_integrators_use_can_be_imported(module: str, name: str) -> None:
    assert import_text(f"from {module} import {name}")[name] is not None


@pytest.mark.parametrize(
    ("module", "ours"),
    [
        ("caluma.caluma_workflow.models", workflow_models),
        ("caluma.caluma_workflow.api", workflow_api),
        ("caluma.caluma_form.models", form_models),
        ("caluma.caluma_workflow.dynamic_tasks", dynamic),
        ("caluma.caluma_workflow.dynamic_groups", dynamic),
    ],
)
def test_tables_and_functions_are_ours(module: str, ours: ModuleType) -> None:
    for name in SERVED[module]:
        assert import_text(f"from {module} import {name}")[name] is getattr(ours, name)


def test_the_functions_that_need_no_dialect_are_ours() -> None:
    served = importlib.import_module("caluma.caluma_core.events")
    assert served.filter_events is events.filter_events
    assert served.SignalHandlingError is errors.SignalHandlingError


def test_packages_and_modules_can_be_imported_in_every_form() -> None:
    namespace = import_text(
        "import caluma.caluma_workflow.api\n"
        "from caluma import caluma_form\n"
        "from caluma.caluma_workflow import api as workflow_api, models\n"
        "from caluma.caluma_workflow.models import *\n"
    )
    assert namespace["workflow_api"] is namespace["caluma"].caluma_workflow.api  # type: ignore[attr-defined]
    assert namespace["Case"] is workflow_models.Case


@pytest.mark.parametrize("name", workflow.__all__)
def test_mutations_are_the_verbs(name: str) -> None:
    assert import_text(f"from caluma.caluma_workflow.schema import {name}")[name] is getattr(workflow, name)


@pytest.mark.parametrize("name", ["Case", "Flow", "Task", "TaskFlow", "WorkItem", "Workflow"])
def test_types_are_the_tables(name: str) -> None:
    assert import_text(f"from caluma.caluma_workflow.schema import {name}")[name] is getattr(workflow_models, name)


@pytest.mark.parametrize("name", ["SimpleTask", "CompleteWorkflowFormTask", "CompleteTaskFormTask"])
def test_the_kinds_of_tasks_are_one_table(name: str) -> None:
    assert import_text(f"from caluma.caluma_workflow.schema import {name}")[name] is workflow_models.Task


EVENTS = [name for name, value in vars(workflow_events).items() if isinstance(value, events.EventType)]


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_the_one_that_verbs_emit(name: str) -> None:
    served = import_text(f"from caluma.caluma_workflow.events import {name}")[name]
    ours = getattr(workflow_events, name)
    assert (served, {served}) == (ours, {ours})
    assert served is not ours
    assert vars(served) is vars(ours)


@pytest.mark.parametrize("name", workflow_events.DEPRECATED)
def test_every_former_name_is_its_event(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        served = import_text(f"from caluma.caluma_workflow.events import {name}")[name]
    assert served == workflow_events.DEPRECATED[name]


def test_a_former_name_warns_once_where_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("caluma_async.compat.caluma.caluma_workflow.events")._warn_once.cache_clear()
    importing = "from caluma.caluma_workflow.events import completed_work_item\n"
    (tmp_path / "first_importer.py").write_text(importing)
    (tmp_path / "second_importer.py").write_text(importing)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.warns(DeprecationWarning, match=r"completed_work_item .* import post_complete_work_item") as caught:
        importlib.import_module("first_importer")
    assert [Path(warning.filename).name for warning in caught] == ["first_importer.py"]
    importlib.import_module("second_importer")  # a warning would be an error


def test_a_name_that_is_not_served_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(ImportError) as caught:
        import_text("from caluma.caluma_core.events import SendEventSerializerMixin")
    message = str(caught.value)
    assert message.startswith("'caluma.caluma_core.events' has no 'SendEventSerializerMixin' here")
    assert "SignalHandlingError, filter_events, on, send_event" in message


def test_an_event_that_does_not_exist_is_an_error_that_lists_those_that_do() -> None:
    with pytest.raises(ImportError, match=r"has no 'post_paint_case' here.* completed_work_item, .*pre_create_case"):
        import_text("from caluma.caluma_workflow.events import post_paint_case")
    ours = importlib.import_module("caluma_async.compat.caluma.caluma_workflow.events")
    assert not hasattr(ours, "post_paint_case")


@pytest.mark.parametrize(
    "importing",
    ["import caluma.caluma_workflow.filters", "from caluma.caluma_workflow import filters"],
)
def test_a_module_that_is_not_served_is_an_error_that_lists_those_that_are(importing: str) -> None:
    with pytest.raises(ImportError, match=r"'caluma.caluma_workflow' has no 'filters' here.* api, .*models, schema\."):
        import_text(importing)


def test_what_lies_below_a_module_that_is_not_served_is_named_too() -> None:
    with pytest.raises(
        ImportError, match=r"'caluma' has no 'caluma_analytics' here.* caluma_core, caluma_data_source, caluma_form"
    ):
        import_text("import caluma.caluma_analytics.models")


def test_asking_whether_a_module_has_a_name_is_no_error() -> None:
    served = importlib.import_module("caluma.caluma_core.events")
    assert not hasattr(served, "SendEventSerializerMixin")
    assert not hasattr(served, "_send_event")
    assert getattr(served, "nothing", None) is None
    assert "on" in dir(served)


def test_without_the_setting_the_import_fails_and_says_why(settings: Settings) -> None:
    settings.CALUMA_COMPAT = False
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'caluma': .* CALUMA_COMPAT = False"):
        import_text("from caluma.caluma_core.events import on")
    assert "caluma" not in sys.modules


def test_a_caluma_that_is_installed_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "caluma"
    package.mkdir()
    (package / "__init__.py").write_text("REAL = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert import_text("from caluma import REAL")["REAL"] is True
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'caluma.caluma_core'$"):
        import_text("import caluma.caluma_core.events")


def test_other_imports_are_none_of_its_business() -> None:
    assert finder.CalumaFinder().find_spec("calumet") is None
    assert finder.CalumaFinder().find_spec("caluma_async.nothing") is None


def test_installing_twice_installs_one_finder() -> None:
    install()
    install()
    assert sum(isinstance(one, finder.CalumaFinder) for one in sys.meta_path) == 1


def test_installing_puts_the_finder_behind_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [one for one in sys.meta_path if not isinstance(one, finder.CalumaFinder)])
    install()
    assert isinstance(sys.meta_path[-1], finder.CalumaFinder)


def test_the_guide_lists_what_is_served() -> None:
    rows = re.findall(r"^\| `(caluma\.\w+\.\w+)` \| (.*) \|$", GUIDE.read_text(), flags=re.MULTILINE)
    named = {module: re.findall(r"`(\w+)`", names) for module, names in rows}
    for module in ("caluma.caluma_core.events", "caluma.caluma_workflow.models", "caluma.caluma_form.models"):
        assert sorted(named[module]) == sorted(importlib.import_module(module).__all__)
    for module, names in named.items():
        assert set(names) <= set(dir(importlib.import_module(module)))
