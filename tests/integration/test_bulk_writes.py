"""Rows written in bulk: few statements, and those who listen for saved or deleted rows hear of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.test.utils import CaptureQueriesContext

from caluma_async.form.models import Answer, Document, Form
from caluma_async.testing.factories import make_document, make_form, make_question
from caluma_async.verbs import bulk

pytestmark = pytest.mark.django_db

Heard = list[tuple[str, str, Any]]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What listeners for forms heard: the signal, the form, and what was special."""
    told: Heard = []
    signals = {"pre_save": pre_save, "post_save": post_save, "pre_delete": pre_delete, "post_delete": post_delete}
    listeners = {
        name: lambda instance, name=name, created=None, **_: told.append((name, instance.pk, created))
        for name in signals
    }
    for name, signal in signals.items():
        signal.connect(listeners[name], sender=Form)
    yield told
    for name, signal in signals.items():
        signal.disconnect(listeners[name], sender=Form)


def statements(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return len([query for query in captured if "SAVEPOINT" not in query["sql"]])


def test_new_rows_are_written_at_once_and_each_is_told(heard: Heard) -> None:
    assert statements(lambda: bulk.insert([Form(slug=slug) for slug in "ab"])) == 1
    assert heard == [
        ("pre_save", "a", None),
        ("pre_save", "b", None),
        ("post_save", "a", True),
        ("post_save", "b", True),
    ]


@pytest.mark.parametrize("write", [bulk.update, bulk.update_each])
@pytest.mark.parametrize("count", [1, 3])
def test_changed_rows_are_written_at_once_and_each_is_told(
    heard: Heard, write: Callable[[list[Form], list[str]], None], count: int
) -> None:
    forms = [make_form(f"form-{number}") for number in range(count)]
    heard.clear()
    for form in forms:
        form.is_archived = True
    assert statements(lambda: write(forms, ["is_archived"])) == 1
    assert sorted(set(heard)) == sorted(
        (name, form.pk, created) for form in forms for name, created in (("pre_save", None), ("post_save", False))
    )
    assert Form.objects.filter(is_archived=True).count() == count


def test_rows_get_values_of_their_own() -> None:
    forms = [make_form(slug) for slug in "ab"]
    for form in forms:
        form.meta = {"is": form.slug}
    bulk.update_each(forms, ["meta"])
    assert {form.slug: form.meta for form in Form.objects.all()} == {"a": {"is": "a"}, "b": {"is": "b"}}


def test_rows_go_table_by_table_and_each_is_told(heard: Heard) -> None:
    make_question("name", form="plan")
    document = make_document("plan", answers={"name": "Anna"})
    forms = [make_form(slug) for slug in "ab"]
    heard.clear()
    rows = [document.answers.get(), document, *forms]
    assert statements(lambda: bulk.delete(rows)) == 3
    assert not Answer.objects.exists()
    assert not Document.objects.exists()
    assert heard == [
        ("pre_delete", "a", None),
        ("pre_delete", "b", None),
        ("post_delete", "a", None),
        ("post_delete", "b", None),
    ]


def test_nothing_costs_nothing() -> None:
    assert (
        statements(lambda: (bulk.insert([]), bulk.update([], ["meta"]), bulk.update_each([], []), bulk.delete([]))) == 0
    )
