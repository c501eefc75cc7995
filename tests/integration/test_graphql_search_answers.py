"""`searchAnswers`: every word in some answer of the family, choices by their labels, and nothing that is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from caluma_async.graphql.form.searching_answers import words
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_dynamic_option,
    make_form,
    make_option,
    make_question,
    make_table,
    make_work_item,
)
from caluma_async.workflow.models import Case
from tests.api import ask, gid, nodes, refusal, statements
from tests.integration.test_graphql_has_answer import CASES, has
from tests.integration.test_graphql_visibility import SECRET, hiding

pytestmark = pytest.mark.django_db

TEXTS = ("street", "town", "built", "storeys", "colour", "extras", "builder", "street-of-row")


@pytest.fixture
def permit() -> Case:
    """A case with an answer of every kind that is searched."""
    row = make_form("row")
    make_question("street", form="plan")
    make_question("town", form="plan", type="textarea")
    make_question("built", form="plan", type="date")
    make_question("storeys", form="plan", type="integer")
    colours = [make_option("c1", label={"en": "Dark Red", "de": "Dunkelrot"}), make_option("c2", label="Blue")]
    make_question("colour", form="plan", type="choice", options=colours)
    make_question("extras", form="plan", type="multiple_choice", options=colours)
    make_question("builder", form="plan", type="dynamic_choice")
    make_question("total", form="plan", type="calculated_float")
    make_question("streets", form="plan", type="table", row_form=row)
    make_question("street-of-row", form="row")
    document = make_document(
        "plan", answers={"street": "Main Street 5", "town": "Old Berne", "storeys": 42, "total": 99, "colour": "c1"}
    )
    make_answer(document, "extras", ["c2"])
    make_answer(document, "built", date="1848-09-12")
    make_answer(document, "builder", "b7")
    make_dynamic_option(document, "builder", "b7", {"en": "Miller Ltd", "de": "Müller AG"})
    make_table(document, "streets", [{"street-of-row": "Mill Lane"}])
    make_case("permit", document=make_document("plan", answers={"street": "Elm Street 42"}))
    return make_case("permit", document=document)


def search(value: Any, lookup: str | None = None, **more: Any) -> dict[str, Any]:
    given = more or {"questions": list(TEXTS)}
    return {"searchAnswers": [{"value": value, "lookup": lookup, **given}]}


def found(given: dict[str, Any], **more: Any) -> list[str]:
    return [node["id"] for node in nodes(ask(CASES, filter=[given], **more)["allCases"])]


@pytest.mark.parametrize(
    ("value", "lookup", "is_found"),
    [
        ("main", None, True),
        ("MAIN berne", None, True),
        ("main nowhere", None, False),
        ('"main street"', None, True),
        ('"street main"', None, False),
        ('"main str', None, True),
        ("1848-09", None, True),
        (42, None, True),
        ("dark blue", None, True),
        ("c1", None, False),
        ("miller", None, True),
        ("b7", None, False),
        ("lane", None, True),
        ("99", None, False),
        ("%", None, False),
        ("ain", "STARTSWITH", False),
        ("mai", "STARTSWITH", True),
        ("mai", "EXACT_WORD", False),
        ("MAIN", "EXACT_WORD", True),
        ("street", "TEXT", True),
        ("stree", "TEXT", False),
        ("(5)", "TEXT", False),
        ("", None, True),
    ],
)
def test_every_word_is_somewhere_in_the_answers(permit: Case, value: Any, lookup: str | None, is_found: bool) -> None:
    assert (gid(permit) in found(search(value, lookup))) is is_found


def test_labels_are_read_in_the_active_language(permit: Case) -> None:
    with translation.override("de"):
        assert found(search("dunkelrot müller")) == [gid(permit)]
        assert found(search("dark")) == []


def test_options_of_other_questions_say_nothing(permit: Case) -> None:
    make_question("other", form="plan", type="choice")
    make_answer(make_case("permit", document=make_document("plan")).document, "other", "c1")
    assert found(search("dark", questions=["other"])) == []


def test_forms_stand_for_their_questions_and_those_below(permit: Case) -> None:
    assert found(search("main lane", forms=["plan"])) == [gid(permit)]
    assert found(search("lane", forms=["row"])) == [gid(permit)]
    assert found(search("main", forms=["row"])) == []
    assert found(search("main", forms=["row"], questions=["street"])) == []
    part = make_form("part")
    make_question("parts", form="plan", type="form", sub_form=part)
    make_question("deep", form="part")
    make_answer(permit.document, "deep", "under the roof")
    assert found(search("roof main", forms=["plan"])) == [gid(permit)]


def test_work_items_are_found_by_the_document_of_their_case(permit: Case) -> None:
    from_case = "query ($filter: [WorkItemFilterSetType]) { allWorkItems(filter: $filter) { totalCount } }"
    make_work_item(permit, "fill")
    for value, number in (("main", 1), ("elm", 0)):
        given = [{"caseSearchAnswers": [{"value": value, "questions": ["street"]}]}]
        assert ask(from_case, filter=given)["allWorkItems"]["totalCount"] == number


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"value": "x", "questions": []}, "needs questions or forms"),
        ({"value": {"a": 1}, "questions": ["street"]}, "looks for a text"),
        ({"value": True, "questions": ["street"]}, "looks for a text"),
        ({"value": "x", "questions": ["nowhere"]}, "no question 'nowhere'"),
        ({"value": "a " * 30, "questions": ["street"]}, "20 words at most"),
        ({"value": "a" * 2000, "questions": ["street"]}, "1000 characters at most"),
    ],
)
def test_what_makes_no_sense_is_refused(permit: Case, given: dict[str, Any], complaint: str) -> None:
    assert complaint in refusal(CASES, filter=[{"searchAnswers": [given]}])["message"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a "b c" d', ["a", "b c", "d"]),
        ('"b c', ["b c"]),
        ('a"b c"', ["a", "b c"]),
        ('""', []),
        ("  ", []),
    ],
)
def test_words_and_phrases(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize("model", ["Answer", "Document", "Case", "Question"])
def test_what_is_hidden_is_not_betrayed(model: str) -> None:
    make_question("secret" if model == "Question" else "street", form="plan", user=SECRET)
    slug = "secret" if model == "Question" else "street"
    document = make_document("plan", user=SECRET if model == "Document" else User("anna"))
    make_answer(document, slug, "Main Street", user=SECRET)
    case = make_case("permit", document=document, user=SECRET)
    for given in (search("main", questions=[slug]), has(slug, "Main Street")):
        assert found(given) == [gid(case)]
        if model == "Question":
            assert "no question" in refusal(CASES, filter=[given], context=hiding(model))["message"]
        else:
            assert found(given, context=hiding(model)) == []


def test_rows_that_are_hidden_are_not_betrayed(permit: Case) -> None:
    permit.document.family.answers.get(question="streets").documents.update(created_by_user="secret")
    assert found(search("lane")) == [gid(permit)]
    assert found(search("lane"), context=hiding("Document")) == []
    assert found(has("street-of-row", "Mill Lane"), context=hiding("Document")) == []


def test_it_costs_one_statement_more_for_each_level_of_forms(permit: Case) -> None:
    query = "query ($filter: [CaseFilterSetType]) { allCases(filter: $filter) { edges { node { id } } } }"
    assert statements(query, filter=[search("main lane", questions=["street"])]) == 2
    assert statements(query, filter=[search("main lane", forms=["plan"])]) == 3


@pytest.mark.parametrize("model", ["WorkItem", "Document", "Answer"])
def test_work_items_that_are_hidden_do_not_betray_their_case(model: str) -> None:
    make_question("street", form="plan")
    document = make_document("plan", user=SECRET)
    make_answer(document, "street", "Main Street", user=SECRET)
    case = make_case("permit")
    make_work_item(case, "fill", document=document, user=SECRET)
    given = {"workItemDocumentHasAnswer": [{"question": "street", "value": "Main Street"}]}
    assert found(given) == [gid(case)]
    assert found(given, context=hiding(model)) == []
