"""Many who design at once, each in a transaction of their own: nothing is lost, nothing that is refused comes about."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from caluma_async.errors import Refused
from caluma_async.form.api import save_answer, save_default_answer
from caluma_async.form.design_api import add_form_question, reorder_form_questions, save_form
from caluma_async.form.models import Answer, Form, Question
from caluma_async.form.question_api import save_calculated_float_question, save_choice_question, save_integer_question
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_form, make_option, make_question
from tests.integration.crowd import Crowd, crowd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

ANNA = User("anna")
SIZE = 8
ROUNDS = 10


@pytest.fixture
def people() -> Iterator[Crowd]:
    with crowd(SIZE) as together:
        yield together


def test_questions_that_many_add_are_all_in_the_form(people: Crowd) -> None:
    for each in range(ROUNDS):
        form = make_form(f"plan-{each}")
        slugs = [make_question(f"q-{each}-{number}").pk for number in range(SIZE)]
        outcomes = people.do([partial(add_form_question, form.pk, slug, ANNA) for slug in slugs])
        assert all(isinstance(one, Form) for one in outcomes), outcomes
        sorts = list(form.form_questions.values_list("sort", flat=True))
        assert len(set(sorts)) == SIZE
        people.do([partial(reorder_form_questions, form.pk, slugs[::step], ANNA) for step in (1, -1)])
        order = [link.question_id for link in form.form_questions.order_by("-sort")]
        assert order in (slugs, slugs[::-1])


def test_one_slug_that_many_make_is_one_object(people: Crowd) -> None:
    for each in range(ROUNDS):
        make_option(f"yes-{each}")
        save = partial(save_choice_question, f"q-{each}", ANNA, label="Q", options=[f"yes-{each}"])
        outcomes = people.do([save] * SIZE)
        assert all(isinstance(one, Question) for one in outcomes), outcomes
        assert Question.objects.get(pk=f"q-{each}").question_options.count() == 1
        people.do([partial(save_form, f"form-{each}", ANNA, name="F")] * SIZE)
    assert Form.objects.count() == ROUNDS


def test_two_who_would_close_a_circle_together_do_not(people: Crowd) -> None:
    for each in range(ROUNDS):
        a, b = f"a-{each}", f"b-{each}"
        for slug in (a, b):
            save_calculated_float_question(slug, ANNA, label=slug, calc_expression="1")
        save = save_calculated_float_question
        outcomes = people.do(
            [
                partial(save, a, ANNA, calc_expression=f"'{b}'|answer"),
                partial(save, b, ANNA, calc_expression=f"'{a}'|answer"),
            ]
        )
        refused = [one for one in outcomes if isinstance(one, Refused)]
        assert len(refused) == 1, outcomes
        assert Question.objects.filter(pk__in=[a, b], calc_expression="1").count() == 1


def test_a_default_answer_comes_into_documents_that_are_answered_meanwhile(people: Crowd) -> None:
    for each in range(ROUNDS):
        form = make_form(f"plan-{each}")
        question = save_integer_question(f"age-{each}", ANNA, label="Age")
        save_default_answer(question, ANNA, value=1)
        other = make_question(f"other-{each}", form=form, type="integer")
        documents = [make_document(form) for _ in range(SIZE - 1)]
        answering = [partial(save_answer, other, document, ANNA, value=5) for document in documents]
        outcomes = people.do([partial(add_form_question, form.pk, question.pk, ANNA), *answering])
        assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
        assert list(Answer.objects.filter(document__form=form, question=question).values_list("value", flat=True)) == [
            1
        ] * len(documents)


def test_a_question_that_is_answered_does_not_become_another(people: Crowd) -> None:
    """Either the answer came first and the type stays, or the type came first and the answer is refused."""
    for each in range(ROUNDS):
        form = make_form(f"plan-{each}")
        question = make_question(f"q-{each}", form=form)
        document = make_document(form)
        people.do(
            [
                partial(save_answer, question, document, ANNA, value="text"),
                partial(save_integer_question, question.pk, ANNA),
            ]
        )
        question.refresh_from_db()
        answers = list(Answer.objects.filter(question=question).values_list("value", flat=True))
        assert (question.type, answers) in (("text", ["text"]), ("integer", [])), each
