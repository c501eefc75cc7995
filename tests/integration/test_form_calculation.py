"""Calculated answers in the tables: which are written, in whose name, and at what cost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from caluma_async.form.calculation import recalculate
from caluma_async.form.definitions import catalogue
from caluma_async.form.models import Answer, AnswerDocument, Document
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_form, make_question, make_table

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])


@pytest.fixture(autouse=True)
def _forms() -> None:
    make_question("a", form="plan", type="integer")
    make_question("note", form="plan")
    make_question("twice", form="plan", type="calculated_float", calc_expression="'a'|answer * 2")
    make_question("more", form="plan", type="calculated_float", calc_expression="'twice'|answer + 'total'|answer")
    make_question("rows", form="plan", type="table", row_form=make_form("row"))
    make_question("total", form="plan", type="calculated_float", calc_expression="'rows'|answer|mapby('x')|sum")
    make_question("x", form="row", type="integer")
    make_question("x-and-a", form="row", type="calculated_float", calc_expression="'x'|answer + 'a'|answer")


def values(document: Document) -> dict[str, Any]:
    answers = Answer.objects.filter(document__family=document.family_id, question__type="calculated_float")
    found: dict[str, Any] = {}
    for answer in answers.order_by("document", "question"):
        found.setdefault(answer.question_id, []).append(answer.value)
    return found


def changed(answers: list[Answer]) -> list[str]:
    return sorted(answer.question_id for answer in answers)


def test_a_new_document_gets_all_calculated_answers() -> None:
    document = make_document("plan", answers={"a": 2})
    make_table(document, "rows", [{"x": 1}, {"x": 5}])
    recalculate(document.pk, ANNA)
    assert values(document) == {"twice": [4], "total": [6], "more": [10], "x-and-a": [3, 7]}
    assert set(Answer.objects.filter(question="more").values_list("created_by_user", "modified_by_group")) == {
        ("anna", "office")
    }


def test_a_document_without_answers_gets_them_too() -> None:
    document = make_document("plan")
    recalculate(document.pk, ANNA)
    assert values(document) == {"twice": [0], "total": [0], "more": [0]}


def test_only_what_changed_is_written() -> None:
    document = make_document("plan", answers={"a": 2})
    recalculate(document.pk, ANNA)
    Answer.objects.filter(question="a").update(value=5)
    heard: list[str] = []

    def listen(instance: Answer, created: bool, **_: Any) -> None:
        heard.append(f"{instance.question_id} {instance.value} {created}")

    post_save.connect(listen, sender=Answer)
    try:
        found = recalculate(document.pk, ANNA, changed=[(document.pk, "a")])
    finally:
        post_save.disconnect(listen, sender=Answer)
    assert changed(found) == ["more", "twice"]
    assert heard == ["twice 10 False", "more 10 False"]
    assert values(document) == {"twice": [10], "total": [0], "more": [10]}


def test_a_row_that_is_attached_sees_what_is_outside() -> None:
    document = make_document("plan", answers={"a": 2})
    table = make_table(document, "rows", [{"x": 1}])
    recalculate(document.pk, ANNA)
    row = make_document("row", answers={"x": 10}, family=document)
    AnswerDocument.objects.create(answer=table, document=row, sort=1)
    found = recalculate(document.pk, ANNA, changed=[(document.pk, "rows")], new=[row.pk])
    assert changed(found) == ["more", "total", "x-and-a"]
    assert values(document)["x-and-a"] == [3, 12]


def test_an_unattached_row_sees_nothing_outside() -> None:
    row = make_document("row", answers={"x": 10})
    recalculate(row.pk, ANNA)
    assert values(row) == {"x-and-a": [None]}


def test_a_family_that_is_not_there_has_nothing_to_calculate() -> None:
    assert recalculate(Answer().pk, ANNA) == []


@pytest.mark.parametrize("rows", [2, 20])
def test_what_it_costs(rows: int) -> None:
    document = make_document("plan", answers={"a": 2, "note": "x"})
    make_table(document, "rows", [{"x": at} for at in range(rows)])
    recalculate(document.pk, ANNA)
    Answer.objects.filter(question="a").update(value=5)
    catalogue("plan")
    for reached, cost in (("note", 1), ("a", 5)):
        with CaptureQueriesContext(connection) as captured:
            recalculate(document.pk, ANNA, changed=[(document.pk, reached)])
        assert len(captured) == cost, reached
