"""Whether a document is valid: which answers are missing, which are wrong, and what it costs to find out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import InvalidExpression, InvalidInput, Refused
from caluma_async.form.api import check_document
from caluma_async.form.definitions import catalogue
from caluma_async.form.loading import structure, structures
from caluma_async.form.models import Answer, Document, Question
from caluma_async.form.validation import Complaint, complaint_about, complaints
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_answer,
    make_document,
    make_dynamic_option,
    make_file,
    make_form,
    make_option,
    make_question,
    make_table,
)
from tests.integration import listed_classes

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])


def missing(document: Document) -> list[str]:
    """The questions that something is wrong with, as the error lists them."""
    try:
        check_document(document, ANNA)
    except InvalidInput as error:
        return list(error.fields)
    return []


def found(document: Document, context: Any = None) -> list[Complaint]:
    return complaints(structure(document.pk), ANNA, context)


def messages(document: Document, context: Any = None) -> list[tuple[str, str]]:
    return [(each.slug, each.message) for each in found(document, context)]


def test_an_incomplete_document_is_refused_with_all_that_is_missing() -> None:
    make_question("name", form="plan", is_required="true")
    make_question("address", form="plan", is_required="true")
    document = make_document("plan")
    with pytest.raises(InvalidInput) as caught:
        check_document(document, ANNA)
    assert caught.value.message == (
        f"Document {document.pk} is not complete: the required questions 'name', 'address' have no answer."
    )
    assert caught.value.fields == dict.fromkeys(["name", "address"], "An answer is required.")


def test_a_document_with_wrong_answers_is_refused_with_what_is_wrong() -> None:
    make_question("name", form="plan", is_required="true")
    make_question("size", form="plan", type="integer", configuration={"max_value": 9})
    document = make_document("plan", answers={"size": 10})
    with pytest.raises(InvalidInput) as caught:
        check_document(document, ANNA)
    assert caught.value.message == (
        f"Document {document.pk} is not valid. "
        "'name': An answer is required. 'size': The value must be 9 or less, not 10."
    )


@pytest.mark.parametrize("empty", [None, "", []])
def test_an_empty_answer_is_none(empty: Any) -> None:
    make_question("name", form="plan", is_required="true")
    assert missing(make_document("plan", answers={"name": empty})) == ["name"]


@pytest.mark.parametrize(("kind", "answer"), [("integer", 0), ("float", 0.0), ("text", "0"), ("text", " ")])
def test_an_answer_that_is_falsy_is_one(kind: str, answer: Any) -> None:
    make_question("name", form="plan", type=kind, is_required="true")
    assert missing(make_document("plan", answers={"name": answer})) == []


def test_a_date_is_an_answer() -> None:
    make_question("day", form="plan", type=Question.TYPE_DATE, is_required="true")
    document = make_document("plan")
    assert missing(document) == ["day"]
    make_answer(document, "day", date=dt.date(2024, 2, 29))
    assert missing(document) == []


def test_a_file_suffices_and_a_table_needs_a_row() -> None:
    make_question("papers", form="plan", type="files", is_required="true")
    make_question("rows", form="plan", type="table", row_form=make_form("row"), is_required="true")
    document = make_document("plan")
    papers = make_answer(document, "papers")
    table = make_table(document, "rows")
    assert missing(document) == ["papers", "rows"]
    make_file(papers, "plan.pdf")
    table.delete()
    make_table(document, "rows", [{}])
    assert missing(document) == []


def test_the_answer_of_another_document_does_not_count() -> None:
    make_question("name", form="plan", is_required="true")
    make_document("plan", answers={"name": "Anna"})
    assert missing(make_document("plan")) == ["name"]


@pytest.mark.parametrize(
    ("is_required", "is_hidden", "demanded"),
    [
        ("true", "false", True),
        ("true", "", True),
        ("true", "true", False),
        ("'other'|answer == 'yes'", "false", True),
        ("'other'|answer == 'no'", "false", False),
        ("true", "'other'|answer == 'yes'", False),
        ("info.form == 'plan'", "false", True),
        ("!info.case", "false", True),
        ("true", "info.case.meta.hide", True),
        ("true || anything", "false", True),
    ],
)
def test_what_expressions_say_is_demanded(is_required: str, is_hidden: str, demanded: bool) -> None:
    make_question("other", form="plan")
    make_question("name", form="plan", is_required=is_required, is_hidden=is_hidden)
    assert missing(make_document("plan", answers={"other": "yes"})) == (["name"] if demanded else [])


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"is_required": "true &&"}, "isRequired"),
        ({"is_hidden": "nonsense("}, "isHidden"),
        ({"is_hidden": "'nowhere'|answer"}, "isHidden"),
    ],
)
def test_an_expression_that_fails_ends_it_all(columns: dict[str, Any], named: str) -> None:
    make_question("name", form="plan", **columns)
    with pytest.raises(InvalidExpression, match=f"Question 'name', {named}: .*the expression"):
        check_document(make_document("plan"), ANNA)


@pytest.mark.parametrize("kind", ["static", "action_button", "form"])
def test_questions_that_nobody_can_answer_are_not_demanded(kind: str) -> None:
    make_question("name", form="plan", type=kind, is_required="true")
    assert missing(make_document("plan")) == []


def test_the_questions_of_sub_forms_are_answered_in_the_same_document() -> None:
    make_question("inner", form="deep", is_required="true")
    make_question("sub-name", form="sub", is_required="true")
    make_question("deep-link", form="sub", type="form", sub_form_id="deep")
    make_question("to-sub", form="plan", type="form", sub_form_id="sub")
    make_question("name", form="plan", is_required="true")
    document = make_document("plan")
    assert missing(document) == ["sub-name", "inner", "name"]
    make_answer(document, "inner", "x")
    assert missing(document) == ["sub-name", "name"]


def test_what_a_hidden_question_encloses_is_not_demanded() -> None:
    make_question("sub-name", form="sub", is_required="true")
    make_question("to-sub", form="plan", type="form", sub_form_id="sub", is_hidden="true")
    assert missing(make_document("plan")) == []


def test_forms_that_contain_each_other_are_refused_by_name() -> None:
    make_form("plan")
    make_question("to-itself", form="plan", type="form", sub_form_id="plan")
    with pytest.raises(Refused, match="The forms contain each other: plan → plan"):
        missing(make_document("plan"))


def test_a_sub_form_in_two_places_is_complained_about_once() -> None:
    make_question("name", form="sub", is_required="true")
    for slug in ("one", "two"):
        make_question(slug, form="plan", type="form", sub_form_id="sub")
    assert len(found(make_document("plan"))) == 1


def test_each_row_is_told_by_its_document() -> None:
    make_question("rows", form="plan", type="table", row_form=make_form("row"))
    make_question("street", form="row", is_required="true")
    document = make_document("plan")
    table = make_table(document, "rows", [{"street": "x"}, {"street": ""}, {}])
    _, second, third = table.documents.order_by("-answerdocument__sort")
    assert [(each.slug, each.document) for each in found(document)] == [("street", second.pk), ("street", third.pk)]
    assert found(second) == found(document)


@pytest.mark.parametrize(
    ("kind", "configuration", "value", "complaint"),
    [
        ("text", {}, "a" * 5_000, None),
        ("text", {"min_length": 2, "max_length": 3}, "ab", None),
        ("text", {"min_length": 2}, "a", "The text must have 2 characters or more, not 1."),
        ("textarea", {"max_length": 2}, "abc", "The text must have 2 characters or less, not 3."),
        ("text", {}, 3, "value must be a text."),
        ("integer", {"min_value": 0}, 0, None),
        ("integer", {"min_value": 1}, -1, "The value must be 1 or more, not -1."),
        ("integer", {"max_value": 1}, 2, "The value must be 1 or less, not 2."),
        ("integer", {}, True, "The value must be a whole number, not 'True'."),
        ("integer", {}, 1.5, "The value must be a whole number, not '1.5'."),
        ("float", {"step": 0.5}, 1, None),
        ("float", {"max_value": 1.5}, 1.6, "The value must be 1.5 or less, not 1.6."),
        ("float", {}, "1", "The value must be a number, not '1'."),
        ("float", {}, True, "The value must be a number, not 'True'."),
        ("date", {}, "2024-02-30", "The value must be a date such as 2024-02-29, not '2024-02-30'."),
        ("date", {}, 3, "The value must be a date such as 2024-02-29, not '3'."),
        ("choice", {}, "a", None),
        ("choice", {}, "b", "'b' cannot be chosen here."),
        ("choice", {}, "c", "'c' cannot be chosen here."),
        ("choice", {}, ["a"], "value must be a text."),
        ("multiple_choice", {}, ["a", "a"], None),
        ("multiple_choice", {}, ["a", "b", "x"], "'b', 'x' cannot be chosen here."),
        ("multiple_choice", {}, "a", "The value must be a list."),
        ("multiple_choice", {}, [1], "value must be a text."),
        ("calculated_float", {}, 3, None),
        ("static", {}, "x", None),
    ],
)
def test_an_answer_fits_its_question(kind: str, configuration: Any, value: Any, complaint: str | None) -> None:
    make_question("other", form="plan")
    make_option("b", is_hidden="'other'|answer('x') == 'x'")
    make_option("c", is_hidden="true")
    make_question("q", form="plan", type=kind, configuration=configuration, options=["a", "b", "c"])
    document = make_document("plan", answers={"q": value})
    expected = [] if complaint is None else [("q", complaint)]
    assert messages(document) == expected
    assert [complaint_about(structure(document.pk), document.pk, "q", ANNA)] == (found(document) or [None])


def test_a_hidden_answer_may_be_anything() -> None:
    make_question("q", form="plan", type="integer", is_hidden="true")
    document = make_document("plan", answers={"q": "no number"})
    assert found(document) == []
    assert complaint_about(structure(document.pk), document.pk, "q", ANNA) is not None


def test_what_is_not_asked_there_has_nothing_wrong() -> None:
    make_question("q", form="other", type="integer")
    document = make_document("plan", answers={"q": "no number"})
    assert complaint_about(structure(document.pk), document.pk, "q", ANNA) is None


def test_options_may_be_hidden_by_other_answers() -> None:
    make_question("size", form="plan", type="integer")
    make_option("big", is_hidden="'size'|answer < 10")
    make_question("kind", form="plan", type="choice", options=["small", "big"])
    assert messages(make_document("plan", answers={"size": 9, "kind": "big"})) == [
        ("kind", "'big' cannot be chosen here.")
    ]
    assert messages(make_document("plan", answers={"size": 10, "kind": "big"})) == []


def test_an_option_that_cannot_be_evaluated_ends_it_all() -> None:
    make_option("a", is_hidden="'nowhere'|answer")
    make_question("kind", form="plan", type="choice", options=["a"])
    with pytest.raises(InvalidExpression, match="Question 'kind', isHidden of option 'a': "):
        found(make_document("plan", answers={"kind": "a"}))


@pytest.fixture
def _listed(settings: Any) -> None:
    settings.DATA_SOURCE_CLASSES = [f"{listed_classes.__name__}.{name}" for name in ("Towns", "OddNumbers")]
    settings.FORMAT_VALIDATOR_CLASSES = [f"{listed_classes.__name__}.PostalCode"]


@pytest.mark.usefixtures("_listed")
def test_dynamic_choices_are_those_of_the_data_source_and_those_recorded() -> None:
    make_question("town", form="plan", type="dynamic_choice", data_source="Towns")
    make_question("numbers", form="plan", type="dynamic_multiple_choice", data_source="OddNumbers")
    document = make_document("plan", answers={"town": "atlantis", "numbers": ["1", "2", "3", "4"]})
    assert messages(document) == [
        ("town", "'atlantis' cannot be chosen here."),
        ("numbers", "'2', '4' cannot be chosen here."),
    ]
    make_dynamic_option(document, "town", "atlantis")
    assert [slug for slug, _ in messages(document)] == ["numbers"]
    assert messages(document, {"even": True}) == [("numbers", "'1', '3' cannot be chosen here.")]


@pytest.mark.usefixtures("_listed")
def test_completing_hands_its_context_to_data_sources() -> None:
    make_question("numbers", form="plan", type="dynamic_multiple_choice", data_source="OddNumbers")
    document = make_document("plan", answers={"numbers": ["2"]})
    assert missing(document) == ["numbers"]
    check_document(document, ANNA, {"data_source_context": {"even": True}})


@pytest.mark.usefixtures("_listed")
def test_formats_are_checked_and_told_in_their_own_words() -> None:
    make_question("mail", form="plan", format_validators=["email"])
    make_question("code", form="plan", format_validators=["postal-code"])
    make_question("gone", form="plan", format_validators=["no-such-thing"])
    document = make_document("plan", answers={"mail": "anna@", "code": "999", "gone": "x"})
    assert [(each.slug, each.message, each.code) for each in found(document)] == [
        ("mail", "This is no e-mail address.", "format_validation_failed"),
        ("code", "999 is no postal code.", "format_validation_failed"),
        ("gone", "There is no format validator 'no-such-thing' any more.", "invalid"),
    ]


def test_a_structure_that_was_loaded_before_is_used() -> None:
    make_question("name", form="plan", is_required="true")
    document = make_document("plan")
    context = {"validation_context": structure(document.pk)}
    Answer.objects.create(document=document, question_id="name", value="x")
    with CaptureQueriesContext(connection) as captured, pytest.raises(InvalidInput):
        check_document(document, ANNA, context)
    assert len(captured) == 0
    another = make_document("plan")
    with pytest.raises(InvalidInput, match=str(another.pk)):
        check_document(another, ANNA, context)


@pytest.mark.usefixtures("_listed")
@pytest.mark.parametrize("count", [2, 20])
def test_the_number_of_statements_does_not_grow(count: int) -> None:
    make_form("row")
    make_form("sub")
    make_question("to-sub", form="plan", type="form", sub_form_id="sub")
    make_question("rows", form="plan", type="table", row_form_id="row")
    for number in range(count):
        make_question(f"text-{number}", form="sub", is_required="true", format_validators=["email"])
        make_question(f"choice-{number}", form="row", type="choice", options=["a"])
        make_question(f"town-{number}", form="row", type="dynamic_choice", data_source="Towns")
        make_question(f"files-{number}", form="row", type="files")
    documents = []
    for _ in range(2):
        document = make_document("plan", answers={f"text-{number}": "a@b.ch" for number in range(count)})
        row = {f"choice-{number}": "a" for number in range(count)} | {
            f"town-{number}": "bern" for number in range(count)
        }
        make_table(document, "rows", [row] * count)
        documents.append(document)
    assert statements(lambda: found(documents[0])) == 4 + 4 + 3
    assert statements(lambda: found(documents[0])) == 4 + 3
    assert statements(lambda: structures([document.pk for document in documents])) == 4
    assert catalogue("plan").questions.keys() >= {"text-0", "choice-1"}


def statements(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)
