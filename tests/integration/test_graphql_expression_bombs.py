"""What all expressions of one request may take together, however many documents and fields it asks for."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.form.models import Answer, Document, Question
from caluma_async.testing.factories import make_answer, make_document, make_form, make_question
from tests.api import ask, gid, outcome

pytestmark = pytest.mark.django_db

BOMB = "([1]*90000)|length + ([1]*90000)|length"
TOO_MUCH = "The expressions of this request take too many steps together. Ask for less at a time."


def documents(number: int) -> list[Document]:
    make_question("start", form="plan")
    for at in range(2):
        make_question(f"q{at}", form="plan", is_hidden=f"{BOMB} + {at} == 0")
    return [make_document("plan", answers={"start": "a"}) for _ in range(number)]


def messages(document: str, **variables: Any) -> list[str | None]:
    """Per field, its error; all of them are refusals."""
    body = outcome(document, **variables).body
    errors = {error["path"][0]: error for error in body.get("errors", ())}
    assert {error["extensions"]["code"] for error in errors.values()} <= {"refused"}
    return [errors[name]["message"] if name in errors else None for name in body["data"]]


def test_the_validity_of_many_documents_is_refused_from_where_it_takes_too_much() -> None:
    fields = "".join(
        f'v{at}: documentValidity(id: "{each.pk}") {{ edges {{ node {{ isValid }} }} }} '
        for at, each in enumerate(documents(12))
    )
    answered = messages(f"{{ {fields} }}")
    assert {*answered} == {None, TOO_MUCH}
    assert answered.count(None) <= 2
    assert messages(f"{{ {fields.split('v1')[0]} }}") == [None]


def test_what_is_visible_in_many_documents_is_refused_together() -> None:
    documents(12)
    query = (
        "{ allDocuments { edges { node { answers(filter: [{visibleInContext: true}]) { edges { node { id } } } } } } }"
    )
    assert TOO_MUCH in messages(query)
    Document.objects.exclude(pk=Answer.objects.values("document")[:1]).delete()
    assert messages(query) == [None]


def test_many_questions_with_long_expressions_are_not_saved_in_one_request() -> None:
    texts = {f"e{at}": f"{'+'.join(['1'] * 4_000)}+{at}==0" for at in range(18)}
    fields = "".join(
        f'q{name}: saveTextQuestion(input: {{slug: "q{name}", label: "q", isHidden: ${name}}}) {{ clientMutationId }} '
        for name in texts
    )
    given = ", ".join(f"${name}: QuestionJexl" for name in texts)
    assert messages(f"mutation({given}) {{ {fields} }}", **texts)[-1] == TOO_MUCH
    assert 9 <= Question.objects.filter(slug__startswith="qe").count() < 18


def test_a_calculated_answer_is_not_null_because_of_what_came_before_it_in_the_request() -> None:
    make_question("size", form="plan", type="integer")
    make_question("sum", form="plan", type="calculated_float", calc_expression=f"'size'|answer + {BOMB}")
    document = make_document("plan")
    make_answer(document, "size", 0)
    fields = "".join(
        f's{at}: saveDocumentIntegerAnswer(input: {{document: "{gid(document)}", question: "size", value: {at}}}) '
        "{ clientMutationId } "
        for at in range(1, 9)
    )
    answered = messages(f"mutation {{ {fields} }}")
    done = answered.index(TOO_MUCH)
    assert answered == [None] * done + [TOO_MUCH] * (8 - done)
    assert 0 < done < 8
    assert Answer.objects.get(document=document, question="size").value == done
    assert Answer.objects.get(document=document, question="sum").value == 180_000 + done


def test_what_a_form_takes_to_parse_is_spread_over_requests() -> None:
    make_form("plan")
    for at in range(30):
        make_question(f"q{at}", form="plan", is_required=f"{'+'.join(['1'] * 4_000)}=={at}")
    document = make_document("plan")
    query = f'{{ documentValidity(id: "{document.pk}") {{ edges {{ node {{ isValid }} }} }} }}'
    tries = [messages(query) for _ in range(5)]
    assert tries[0] == [TOO_MUCH]
    assert tries[-1] == [None]
    assert ask(query)["documentValidity"]["edges"][0]["node"]["isValid"] is True
