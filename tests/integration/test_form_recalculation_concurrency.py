"""Forms that change while documents are answered: in the end every calculated answer is right."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from caluma_async.form.api import save_answer
from caluma_async.form.models import Answer, Document, Question, Recalculation
from caluma_async.form.recalculation import work_off
from caluma_async.form.verbs import SaveCalculatedFloatQuestion
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_question
from caluma_async.verbs import run
from tests.integration.crowd import crowd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

ANNA = User("anna", groups=["office"])
ROUNDS = 20
CLIENTS = 6


def test_forms_change_while_documents_are_answered() -> None:
    make_question("a", form="plan", type="integer")
    make_question("calc", form="plan", type="calculated_float", calc_expression="'a'|answer * 1")
    documents = [make_document("plan", answers={"a": 1}) for _ in range(5)]
    with crowd(CLIENTS + 2) as people:
        for factor in range(2, ROUNDS + 2):
            deeds: list[Callable[[], Any]] = [_answering(documents) for _ in range(CLIENTS)]
            outcomes = people.do([*deeds, _changing(factor), _working_off])
            assert [each for each in outcomes if isinstance(each, Exception)] == []
            _working_off()  # what was requested after the look of the one above
            expected = {document: value * factor for document, value in _values("a").items()}
            assert _values("calc") == expected


def _answering(documents: list[Document]) -> Callable[[], Any]:
    document, value = random.choice(documents), random.randint(1, 1_000)
    return lambda: save_answer("a", document.pk, ANNA, value)


def _changing(factor: int) -> Callable[[], Any]:
    verb = SaveCalculatedFloatQuestion(ANNA, slug="calc", calc_expression=f"'a'|answer * {factor}")
    return lambda: run(verb)


def _working_off() -> None:
    for each in Recalculation.objects.filter(finished_at=None):
        work_off(each, ANNA)


def _values(question: str) -> dict[Any, Any]:
    return dict(Answer.objects.filter(question=Question(pk=question)).values_list("document", "value"))
