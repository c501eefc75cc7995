"""Filters by what a form's expressions leave visible: answers in their document, questions and options in one."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.form.models import Document
from caluma_async.testing.factories import make_document, make_form, make_option, make_question, make_table
from tests.api import ask, gid, nodes, outcome, refusal, statements
from tests.integration.test_graphql_visibility import SECRET, hiding

pytestmark = pytest.mark.django_db

ANSWERS = """query ($filter: [AnswerFilterSetType], $documents: [DocumentFilterSetType]) {
    allDocuments(filter: $documents) { edges { node { answers(filter: $filter) {
        totalCount edges { node { question { slug } } } } } } } }"""
QUESTIONS = """query ($filter: [QuestionFilterSetType]) { allQuestions(filter: $filter) {
    edges { node { slug } } } }"""
OPTIONS = """query ($slugs: [String], $filter: [OptionFilterSetType]) {
    allQuestions(filter: [{slugs: $slugs}]) { edges { node { ... on ChoiceQuestion {
        options(filter: $filter) { edges { node { slug } } } } } } } }"""


@pytest.fixture
def plan() -> Document:
    """A document in which `garage` and, in its row, `lane` are hidden; so is the colour `red`."""
    make_question("kind", form="plan")
    make_question("garage", form="plan", is_hidden="'kind'|answer == 'hut'")
    colours = [make_option("red", is_hidden="'kind'|answer == 'hut'"), make_option("blue")]
    make_question("colour", form="plan", type="choice", options=colours)
    make_question("streets", form="plan", type="table", row_form=make_form("row"))
    make_question("street", form="row")
    make_question("lane", form="row", is_hidden="'kind'|answer == 'hut'")
    make_question("elsewhere", form="other")
    document = make_document("plan", answers={"kind": "hut", "garage": "two"})
    make_table(document, "streets", [{"street": "Main Street", "lane": "Mill Lane"}])
    make_document("plan", answers={"kind": "house", "garage": "one"})
    return document


def answered(given: dict[str, Any]) -> list[list[str]]:
    found = nodes(ask(ANSWERS, filter=[given])["allDocuments"])
    return [[node["question"]["slug"] for node in nodes(document["answers"])] for document in found]


def test_answers_of_hidden_fields_are_left_out(plan: Document) -> None:
    assert answered({"visibleInContext": True}) == [["kind", "streets"], ["street"], ["kind", "garage"]]
    assert answered({"visibleInContext": True, "invert": True}) == [["garage"], ["lane"], []]
    everything = [["kind", "garage", "streets"], ["street", "lane"], ["kind", "garage"]]
    assert answered({"visibleInContext": False}) == everything


def test_it_costs_the_same_however_many_documents_there_are(plan: Document) -> None:
    counts = []
    answered({"visibleInContext": True})  # from now on the forms are kept in memory
    for number in (1, 10):
        for _ in range(number):
            make_document("plan", answers={"kind": "hut", "garage": "two"})
        counts.append(statements(ANSWERS, filter=[{"visibleInContext": True}]))
    assert counts[0] == counts[1] <= 6


def slugs(document: Document, **more: Any) -> set[str]:
    found = ask(QUESTIONS, filter=[{"visibleInDocument": str(document.pk)}], **more)
    return {node["slug"] for node in nodes(found["allQuestions"])}


def test_questions_that_are_visible_in_a_document(plan: Document) -> None:
    assert slugs(plan) == {"kind", "colour", "streets"}
    row = Document.objects.get(form="row")
    assert slugs(row) == {"street"}
    other = Document.objects.exclude(pk=plan.pk).get(form="plan")
    assert slugs(other) == {"kind", "garage", "colour", "streets"}


def test_options_that_are_visible_in_a_document(plan: Document) -> None:
    other = Document.objects.exclude(pk=plan.pk).get(form="plan")
    for document, expected in ((plan, ["blue"]), (other, ["red", "blue"])):
        [question] = nodes(
            ask(OPTIONS, slugs=["colour"], filter=[{"visibleInDocument": gid(document)}])["allQuestions"]
        )
        assert [node["slug"] for node in nodes(question["options"])] == expected


def test_options_of_several_questions_are_refused(plan: Document) -> None:
    make_question("second", form="plan", type="choice", options=[make_option("green")])
    answered = outcome(OPTIONS, slugs=["colour", "second"], filter=[{"visibleInDocument": gid(plan)}])
    assert "options of one question" in answered.body["errors"][0]["message"]


@pytest.mark.parametrize("document", ["00000000-0000-7000-8000-000000000000", "nonsense"])
def test_a_document_that_is_not_there_is_refused(plan: Document, document: str) -> None:
    error = refusal(QUESTIONS, filter=[{"visibleInDocument": document}])
    assert error["extensions"]["code"] in {"not_found", "invalid"}


def test_a_hidden_document_tells_nothing(plan: Document) -> None:
    secret = make_document("plan", answers={"kind": "hut"}, user=SECRET)
    error = refusal(QUESTIONS, filter=[{"visibleInDocument": str(secret.pk)}], context=hiding("Document"))
    assert error["extensions"]["code"] == "not_found"
    assert slugs(plan, context=hiding("Document")) == {"kind", "colour", "streets"}
