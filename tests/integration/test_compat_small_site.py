"""The two receivers of a small site, as its authors copied them from a documentation, run unchanged."""

from __future__ import annotations

import sys

import pytest
from pytest_django import Settings

from caluma_async.errors import SignalHandlingError
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_workflow
from caluma_async.workflow import api
from caluma_async.workflow.models import Case, WorkItem
from tests.integration.compat_modules import legacy_module

pytestmark = pytest.mark.django_db

CLERK = User("ada")


@pytest.fixture
def loan() -> WorkItem:
    make_workflow("loan", start=["hand-out"])
    return make_case("loan", ready=["hand-out"]).work_items.get()


def test_a_receiver_of_one_mutation_hears_it_as_calumas_string(loan: WorkItem) -> None:
    with legacy_module("book_loans"):
        api.complete_work_item(loan, CLERK)
    assert Case.objects.get().meta == {"handed-out-by": "ada", "heard-from": "post_complete_work_item"}


def test_a_receiver_of_one_mutation_hears_no_other(loan: WorkItem) -> None:
    with legacy_module("book_loans"):
        api.skip_work_item(loan, CLERK)
    assert Case.objects.get().meta == {}


def test_a_strict_receiver_that_is_content_lets_the_mutation_happen(loan: WorkItem) -> None:
    with legacy_module("book_returns"):
        api.complete_work_item(loan, CLERK, {"damaged": False})
    assert Case.objects.get().meta == {"returned-by": "ada"}
    assert WorkItem.objects.get().status == WorkItem.STATUS_COMPLETED


def test_a_strict_receiver_that_fails_undoes_the_mutation_and_itself(loan: WorkItem) -> None:
    with legacy_module("book_returns"), pytest.raises(SignalHandlingError, match="book_the_return") as caught:
        api.complete_work_item(loan, CLERK, {"damaged": True})
    assert [str(error) for error in caught.value.caught_exceptions] == ["A damaged book goes to the repair desk first."]
    assert Case.objects.get().meta == {}
    assert WorkItem.objects.get().status == WorkItem.STATUS_READY


@pytest.mark.parametrize("name", ["book_loans", "book_returns", "felling_permits"])
def test_without_the_setting_no_legacy_module_loads(
    name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CALUMA_COMPAT = False
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == "caluma"]:
        monkeypatch.delitem(sys.modules, loaded)
    with pytest.raises(ModuleNotFoundError, match="CALUMA_COMPAT = False"), legacy_module(name):
        pass
