"""Default answers: saved, changed, removed, refused, and given to documents that are there when a question comes."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync

from caluma_async.errors import InvalidFormat, InvalidInput, NotFound, Refused
from caluma_async.form.default_api import (
    aremove_default_answer,
    asave_default_answer,
    remove_default_answer,
    save_default_answer,
)
from caluma_async.form.design_api import add_form_question
from caluma_async.form.models import Answer, AnswerDocument, Document, Question
from caluma_async.form.verbs import SaveDefaultAnswer, SaveDefaultIntegerAnswer, SaveDefaultStringAnswer
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_form,
    make_question,
    make_table,
)
from caluma_async.testing.plugin import Emitted
from caluma_async.verbs import run
from tests.integration.forms_stage import plan_with_every_question

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])
BEN = User("ben")


def default(slug: str) -> Answer:
    answer = Question.objects.get(pk=slug).default_answer
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("kind", "value", "other"),
    [
        ("text", "Ann ", "Ben"),
        ("textarea", "Ann", ""),
        ("integer", 3, 0),
        ("float", 2, 0.5),
        ("choice", "yes", "no"),
        ("multiple_choice", ["yes", "no"], []),
    ],
)
def test_a_default_answer_of_every_kind_is_saved_and_changed(kind: str, value: Any, other: Any) -> None:
    plan_with_every_question()
    save_default_answer(f"a-{kind}", ANNA, value=value, meta={"a": 1})
    first = default(f"a-{kind}")
    assert (first.value, first.document, first.meta, first.created_by_user) == (value, None, {"a": 1}, "anna")
    async_to_sync(asave_default_answer)(f"a-{kind}", BEN, value=other)
    changed = default(f"a-{kind}")
    assert (changed.pk, changed.value, changed.meta, changed.modified_by_user) == (first.pk, other, {"a": 1}, "ben")
    save_default_answer(f"a-{kind}", ANNA)
    assert default(f"a-{kind}").value is None


def test_a_default_date_has_its_own_column() -> None:
    make_question("day", type="date")
    save_default_answer("day", ANNA, value="2030-01-31")
    assert (default("day").date, default("day").value) == (dt.date(2030, 1, 31), None)


def test_hidden_options_may_be_chosen_from_the_start() -> None:
    question = make_question("q", type="choice", options=["yes"])
    question.options.update(is_hidden="true")
    save_default_answer(question, ANNA, value="yes")
    assert default("q").value == "yes"


@pytest.mark.parametrize(
    ("slug", "value", "message"),
    [
        ("a-text", "x" * 21, "20 characters or less"),
        ("a-text", 3, "value must be a text"),
        ("a-integer", 10, "must be 9 or less"),
        ("a-integer", True, "must be a whole number"),
        ("a-float", "1", "must be a number"),
        ("a-date", "tomorrow", "must be a date"),
        ("a-choice", "maybe", "'maybe' cannot be chosen here"),
        ("a-multiple_choice", ["yes", "maybe"], "'maybe' cannot be chosen here"),
        ("a-multiple_choice", "yes", "must be a list"),
        ("a-table", ["x"], "must be a uuid"),
    ],
)
def test_what_the_question_does_not_take_is_refused(slug: str, value: Any, message: str) -> None:
    plan_with_every_question()
    with pytest.raises(InvalidInput, match=message):
        save_default_answer(slug, ANNA, value=value)
    assert not Answer.objects.exists()


def test_a_default_answer_has_the_format_of_the_question() -> None:
    make_question("mail", format_validators=["email"])
    with pytest.raises(InvalidFormat):
        save_default_answer("mail", ANNA, value="nobody")


@pytest.mark.parametrize(
    "kind",
    [
        *("dynamic_choice", "dynamic_multiple_choice", "files", "calculated_float"),
        *("form", "static", "action_button"),
    ],
)
def test_some_types_have_no_default_answer(kind: str) -> None:
    plan_with_every_question()
    with pytest.raises(Refused, match=f"is of type {kind}: it has no default answer"):
        save_default_answer(f"a-{kind}", ANNA, value="x")
    with pytest.raises(InvalidInput, match=f"is of type {kind}: it has no default answer"):
        run(SaveDefaultStringAnswer(ANNA, question=f"a-{kind}", value="x"))


@pytest.mark.parametrize("verb", [SaveDefaultStringAnswer, SaveDefaultIntegerAnswer])
def test_a_verb_for_another_kind_names_the_right_one(verb: type[SaveDefaultAnswer]) -> None:
    make_question("day", type="date")
    with pytest.raises(InvalidInput, match="is of type date: SaveDefaultDateAnswer gives it its default answer"):
        run(verb(ANNA, question="day"))


def test_what_there_is_not_is_not_found() -> None:
    for act in (save_default_answer, remove_default_answer):
        with pytest.raises(NotFound, match="There is no question 'odd'"):
            act("odd", ANNA)


@pytest.fixture
def table() -> Question:
    """A table whose rows ask for a street."""
    question = make_question("streets", type="table", row_form=make_form("row"))
    make_question("street", form="row")
    return question


def rows(*names: str) -> list[UUID]:
    return [make_document("row", answers={"street": name}).pk for name in names]


def test_the_default_rows_of_a_table_are_replaced_in_order(table: Question) -> None:
    first, second, third = rows("a", "b", "c")
    save_default_answer(table, ANNA, value=[first, second])
    save_default_answer(table, ANNA, value=[third, second])
    links = AnswerDocument.objects.filter(answer=default("streets")).order_by("-sort")
    assert [link.document_id for link in links] == [third, second]
    assert Document.objects.filter(pk=first).exists()


def test_rows_that_cannot_be_default_rows_are_refused(table: Question) -> None:
    [mine] = rows("a")
    elsewhere = make_table(make_document("plan"), table, [{}]).documents.get()
    of_case = make_document("row")
    make_case(document=of_case)
    wrong = make_document("plan")
    for key, message in (
        (uuid4(), "There is no document"),
        (wrong.pk, "is of the form 'plan', not of the table's"),
        (elsewhere.pk, "belongs to something else already"),
        (of_case.pk, "belongs to something else already"),
    ):
        with pytest.raises(InvalidInput, match=message):
            save_default_answer(table, ANNA, value=[mine, key])
    assert not Answer.objects.filter(document=None).exists()


def test_a_default_answer_is_removed_once(table: Question, emitted: Emitted) -> None:
    [row] = rows("a")
    save_default_answer(table, ANNA, value=[row])
    emitted.clear()
    remove_default_answer(table, ANNA)
    async_to_sync(aremove_default_answer)(table, ANNA)
    assert emitted.names == ["pre_remove_default_answer", "post_remove_default_answer"]
    assert emitted.events[1].arguments["previous"] == [row]
    assert not Answer.objects.filter(document=None).exists()
    assert Document.objects.filter(pk=row).exists()


def test_saving_tells_what_was_there_before(emitted: Emitted) -> None:
    make_question("name")
    save_default_answer("name", ANNA, value="Ann")
    save_default_answer("name", ANNA, value="Ben")
    assert emitted.names == ["pre_save_default_answer", "post_save_default_answer"] * 2
    before, after = emitted.events[2].arguments, emitted.events[3].arguments
    assert before["validated_data"] == {"value": "Ben"}
    assert (after["created"], after["previous"], after["answer"].value) == (False, "Ann", "Ben")
    assert emitted.events[0].arguments["answer"] is None


def test_a_question_that_comes_into_a_form_brings_its_default_answer_into_the_documents() -> None:
    make_question("name")
    save_default_answer("name", ANNA, value="Ann", meta={"a": 1})
    lacking, answered, other = make_document("plan"), make_document("plan"), make_document("other")
    make_answer(answered, "name", "Ben")
    add_form_question("plan", "name", ANNA)
    copied = lacking.answers.get()
    assert (copied.value, copied.meta, copied.created_by_user) == ("Ann", {"a": 1}, "anna")
    assert answered.answers.get().value == "Ben"
    assert not other.answers.exists()


def test_a_table_that_comes_into_a_form_brings_copies_of_its_rows(table: Question) -> None:
    save_default_answer(table, ANNA, value=rows("a", "b"))
    document = make_document("plan")
    add_form_question("plan", table, ANNA)
    links = AnswerDocument.objects.filter(answer__document=document).order_by("-sort")
    assert [link.document.answers.get().value for link in links] == ["a", "b"]
    assert {link.document.family_id for link in links} == {document.pk}
