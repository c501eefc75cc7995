"""Definitions are kept until something of them changes, however it is changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from caluma_async.form import versions
from caluma_async.form.definitions import catalogue
from caluma_async.form.models import Form, FormQuestion, Option, Question, QuestionOption
from caluma_async.testing.factories import make_form, make_question

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forms() -> None:
    make_question("name", form="plan")
    make_question("kind", form="plan", type="choice", options=["a", "b"])
    make_question("to-sub", form="plan", type="form", sub_form=make_form("sub"))
    make_question("part", form="sub")


def cost(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


def sql(statement: str) -> Callable[[], object]:
    return lambda: connection.cursor().execute(statement)


def test_a_form_is_loaded_once() -> None:
    assert cost(lambda: catalogue("plan")) == 1 + 2 + 1 + 1
    assert cost(lambda: catalogue("plan")) == 1
    assert catalogue("plan") is catalogue("plan")


@pytest.mark.parametrize(
    "change",
    [
        lambda: make_form("another"),
        lambda: make_question("another", form="sub"),
        lambda: Form.objects.filter(pk="plan").update(meta={"a": 1}),
        lambda: Question.objects.bulk_update([Question(pk="part", type="date")], ["type"]),
        lambda: FormQuestion.objects.filter(question="part").delete(),
        lambda: QuestionOption.objects.filter(option="a").update(sort=7),
        lambda: Option.objects.bulk_create([Option(slug="c")]),
        sql("UPDATE form_question SET is_hidden = 'true' WHERE slug = 'name'"),
        sql("DELETE FROM form_questionoption"),
    ],
)
def test_each_change_makes_it_load_anew(change: Callable[[], object]) -> None:
    before = catalogue("plan")
    change()
    assert catalogue("plan") is not before


def test_a_change_that_is_undone_leaves_nothing_behind() -> None:
    before = catalogue("plan")
    with transaction.atomic():
        Question.objects.filter(pk="name").update(is_hidden="true")
        assert catalogue("plan").questions["name"].is_hidden.text == "true"
        transaction.set_rollback(True)
    assert catalogue("plan") is before
    Question.objects.filter(pk="name").update(is_required="true")
    assert catalogue("plan").questions["name"].is_hidden.text == "false"


def test_installing_the_triggers_again_changes_nothing() -> None:
    before = versions.current()
    versions.install()
    make_form("another")
    assert versions.current() != before


def test_triggers_that_were_lost_come_back() -> None:
    gone = "DROP TRIGGER form_form_changed ON form_form"
    if connection.vendor == "sqlite":
        gone = "DROP TRIGGER form_form_changed_insert"
    sql(gone)()
    before = versions.current()
    make_form("unseen")
    assert versions.current() == before
    versions.install()
    make_form("seen")
    assert versions.current() != before


def test_questions_and_options_are_in_their_order() -> None:
    found = catalogue("plan")
    assert list(found.root.questions) == ["name", "kind", "to-sub"]
    assert [option.slug for option in found.questions["kind"].options] == ["a", "b"]
    assert sorted(found.forms) == ["plan", "sub"]
