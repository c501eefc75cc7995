"""What a client asks for to show a form: questions, sub forms, options and answers, in one request."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.form.models import Document
from caluma_async.testing.factories import make_answer, make_document, make_form, make_question, make_table
from tests.api import ask, gid, nodes, statements

pytestmark = pytest.mark.django_db

PAGE = """
query ($id: ID!) { allDocuments(filter: [{id: $id}]) { edges { node {
    id meta form { slug name questions { edges { node { ...question
        ... on FormQuestion { subForm { slug questions { edges { node { ...question } } } } } } } } }
    answers { edges { node { id question { slug }
        ... on StringAnswer { string: value } ... on IntegerAnswer { int: value }
        ... on ListAnswer { list: value }
        ... on TableAnswer { rows: value { id form { slug } answers { edges { node { id question { slug }
            ... on StringAnswer { string: value } } } } } } } } } } } } }
fragment question on Question { id slug label isRequired isHidden infoText meta
    ... on TextQuestion { minLength maxLength placeholder } ... on IntegerQuestion { minValue maxValue }
    ... on ChoiceQuestion { options { edges { node { slug label isArchived } } } }
    ... on MultipleChoiceQuestion { options { edges { node { slug label isArchived } } } }
    ... on TableQuestion { rowForm { slug questions { edges { node { slug label
        ... on ChoiceQuestion { options { edges { node { slug label } } } } } } } } }
    ... on CalculatedFloatQuestion { calcExpression } }"""


COST = 14
"""Statements. Options of choices and of multiple choices are loaded apart, at each of the places."""


def permit(forms: int, questions: int, rows: int) -> Document:
    """A document of a form with sub forms of so many questions each, and a table of so many rows."""
    make_form("permit")
    document = make_document("permit")
    row = make_form("row")
    make_question("cell", form="row")
    make_question("cell-choice", form="row", type="choice", options=["yes", "no"])
    make_question("kind", form="permit", type="choice", options=["small", "large"])
    make_question("zones", form="permit", type="multiple_choice", options=["north", "south"])
    make_question("streets", form="permit", type="table", row_form=row)
    for number in range(forms):
        inner = make_form(f"part-{number}")
        make_question(f"to-{number}", form="permit", type="form", sub_form=inner)
        for each in range(questions):
            key = f"{number}-{each}"
            make_question(f"text-{key}", form=inner)
            make_question(f"choice-{key}", form=inner, type="choice", options=[f"a-{key}", f"b-{key}"])
            make_question(f"several-{key}", form=inner, type="multiple_choice", options=[f"a-{key}"])
            make_answer(document, f"text-{key}", "x")
            make_answer(document, f"several-{key}", [f"a-{key}"])
        table = make_question(f"table-{number}", form=inner, type="table", row_form=row)
        make_table(document, table, [{"cell": "x"}] * rows)
    return document


def page(document: Document) -> Any:
    [found] = nodes(ask(PAGE, id=gid(document))["allDocuments"])
    return found


def test_a_page_shows_the_form_with_its_sub_forms_and_all_answers() -> None:
    found = page(permit(2, 2, 3))
    outer = nodes(found["form"]["questions"])
    assert [each["slug"] for each in outer] == ["kind", "zones", "streets", "to-0", "to-1"]
    inner = nodes(outer[3]["subForm"]["questions"])
    assert [each["slug"] for each in inner][:3] == ["text-0-0", "choice-0-0", "several-0-0"]
    assert [each["slug"] for each in nodes(inner[1]["options"])] == ["a-0-0", "b-0-0"]
    tables = [each for each in nodes(found["answers"]) if "rows" in each]
    assert [len(each["rows"]) for each in tables] == [3, 3]


@pytest.mark.parametrize(("forms", "questions", "rows"), [(1, 1, 1), (3, 8, 20)])
def test_a_page_costs_the_same_however_large_the_form_is(forms: int, questions: int, rows: int) -> None:
    assert statements(PAGE, id=gid(permit(forms, questions, rows))) == COST
