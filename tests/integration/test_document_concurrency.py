"""Verbs on one family of documents at the same time: nothing is lost, and sums have all their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from caluma_async.form.api import copy_document, remove_answer, remove_document, save_answer, save_document
from caluma_async.form.models import Answer, Document
from caluma_async.testing.factories import make_document, make_question
from tests.integration.crowd import crowd
from tests.integration.documents_stage import ANNA, BEN, families, make_plan, make_row, value_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

THREADS = 16
ROUNDS = 20


def saving(question: str, document: Document, value: Any, **more: Any) -> Callable[[], Any]:
    return lambda: save_answer(question, document.pk, ANNA, value, **more)


@pytest.mark.parametrize(("question", "value"), [("integer", None), ("text", None), ("table", [])])
def test_sixteen_first_answers_all_succeed_and_leave_one(question: str, value: Any) -> None:
    make_plan()
    with crowd(THREADS) as people:
        for _ in range(ROUNDS):
            document = make_document("plan")
            values = {"integer": lambda number: number, "text": str, "table": lambda _: [make_row()]}[question]
            given = [values(number) for number in range(THREADS)]
            outcomes = people.do([saving(question, document, each) for each in given])
            assert {type(each) for each in outcomes} == {Answer}, outcomes
            assert len({each.pk for each in outcomes}) == 1
            [answer] = Answer.objects.filter(document=document)
            if question == "table":
                assert sorted(value_of(document, "table")) == sorted(row.pk for [row] in given)
            else:
                assert answer.value in given


def test_a_value_and_a_value_with_meta_lose_nothing() -> None:
    make_plan()
    with crowd(2) as people:
        for _ in range(ROUNDS):
            document = make_document("plan", answers={"integer": 0})
            people.do([saving("integer", document, 1), saving("integer", document, 2, meta={"a": 1})])
            answer = Answer.objects.get(document=document)
            assert answer.value in (1, 2)
            assert answer.meta == {"a": 1}


def test_two_inputs_of_one_calculation_give_the_sum() -> None:
    for slug in ("a", "b"):
        make_question(slug, form="bill", type="integer")
    make_question("sum", form="bill", type="calculated_float", calc_expression="'a'|answer(0) + 'b'|answer(0)")
    with crowd(2) as people:
        for number in range(ROUNDS):
            document = save_document("bill", ANNA)
            people.do([saving("a", document, number), saving("b", document, 100)])
            assert value_of(document, "sum") == number + 100


def test_two_rows_feed_one_sum() -> None:
    make_plan()
    make_question("sum", form="plan", type="calculated_float", calc_expression="'table'|answer|mapby('size')|sum")
    with crowd(2) as people:
        for number in range(ROUNDS):
            document = save_document("plan", ANNA)
            rows = [save_document("row", ANNA) for _ in range(2)]
            save_answer("table", document, ANNA, rows)
            people.do([saving("size", rows[0], number), saving("size", rows[1], 100)])
            assert value_of(document, "sum") == number + 100


def test_two_clients_that_add_rows_by_a_stale_list_both_keep_theirs() -> None:
    make_plan()
    make_question("sum", form="plan", type="calculated_float", calc_expression="'table'|answer|mapby('size')|sum")
    with crowd(2) as people:
        for _ in range(ROUNDS):
            document = save_document("plan", ANNA)
            first, mine, theirs = (make_row(size=size) for size in (1, 10, 100))
            save_answer("table", document, ANNA, [first])
            outcomes = people.do([saving("table", document, [first, each]) for each in (mine, theirs)])
            assert {type(each) for each in outcomes} == {Answer}, outcomes
            assert sorted(value_of(document, "table")) == sorted([first.pk, mine.pk, theirs.pk])
            assert {families()[key] for key in (first.pk, mine.pk, theirs.pk)} == {document.pk}
            assert value_of(document, "sum") == 111


def test_one_row_is_taken_by_one_of_two_tables() -> None:
    make_plan()
    with crowd(2) as people:
        for _ in range(ROUNDS):
            documents, row = [make_document("plan"), make_document("plan")], make_row(size=1)
            outcomes = people.do([saving("table", document, [row]) for document in documents])
            assert sorted(type(each).__name__ for each in outcomes) == ["Answer", "InvalidInput"], outcomes
            holders = [document for document in documents if Answer.objects.filter(document=document).exists()]
            assert [value_of(holder, "table") for holder in holders] == [[row.pk]]
            assert families()[row.pk] == holders[0].pk


def test_an_answer_in_a_row_that_is_just_taken_in_counts() -> None:
    make_plan()
    make_question("sum", form="plan", type="calculated_float", calc_expression="'table'|answer|mapby('size')|sum")
    with crowd(2) as people:
        for number in range(ROUNDS):
            document, row = save_document("plan", ANNA), save_document("row", ANNA)
            outcomes = people.do([saving("table", document, [row]), saving("size", row, number + 1)])
            assert {type(each) for each in outcomes} == {Answer}, outcomes
            assert value_of(document, "sum") == number + 1


def test_tables_that_want_each_others_rows_come_to_an_end() -> None:
    make_plan()
    make_question("cells", form="row", type="table", row_form_id="row")
    with crowd(2) as people:
        for _ in range(ROUNDS):
            one, two = make_row(size=1), make_row(size=2)
            outcomes = people.do([saving("cells", one, [two]), saving("cells", two, [one])])
            assert sorted(type(each).__name__ for each in outcomes) == ["Answer", "InvalidInput"], outcomes
            roots = {families()[one.pk], families()[two.pk]}
            assert len(roots) == 1


def test_removing_and_answering_at_the_same_moment_leave_all_or_nothing() -> None:
    make_plan()
    with crowd(3) as people:
        for _ in range(ROUNDS):
            document = make_document("plan", answers={"text": "a"})
            row = make_row(document, size=1)
            answer = Answer.objects.get(document=document, question="text")
            outcomes = people.do(
                [
                    lambda document=document: remove_document(document.pk, BEN),
                    saving("size", row, 3),
                    lambda answer=answer: remove_answer(answer.pk, BEN),
                ]
            )
            assert isinstance(outcomes[0], Document), outcomes
            assert {type(each).__name__ for each in outcomes[1:]} <= {"Answer", "NotFound"}, outcomes
            assert not Document.objects.filter(pk__in=[document.pk, row.pk]).exists()
            assert not Answer.objects.exists()


def test_a_copy_shows_one_moment() -> None:
    for slug in ("a", "b"):
        make_question(slug, form="bill", type="integer")
    make_question("sum", form="bill", type="calculated_float", calc_expression="'a'|answer(0) + 'b'|answer(0)")
    with crowd(2) as people:
        for number in range(ROUNDS):
            document = save_document("bill", ANNA)
            save_answer("b", document, ANNA, 100)
            _, copy = people.do(
                [saving("a", document, number + 1), lambda document=document: copy_document(document.pk, BEN)]
            )
            assert value_of(copy, "sum") in (100, 101 + number)
            inputs = Answer.objects.filter(document=copy, question__in=["a", "b"]).values_list("value", flat=True)
            assert value_of(copy, "sum") == sum(inputs)
