"""The mutations of forms, questions and options, as clients send them, and what the site's own code offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from caluma_async.form.models import Form, Question
from caluma_async.graphql.relay import encode
from caluma_async.testing.factories import make_document, make_dynamic_option, make_form, make_option, make_question
from tests.api import ask, gid, nodes, refusal
from tests.integration.forms_stage import plan_with_every_question, with_streets

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_sources() -> Iterator[None]:
    with with_streets():
        yield


COMMON = {"infoText": "Why", "isHidden": "1 > 2", "meta": '{"a": 1}', "isArchived": True}
ASKED = {**COMMON, "isRequired": "true"}
HINTED = {**ASKED, "hintText": "Hint"}
FORMATTED: dict[str, Any] = {**HINTED, "formatValidators": []}
HELD: dict[str, Any] = {**FORMATTED, "placeholder": "Here"}
TEXT = {**HELD, "minLength": 1, "maxLength": 9, "formatValidators": ["email"]}
BUTTON = {"action": "SKIP", "color": "DEFAULT", "validateOnEnter": False, "showValidation": True}
INPUTS: dict[str, dict[str, Any]] = {
    "Text": TEXT,
    "Textarea": TEXT,
    "Integer": {**HELD, "minValue": -1, "maxValue": 9},
    "Float": {**HELD, "minValue": -0.5, "maxValue": 9.5, "step": 0.5},
    "Date": FORMATTED,
    "Files": FORMATTED,
    "Choice": {**FORMATTED, "options": ["no", "yes"]},
    "MultipleChoice": {**FORMATTED, "options": ["no", "yes"]},
    "DynamicChoice": {**FORMATTED, "dataSource": "Streets"},
    "DynamicMultipleChoice": {**FORMATTED, "dataSource": "Streets"},
    "Table": {**FORMATTED, "rowForm": encode("Form", "row")},
    "Form": {**ASKED, "subForm": "row"},
    "Static": {**COMMON, "staticContent": "Read"},
    "CalculatedFloat": {**HINTED, "calcExpression": "1 + 1"},
    "ActionButton": {**COMMON, **BUTTON},
}
SHOWN = {"formatValidators": "{ edges { node { slug } } }", "rowForm": "{ slug }", "subForm": "{ slug }"}
SHOWN["options"] = SHOWN["formatValidators"]


def plain(value: Any) -> Any:
    """A field as it was given."""
    if isinstance(value, dict) and "edges" in value:
        return [node["slug"] for node in nodes(value)]
    return value["slug"] if isinstance(value, dict) and "slug" in value else value


@pytest.mark.parametrize("kind", INPUTS)
def test_a_question_of_every_type_is_saved_and_shown(kind: str) -> None:
    make_form("row")
    make_option("yes")
    make_option("no")
    given = INPUTS[kind]
    fields = " ".join(f"{name} {SHOWN.get(name, '')}" for name in given)
    document = f"""mutation ($input: Save{kind}QuestionInput!) {{ save{kind}Question(input: $input) {{
        clientMutationId question {{ __typename slug label ... on {kind}Question {{ {fields} }} }} }} }}"""
    saved = ask(document, input={"slug": "new", "label": "New", "clientMutationId": "x", **given})
    payload = saved[f"save{kind}Question"]
    question = payload["question"]
    assert payload["clientMutationId"] == "x"
    assert (question.pop("__typename"), question.pop("slug"), question.pop("label")) == (
        f"{kind}Question",
        "new",
        "New",
    )
    expected = {**given, "meta": {"a": 1}}
    expected |= {name: "row" for name in ("rowForm", "subForm") if name in given}
    assert {name: plain(value) for name, value in question.items()} == expected
    again = ask(document, input={**INPUTS[kind], "slug": "new", "label": "Newer"})
    assert again[f"save{kind}Question"]["question"]["label"] == "Newer"


def test_what_is_wrong_with_a_question_is_told_by_field() -> None:
    document = """mutation ($input: SaveTextQuestionInput!) { saveTextQuestion(input: $input) { question { slug } } }"""
    error = refusal(document, input={"slug": "new", "label": "New", "minLength": 3, "maxLength": 2})
    assert error["extensions"] == {"code": "invalid", "field": "minLength"}
    assert "code='invalid'" in error["message"]
    error = refusal(document, input={"slug": "new", "label": "New", "isHidden": "'a'|"})
    assert error["extensions"]["field"] == "isHidden"
    assert not Question.objects.exists()


def test_forms_are_made_filled_ordered_and_copied() -> None:
    for slug in ("a", "b"):
        make_question(slug)
    save = """mutation { saveForm(input: {slug: "plan", name: "Plan"}) { form { slug } }
        a: addFormQuestion(input: {form: "plan", question: "a"}) { form { slug } }
        b: addFormQuestion(input: {form: "plan", question: "b"}) { form { questions { edges { node { slug } } } } }
        reorderFormQuestions(input: {form: "plan", questions: ["b", "a"]}) {
            form { questions { edges { node { slug } } } } }
        copyForm(input: {source: "plan", slug: "copy", name: "Copy"}) {
            form { slug source { slug } questions { edges { node { slug } } } } }
        removeFormQuestion(input: {form: "plan", question: "b"}) { form { questions { edges { node { slug } } } } } }"""
    answer = ask(save)
    assert [each["slug"] for each in nodes(answer["b"]["form"]["questions"])] == ["a", "b"]
    assert [each["slug"] for each in nodes(answer["reorderFormQuestions"]["form"]["questions"])] == ["b", "a"]
    assert answer["copyForm"]["form"]["source"] == {"slug": "plan"}
    assert [each["slug"] for each in nodes(answer["copyForm"]["form"]["questions"])] == ["b", "a"]
    assert [each["slug"] for each in nodes(answer["removeFormQuestion"]["form"]["questions"])] == ["a"]
    assert Form.objects.get(pk="copy").form_questions.count() == 2


def test_options_are_saved_and_copied_and_questions_copied() -> None:
    make_question("q", type="choice", options=["no"])
    answer = ask("""mutation { saveOption(input: {slug: "yes", label: "Yes", isHidden: "false", meta: "{}"}) {
        option { slug label isHidden isArchived meta } }
        copyOption(input: {source: "yes", slug: "yep", label: "Yep"}) { option { slug source { slug } } }
        copyQuestion(input: {source: "q", slug: "p", label: "P"}) { question { slug source { slug }
            ... on ChoiceQuestion { options { edges { node { slug } } } } } } }""")
    assert answer["saveOption"]["option"] == {
        "slug": "yes",
        "label": "Yes",
        "isHidden": "false",
        "isArchived": False,
        "meta": {},
    }
    assert answer["copyOption"]["option"] == {"slug": "yep", "source": {"slug": "yes"}}
    assert answer["copyQuestion"]["question"]["source"] == {"slug": "q"}
    assert plain(answer["copyQuestion"]["question"]["options"]) == ["no"]


def test_the_sites_formats_and_data_sources_are_shown() -> None:
    answer = ask("""{ allFormatValidators { totalCount edges { node { slug name regex allowedQuestionTypes } } }
        allDataSources { edges { cursor node { name info } } } }""")
    assert answer["allFormatValidators"]["totalCount"] == 2
    email = nodes(answer["allFormatValidators"])[0]
    assert (email["slug"], email["name"], email["allowedQuestionTypes"]) == (
        "email",
        "E-mail address",
        ["text", "textarea"],
    )
    assert nodes(answer["allDataSources"]) == [{"name": "Streets", "info": "Streets of the town"}]


def test_a_data_source_is_asked_with_question_and_context() -> None:
    make_question("street", type="dynamic_choice", data_source="Streets")
    document = """query ($context: JSONString) {
        dataSource(name: "Streets", question: "street", context: $context) { edges { node { slug label } } }
        alone: dataSource(name: "Streets", first: 1) { totalCount pageInfo { hasNextPage } edges { node { label } } }
        last: dataSource(name: "Streets", last: 1) { edges { node { slug } } }
        allQuestions { edges { node { ... on DynamicQuestion { dataSource options(context: $context) {
            edges { node { label } } } } } } } }"""
    answer = ask(document)
    assert nodes(answer["dataSource"]) == [
        {"slug": "main", "label": "Main Street, nowhere"},
        {"slug": "of street", "label": "of street"},
        {"slug": "3", "label": "3"},
    ]
    assert (answer["alone"]["totalCount"], answer["alone"]["pageInfo"]["hasNextPage"]) == (3, True)
    assert nodes(answer["last"]) == [{"slug": "3"}]
    [question] = nodes(answer["allQuestions"])
    assert nodes(question["options"])[1] == {"label": "of street"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('name: "Odd"', "There is no data source 'Odd'"),
        ('name: "Streets", question: "odd"', "There is no question 'odd'"),
        ('name: "Streets", context: "{"', "context: this is not JSON"),
        ('name: "Streets", first: -1', "first: -1 is negative"),
    ],
)
def test_a_data_source_that_cannot_be_asked(arguments: str, message: str) -> None:
    assert message in refusal(f"{{ dataSource({arguments}) {{ totalCount }} }}")["message"]


def test_dynamic_options_that_were_chosen_are_listed() -> None:
    question = make_question("street", form="plan", type="dynamic_choice", data_source="Streets")
    document, other = make_document("plan"), make_document("plan")
    make_dynamic_option(document, question, "main", "Main Street")
    make_dynamic_option(other, question, "mill", "A Mill Lane")
    asked = """query ($filter: [DynamicOptionFilterSetType], $order: [DynamicOptionOrderSetType]) {
        allUsedDynamicOptions(filter: $filter, order: $order) { edges { node {
            slug label document { id } question { dataSource ... on DynamicChoiceQuestion { slug } } } } } }"""
    [found] = nodes(ask(asked, filter=[{"document": gid(document)}])["allUsedDynamicOptions"])
    assert found == {
        "slug": "main",
        "label": "Main Street",
        "document": {"id": gid(document)},
        "question": {"dataSource": "Streets", "slug": "street"},
    }
    by_label = ask(asked, filter=[{"question": "street"}], order=[{"attribute": "LABEL"}])["allUsedDynamicOptions"]
    assert [each["slug"] for each in nodes(by_label)] == ["mill", "main"]


DEFAULTS: dict[str, tuple[str, Any]] = {
    "text": ("String", "Ann "),
    "textarea": ("String", "Ann"),
    "choice": ("String", "no"),
    "integer": ("Integer", 3),
    "float": ("Float", 2.5),
    "date": ("Date", "2030-01-31"),
    "multiple_choice": ("List", ["yes"]),
}
WITH_DEFAULT = """{ node(id: "%s") { ... on TextQuestion { defaultAnswer { value } }
    ... on TextareaQuestion { defaultAnswer { value } } ... on IntegerQuestion { defaultAnswer { int: value } }
    ... on FloatQuestion { defaultAnswer { float: value } } ... on DateQuestion { defaultAnswer { date: value } }
    ... on ChoiceQuestion { defaultAnswer { value selectedOption { slug } } }
    ... on MultipleChoiceQuestion { defaultAnswer { list: value } }
    ... on TableQuestion { defaultAnswer { rows: value { id } } } } }"""


@pytest.mark.parametrize("kind", DEFAULTS)
def test_a_default_answer_of_every_kind_is_saved_shown_and_removed(kind: str) -> None:
    plan_with_every_question()
    name, value = DEFAULTS[kind]
    save = f"""mutation ($input: SaveDefault{name}AnswerInput!) {{ saveDefault{name}Answer(input: $input) {{
        answer {{ __typename meta question {{ slug }} ... on {name}Answer {{ value }} }} }} }}"""
    saved = ask(save, input={"question": f"a-{kind}", "value": value, "meta": '{"a": 1}'})
    assert saved[f"saveDefault{name}Answer"]["answer"] == {
        "__typename": f"{name}Answer",
        "meta": {"a": 1},
        "question": {"slug": f"a-{kind}"},
        "value": value,
    }
    shown = ask(WITH_DEFAULT % f"a-{kind}")["node"]["defaultAnswer"]
    assert value in shown.values()
    remove = f"""mutation {{ removeDefaultAnswer(input: {{question: "a-{kind}"}}) {{ question {{ slug }} }} }}"""
    assert ask(remove)["removeDefaultAnswer"]["question"] == {"slug": f"a-{kind}"}
    assert ask(WITH_DEFAULT % f"a-{kind}")["node"] == {"defaultAnswer": None}


def test_the_default_rows_of_a_table_are_documents() -> None:
    plan_with_every_question()
    rows = [gid(make_document("row")) for _ in range(2)]
    save = """mutation ($input: SaveDefaultTableAnswerInput!) { saveDefaultTableAnswer(input: $input) {
        answer { ... on TableAnswer { value { id } document { id } } } } }"""
    answer = ask(save, input={"question": "a-table", "value": rows})["saveDefaultTableAnswer"]["answer"]
    assert answer == {"value": [{"id": key} for key in rows], "document": None}
    assert ask(WITH_DEFAULT % "a-table")["node"]["defaultAnswer"]["rows"] == [{"id": key} for key in rows]


def test_a_default_answer_that_the_question_does_not_take_is_refused() -> None:
    plan_with_every_question()
    save = """mutation { saveDefaultIntegerAnswer(input: {question: "a-integer", value: 10}) { answer { id } } }"""
    error = refusal(save)
    assert error["extensions"] == {"code": "invalid", "field": "value"}
    wrong = """mutation { saveDefaultIntegerAnswer(input: {question: "a-text", value: 1}) { answer { id } } }"""
    assert refusal(wrong)["extensions"] == {"code": "invalid", "field": "question"}
