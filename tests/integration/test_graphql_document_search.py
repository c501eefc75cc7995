"""Filters and orders of documents and answers by what was answered."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_file,
    make_form,
    make_question,
    make_table,
)
from tests.api import ask, gid, nodes, refusal
from tests.integration.test_graphql_visibility import SECRET, hiding

pytestmark = pytest.mark.django_db

DOCUMENTS = """query ($filter: [DocumentFilterSetType], $order: [DocumentOrderSetType]) {
    allDocuments(filter: $filter, order: $order) { edges { node { id } } } }"""
ANSWERS = """query ($filter: [AnswerFilterSetType]) { allDocuments { edges { node {
    answers(filter: $filter) { edges { node { question { slug } } } } } } } }"""


def found(given: Any = None, order: Any = None, **more: Any) -> list[str]:
    answer = ask(DOCUMENTS, filter=[] if given is None else [given], order=[] if order is None else [order], **more)
    return [node["id"] for node in nodes(answer["allDocuments"])]


def test_documents_are_found_by_answers() -> None:
    make_question("streets", form="plan", type="table", row_form=make_form("row"))
    make_question("street", form="row")
    document = make_document("plan")
    row = make_table(document, "streets", [{"street": "Main Street"}]).documents.get()
    make_document("plan")
    wanted = {"question": "street", "value": "Main Street"}
    assert found({"hasAnswer": [wanted]}) == [gid(document)]
    assert found({"hasAnswer": [{**wanted, "hierarchy": "DIRECT"}]}) == [gid(row)]
    assert found({"searchAnswers": [{"value": "main", "forms": ["plan"]}]}) == [gid(document)]
    assert found({"rootDocument": gid(document)}) == [gid(document), gid(row)]


def test_documents_are_searched_by_form_values_and_files() -> None:
    make_question("street", form=make_form("plan", name="Building permit", description={"en": "Red tape"}))
    make_question("day", form="plan", type="date")
    make_question("marks", form="plan", type="multiple_choice")
    make_question("papers", form="plan", type="files")
    document = make_document("plan", answers={"street": 'Main "Ä" Street', "marks": ["big", "blue"]})
    make_answer(document, "day", date="2024-02-01")
    for name in ("site-plan.pdf", "roof.pdf"):
        make_file(
            make_answer(document, "papers") if name == "site-plan.pdf" else document.answers.get(question="papers"),
            name,
        )
    other = make_document("other")
    for text in ("main street", "PLAN", "permit", "tape blue", "2024-02", "roof main", '"Ä"'):
        assert found({"search": text}) == [gid(document)], text
    for text in ("main nowhere", "%", "street-of"):
        assert found({"search": text}) == [], text
    assert found({"search": "other"}) == [gid(other)]
    assert found({"search": "roof", "invert": True}) == [gid(other)]


def test_answers_are_searched_by_value_and_files() -> None:
    make_question("street", form="plan")
    make_question("papers", form="plan", type="files")
    document = make_document("plan", answers={"street": "Main Street"})
    make_file(make_answer(document, "papers"), "main.pdf")

    def slugs(text: str) -> list[str]:
        [answered] = nodes(ask(ANSWERS, filter=[{"search": text}])["allDocuments"])
        return [node["question"]["slug"] for node in nodes(answered["answers"])]

    assert slugs("main") == ["street", "papers"]
    assert slugs("main street") == ["street"]
    assert slugs("pdf") == ["papers"]


@pytest.mark.parametrize("model", ["Answer", "File", "Form"])
def test_a_search_does_not_betray_what_is_hidden(model: str) -> None:
    make_form("plan", name="Permit", user=SECRET)
    make_question("papers", form="plan", type="files")
    document = make_document("plan")
    make_file(make_answer(document, "papers", user=SECRET), "roof.pdf", user=SECRET)
    text = "permit" if model == "Form" else "roof"
    assert found({"search": text}) == [gid(document)]
    assert found({"search": text}, context=hiding(model)) == []


SORTED: list[tuple[str, list[Any], list[int]]] = [
    ("text", ["b", "a", None], [1, 0, 2]),
    ("integer", [10, 9, -1], [2, 1, 0]),
    ("float", [0.5, -2, 10], [1, 0, 2]),
    ("calculated_float", [3, 1, 2], [1, 2, 0]),
    ("date", ["2024-02-01", "2023-01-01", None], [1, 0, 2]),
    ("choice", ["red", "blue", "green"], [1, 2, 0]),
    ("files", ["c.pdf", "a.pdf", "b.pdf"], [1, 2, 0]),
]


@pytest.mark.parametrize(("kind", "values", "places"), SORTED)
def test_documents_are_sorted_by_an_answer(kind: str, values: list[Any], places: list[int]) -> None:
    make_question("asked", form="plan", type=kind)
    documents = []
    for value in values:
        documents.append(make_document("plan"))
        given = {"date": value} if kind == "date" else {} if kind == "files" else {"value": value}
        answer = make_answer(documents[-1], "asked", **given)
        if kind == "files":
            make_file(answer, value)
            make_file(answer, "0.pdf")
    expected = [gid(documents[place]) for place in places]
    assert found(order={"answerValue": "asked"}) == expected
    assert found(order={"answerValue": "asked", "direction": "DESC"}) == expected[::-1]


@pytest.mark.parametrize("kind", ["multiple_choice", "dynamic_multiple_choice", "table", "form", "static"])
def test_nothing_is_sorted_by_lists_and_tables(kind: str) -> None:
    make_question("asked", form="plan", type=kind)
    assert "nothing can be sorted" in refusal(DOCUMENTS, order=[{"answerValue": "asked"}])["message"]


def test_cases_are_sorted_by_the_first_file() -> None:
    make_question("papers", form="plan", type="files")
    cases = []
    for name in ("b.pdf", "a.pdf"):
        document = make_document("plan")
        make_file(make_answer(document, "papers"), name)
        cases.append(make_case("permit", document=document))
    query = 'query { allCases(order: [{documentAnswer: "papers"}]) { edges { node { id } } } }'
    assert [node["id"] for node in nodes(ask(query)["allCases"])] == [gid(case) for case in cases[::-1]]
