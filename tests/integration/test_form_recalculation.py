"""Documents are calculated anew after their forms changed: after the commit, in batches, whatever happens meanwhile."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from caluma_async.events.models import Delivery
from caluma_async.form import recalculation
from caluma_async.form.around import forms_around, forms_with, outermost
from caluma_async.form.events import post_calculate_answers
from caluma_async.form.models import Answer, Document, FormQuestion, Question, Recalculation
from caluma_async.form.recalculation import schedule, work_off
from caluma_async.form.verbs import (
    AddFormQuestion,
    RemoveFormQuestion,
    SaveCalculatedFloatQuestion,
    SaveIntegerQuestion,
)
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_form, make_question, make_table
from caluma_async.testing.plugin import Deliver, Emitted
from caluma_async.verbs import Verb, run

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])


@pytest.fixture(autouse=True)
def _forms() -> None:
    make_question("a", form="sub", type="integer")
    make_question("to-sub", form="plan", type="form", sub_form_id="sub")
    make_question("rows", form="plan", type="table", row_form=make_form("row"))
    make_question("x", form="row", type="integer")
    make_question("calc", form="plan", type="calculated_float", calc_expression="'a'|answer * 2")


@pytest.fixture
def documents() -> list[Document]:
    return [make_document("plan", answers={"a": number}) for number in range(7)]


def change(text: str) -> None:
    Question.objects.filter(pk="calc").update(calc_expression=text)


def values() -> list[Any]:
    return list(Answer.objects.filter(question="calc").order_by("document").values_list("value", flat=True))


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Batches of three, one for each delivery."""
    monkeypatch.setattr(recalculation, "BATCH", 3)
    monkeypatch.setattr(recalculation, "SHARE", 0.0)
    return iter(())


def test_the_forms_around_a_question_are_found() -> None:
    make_question("to-plan", form="town", type="form", sub_form_id="plan")
    make_question("plans", form="canton", type="table", row_form_id="town")
    make_form("elsewhere")
    assert forms_with(["a", "calc"]) == {"sub", "plan"}
    assert forms_around(["sub"]) == {"sub", "plan", "town", "canton"}
    assert forms_around(["town"]) == {"town", "canton"}
    assert forms_around([]) == set()
    assert outermost(["sub", "elsewhere"]) == {"canton", "elsewhere"}


def test_documents_are_calculated_when_the_request_is_delivered(documents: list[Document], deliver: Deliver) -> None:
    change("'a'|answer * 3")
    made = schedule(ANNA, questions=["calc"])
    assert values() == []
    deliver()
    assert values() == [0, 3, 6, 9, 12, 15, 18]
    assert made is not None
    made.refresh_from_db()
    assert (made.forms, made.total, made.done) == (["plan"], 7, 7)
    assert made.finished_at is not None
    assert set(Answer.objects.filter(question="calc").values_list("modified_by_user", flat=True)) == {"anna"}


@pytest.mark.usefixtures("_small")
def test_it_goes_on_where_it_stopped(documents: list[Document], deliver: Deliver) -> None:
    made = schedule(ANNA, questions=["calc"])
    assert made is not None
    work_off(made, ANNA)
    assert values() == [0, 2, 4]
    made.refresh_from_db()
    assert (made.done, made.total, made.last) == (3, 7, documents[2].pk)
    Answer.objects.filter(question="calc").update(value=99)
    deliver()
    assert values() == [99, 99, 99, 6, 8, 10, 12]
    assert Delivery.objects.exclude(state="delivered").count() == 0


@pytest.mark.usefixtures("_small")
def test_it_may_take_more_deliveries_than_a_chain_of_events_may_be_long(deliver: Deliver, settings: Any) -> None:
    settings.EVENT_MAX_DEPTH = 2
    for number in range(15):
        make_document("plan", answers={"a": number})
    schedule(ANNA, questions=["calc"])
    assert deliver() == 6
    assert len(values()) == 15


@pytest.mark.usefixtures("documents")
def test_a_request_that_nobody_began_is_not_made_twice(deliver: Deliver) -> None:
    assert schedule(ANNA, questions=["calc"]) == schedule(ANNA, questions=["a"])
    assert Recalculation.objects.count() == 1
    deliver()
    schedule(ANNA, questions=["calc"])
    assert Recalculation.objects.count() == 2


def test_what_can_change_nothing_is_not_requested() -> None:
    assert schedule(ANNA, questions=["calc"]) is None, "there are no documents"
    make_document("row")
    assert schedule(ANNA, questions=["x"]) is None, "nothing is calculated in the documents that there are"
    make_document("plan")
    assert schedule(ANNA, questions=["x"]) is not None


@pytest.mark.usefixtures("documents")
def test_what_was_right_already_is_not_written(deliver: Deliver) -> None:
    schedule(ANNA, questions=["calc"])
    deliver()
    before = list(Answer.objects.values_list("modified_at", flat=True))
    schedule(User("ben"), questions=["calc"])
    deliver()
    assert list(Answer.objects.values_list("modified_at", flat=True)) == before


@pytest.mark.parametrize("count", [2, 20])
def test_a_batch_costs_the_same_however_large(count: int) -> None:
    for number in range(count):
        make_table(make_document("plan", answers={"a": number}), "rows", [{"x": 1}])
    made = schedule(ANNA, questions=["calc"])
    assert made is not None
    recalculation.begin(made)
    with CaptureQueriesContext(connection) as captured:
        assert list(recalculation.batches(made, ANNA)) == [count]
    assert len([each for each in captured if "SAVEPOINT" not in str(each["sql"])]) == 1 + 1 + 1 + 3 + 1 + 1 + 3


def test_the_command_calculates_at_once_and_tells_how_far_it_is(documents: list[Document], monkeypatch: Any) -> None:
    monkeypatch.setattr(recalculation, "BATCH", 3)
    out = StringIO()
    call_command("recalculate", "plan", stdout=out)
    assert values() == [0, 2, 4, 6, 8, 10, 12]
    told = out.getvalue().splitlines()
    assert [line.split()[2:4] for line in told[:-1]] == [["running", f"{done}/7"] for done in (3, 6, 7)]
    assert told[-1] == "7 answers changed."
    out = StringIO()
    call_command("recalculate", "--list", stdout=out)
    assert "finished 7/7 plan" in out.getvalue()
    call_command("recalculate", stdout=StringIO())
    with pytest.raises(CommandError, match="There is no form 'nowhere'"):
        call_command("recalculate", "nowhere")


def test_verbs_that_change_what_is_calculated_request_it(documents: list[Document], deliver: Deliver) -> None:
    def after(verb: Verb[Any]) -> list[Any] | None:
        requests = Recalculation.objects.count()
        run(verb)
        deliver()
        return values() if Recalculation.objects.count() > requests else None

    twice = [0, 2, 4, 6, 8, 10, 12]
    assert after(SaveCalculatedFloatQuestion(ANNA, slug="calc", calc_expression="'a'|answer + 1")) == list(range(1, 8))
    assert after(SaveCalculatedFloatQuestion(ANNA, slug="calc", calc_expression="'a'|answer + 1")) is None
    assert after(SaveIntegerQuestion(ANNA, slug="a", is_hidden="true")) == [1] * 7
    assert after(SaveIntegerQuestion(ANNA, slug="a", label="Another label", max_value=100)) is None
    assert after(RemoveFormQuestion(ANNA, form="sub", question="a")) == [None] * 7
    run(SaveIntegerQuestion(ANNA, slug="a", is_hidden="false"))
    assert after(AddFormQuestion(ANNA, form="sub", question="a")) == list(range(1, 8))
    run(SaveCalculatedFloatQuestion(ANNA, slug="other", label="Other", calc_expression="'a'|answer * 2"))
    after(AddFormQuestion(ANNA, form="plan", question="other"))
    assert sorted(Answer.objects.filter(question="other").values_list("value", flat=True)) == twice
    assert len(documents) == 7


def test_a_question_that_is_gone_from_its_form_is_read_no_more(documents: list[Document], deliver: Deliver) -> None:
    schedule(ANNA, questions=["calc"])
    deliver()
    FormQuestion.objects.filter(question="a").delete()
    schedule(ANNA, questions=["a"], forms=["sub"])
    deliver()
    assert values() == [None] * 7
    assert len(documents) == 7


def test_each_document_whose_answers_changed_is_told_of(
    documents: list[Document], deliver: Deliver, emitted: Emitted
) -> None:
    schedule(ANNA, questions=["calc"])
    deliver()
    told = emitted.of(post_calculate_answers)
    assert [event.arguments["document"] for event in told] == documents
    assert [[answer.value for answer in event.arguments["answers"]] for event in told] == [[2 * a] for a in range(7)]
    assert {event.user for event in told} == {ANNA}
    emitted.clear()
    schedule(ANNA, questions=["calc"])
    deliver()
    assert emitted.names == ["post_request_recalculation"]


@pytest.mark.django_db(transaction=True)
def test_a_request_of_a_verb_that_is_undone_is_gone(documents: list[Document], deliver: Deliver) -> None:
    with transaction.atomic():
        run(SaveCalculatedFloatQuestion(ANNA, slug="calc", calc_expression="'a'|answer + 1"))
        transaction.set_rollback(True)
    assert deliver() == 0
    assert (Recalculation.objects.count(), values(), len(documents)) == (0, [], 7)


@pytest.mark.usefixtures("documents")
def test_what_was_finished_long_ago_is_forgotten(deliver: Deliver, settings: Any) -> None:
    settings.EVENT_RETENTION = 1
    for days in (0.5, 2):
        then = timezone.now() - dt.timedelta(days=days)
        Recalculation.objects.create(forms=[str(days)], started_at=then, finished_at=then)
    Recalculation.objects.create(forms=["never"])
    schedule(ANNA, questions=["calc"])
    deliver()
    assert sorted(each.forms[0] for each in Recalculation.objects.all()) == ["0.5", "never", "plan"]
