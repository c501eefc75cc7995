"""What forms, questions and options show of themselves, in which order, by which filters, at what cost."""

from __future__ import annotations

import pytest

from caluma_async.form.models import Form, FormQuestion, Question
from caluma_async.testing.factories import make_form, make_question
from tests.api import ask, nodes, statements
from tests.integration.forms_stage import plan_with_every_question

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan() -> Form:
    return plan_with_every_question()


QUESTIONS = """query { allForms(filter: [{slugs: ["plan"]}]) { edges { node { questions { totalCount edges { node {
    slug __typename
    ... on TextQuestion { minLength maxLength } ... on IntegerQuestion { minValue maxValue }
    ... on FloatQuestion { low: minValue high: maxValue step }
    ... on ChoiceQuestion { options { edges { node { slug } } } }
    ... on MultipleChoiceQuestion { staticContent options { edges { node { slug } } } }
    ... on DynamicChoiceQuestion { source: dataSource } ... on TableQuestion { rowForm { slug } }
    ... on FormQuestion { subForm { slug questions { edges { node { slug } } } } }
    ... on CalculatedFloatQuestion { calcExpression } ... on StaticQuestion { staticContent }
    ... on ActionButtonQuestion { action color validateOnEnter showValidation }
} } } } } } }"""


def test_a_form_shows_its_questions_in_order(plan: Form) -> None:
    questions = nodes(nodes(ask(QUESTIONS)["allForms"])[0]["questions"])
    assert [each.pop("slug") for each in questions] == [f"a-{kind}" for kind in Question.TYPES]
    by_type = {each.pop("__typename"): each for each in questions}
    assert by_type["TextQuestion"] == {"minLength": 1, "maxLength": 20}
    assert by_type["IntegerQuestion"] == {"minValue": 0, "maxValue": 9}
    assert by_type["FloatQuestion"] == {"low": 0.5, "high": None, "step": 0.25}
    assert [each["slug"] for each in nodes(by_type["ChoiceQuestion"]["options"])] == ["yes", "no"]
    assert [each["slug"] for each in nodes(by_type["MultipleChoiceQuestion"]["options"])] == ["no", "yes"]
    assert by_type["TableQuestion"] == {"rowForm": {"slug": "row"}}
    assert by_type["FormQuestion"] == {"subForm": {"slug": "part", "questions": {"edges": []}}}
    assert by_type["ActionButtonQuestion"] == {
        "action": "COMPLETE",
        "color": "PRIMARY",
        "validateOnEnter": True,
        "showValidation": False,
    }


def test_a_form_costs_the_same_with_more_questions_and_options(plan: Form) -> None:
    before = statements(QUESTIONS)
    for number in range(20):
        make_question(f"more-{number}", form="plan", type="choice", options=[f"o{number}", f"p{number}"])
        make_question(f"form-{number}", form="plan", type="form", sub_form=make_form(f"part-{number}"))
    assert statements(QUESTIONS) == before


def test_pages_of_questions_keep_the_order_of_the_form(plan: Form) -> None:
    asked = """query ($after: String) { allForms(filter: [{slugs: ["plan"]}]) { edges { node {
        questions(first: 4, after: $after) { pageInfo { endCursor hasNextPage } edges { node { slug } } } } } } }"""
    slugs: list[str] = []
    after = None
    while True:
        page = nodes(ask(asked, after=after)["allForms"])[0]["questions"]
        slugs += [each["slug"] for each in nodes(page)]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert slugs == [f"a-{kind}" for kind in Question.TYPES]


def test_a_question_that_several_forms_share_is_found_once(plan: Form) -> None:
    FormQuestion.objects.create(id="row.a-text", form_id="row", question_id="a-text")
    found = ask("{ allQuestions { totalCount edges { node { slug } } } }")["allQuestions"]
    assert (found["totalCount"], len(nodes(found))) == (len(Question.TYPES),) * 2
