"""The classes in the guide to evaluation are listed as it says, and do what it says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from caluma_async.errors import InvalidFormat
from caluma_async.form.checks import check_listed
from caluma_async.form.data_sources import data_source
from caluma_async.form.structure import formula
from caluma_async.form.validation import check_answer
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_question

GUIDE = (Path(__file__).parent.parent.parent / "docs" / "guide" / "evaluation.md").read_text()
PYTHON = re.findall(r"```python\n# (\S+)\.py, listed as (\w+) = \[\"(\S+)\"\]\n(.*?)```", GUIDE, flags=re.DOTALL)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _listed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "town", ModuleType("town"))
    for path, setting, dotted, code in PYTHON:
        module = ModuleType(path.replace("/", "."))
        exec(code, vars(module))  # noqa: S102 - what the guide shows
        monkeypatch.setitem(sys.modules, module.__name__, module)
        setattr(settings, setting, [dotted])
    return iter(())


def test_the_classes_can_be_listed() -> None:
    assert [setting for _, setting, *_ in PYTHON] == ["DATA_SOURCE_CLASSES", "FORMAT_VALIDATOR_CLASSES"]
    assert check_listed() == []


def test_the_data_source_offers_its_choices() -> None:
    question = make_question("parcel", form="plan", type="dynamic_choice", data_source="Parcels")
    offered = data_source("Parcels").choices(User("anna"), question, None)
    assert [(slug, str(label)) for slug, label in offered] == [
        ("2411", "Mill Lane"),
        ("2412", "Main Street"),
        ("2413", "2413"),
    ]
    assert list(check_answer(question, "2413", make_document("plan"), User("anna"))) == ["2413"]


def test_the_format_is_checked() -> None:
    question = make_question("code", format_validators=["postal-code"])
    check_answer(question, "3000", None, User("anna"))
    with pytest.raises(InvalidFormat, match="999 is no postal code"):
        check_answer(question, "999", None, User("anna"))


def test_the_expressions_can_be_parsed() -> None:
    [block] = re.findall(r"## Expressions.*?```\n(.*?)```", GUIDE, flags=re.DOTALL)
    assert [formula(line).fault for line in block.splitlines()] == [None] * 3
