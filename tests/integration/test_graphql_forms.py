"""What forms, questions and options show of themselves, in which order, by which filters, at what cost."""

from __future__ import annotations

import pytest

from caluma_async.form.models import Form, FormQuestion, Option, Question
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


def slugs(kind: str, arguments: str) -> list[str]:
    answer = ask(f"{{ found: all{kind}({arguments}) {{ edges {{ node {{ slug }} }} }} }}")
    return [node["slug"] for node in nodes(answer["found"])]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ('{slugs: ["part", "row"]}', ["row", "part"]),
        ('{name: "Plan B"}', ["plan"]),
        ('{description: "About the row"}', ["row"]),
        ("{isPublished: true}", ["plan"]),
        ("{isArchived: true}", ["row"]),
        ('{questions: ["a-text", "elsewhere"]}', ["plan", "other"]),
        ('{questions: ["a-text"], invert: true}', ["row", "part", "other"]),
        ('{search: "about ROW"}', ["row"]),
    ],
)
def test_forms_are_filtered(given: str, found: list[str]) -> None:
    plan_with_every_question()
    make_question("elsewhere", form="other")
    Form.objects.filter(pk="plan").update(name={"en": "Plan B"}, is_published=True)
    Form.objects.filter(pk="row").update(description={"en": "About the row"}, is_archived=True)
    assert slugs("Forms", f"filter: [{given}]") == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ('{slugs: ["a-text", "a-date"]}', ["a-text", "a-date"]),
        ('{label: "date"}', ["a-date"]),
        ('{isRequired: "1 > 2"}', ["a-date"]),
        ('{isHidden: "true"}', ["a-text"]),
        ("{isArchived: true}", ["elsewhere"]),
        ('{subForm: "part"}', ["a-form"]),
        ('{rowForm: "row"}', ["a-table"]),
        ('{excludeForms: ["plan"]}', ["elsewhere"]),
        ('{search: "a- TEXT"}', ["a-text", "a-textarea"]),
    ],
)
def test_questions_are_filtered(given: str, found: list[str]) -> None:
    plan_with_every_question()
    make_question("elsewhere", form="other", is_archived=True)
    Question.objects.filter(pk="a-date").update(is_required="1 > 2")
    Question.objects.filter(pk="a-text").update(is_hidden="true")
    assert slugs("Questions", f"filter: [{given}]") == found


def test_options_of_a_question_are_filtered_and_sorted() -> None:
    make_question("q", type="choice", options=["c", "a", "b"])
    Option.objects.filter(pk="a").update(label={"en": "Zebra"}, is_archived=True)
    asked = "{ allQuestions { edges { node { ... on ChoiceQuestion { options(%s) { edges { node { slug } } } } } } } }"

    def options(arguments: str) -> list[str]:
        [question] = nodes(ask(asked % arguments)["allQuestions"])
        return [node["slug"] for node in nodes(question["options"])]

    assert options("first: 9") == ["c", "a", "b"]
    assert options("order: [{attribute: SLUG}]") == ["a", "b", "c"]
    assert options("order: [{attribute: IS_ARCHIVED, direction: DESC}]") == ["a", "c", "b"]
    assert options("filter: [{isArchived: true}]") == ["a"]
    assert options('filter: [{label: "Zebra"}]') == ["a"]
    assert options('filter: [{slug: "b"}]') == ["b"]
    assert options('filter: [{search: "zeb"}]') == ["a"]


def test_forms_and_questions_are_sorted_by_what_the_user_reads() -> None:
    make_question("a", form="z", label={"en": "Pear"})
    make_question("b", form="y", label={"en": "Apple"})
    Form.objects.filter(pk="z").update(name={"en": "Alpha"})
    Form.objects.filter(pk="y").update(name={"en": "Beta"})
    assert slugs("Questions", "order: [{attribute: LABEL}]") == ["b", "a"]
    assert slugs("Questions", "order: [{attribute: SLUG, direction: DESC}]") == ["b", "a"]
    assert slugs("Forms", "order: [{attribute: NAME}]") == ["z", "y"]
    assert slugs("Forms", "order: [{attribute: SLUG}]") == ["y", "z"]
