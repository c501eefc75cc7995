"""The classes that a site lists for its forms, what they offer, and what of it is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from caluma_async.errors import InvalidFormat, InvalidInput, Misconfigured
from caluma_async.form.calculation import recalculate
from caluma_async.form.checks import check_listed
from caluma_async.form.data_sources import data_source, data_sources
from caluma_async.form.format_validators import format_validators
from caluma_async.form.models import Answer, DynamicOption, Question
from caluma_async.form.options import record
from caluma_async.form.validation import check_answer
from caluma_async.form.verbs import CopyDocument
from caluma_async.identity import User
from caluma_async.records import LocalizedText
from caluma_async.testing.factories import make_document, make_dynamic_option, make_form, make_option, make_question
from caluma_async.verbs import run
from tests.integration import listed_classes

pytestmark = pytest.mark.django_db

ANNA, BEN = User("anna"), User("ben")
HERE = listed_classes.__name__


@pytest.fixture(autouse=True)
def _listed(settings: Any) -> Iterator[None]:
    names = ("Towns", "OddNumbers", "Failing", "FailingSoftly", "Cached", "Renumbering")
    settings.DATA_SOURCE_CLASSES = [f"{HERE}.{name}" for name in names]
    settings.FORMAT_VALIDATOR_CLASSES = [f"{HERE}.PostalCode"]
    listed_classes.asked.clear()
    cache.clear()
    yield
    cache.clear()


def offered(name: str, user: User = ANNA, context: Any = None) -> list[tuple[str, str | None]]:
    choices = data_source(name).choices(user, Question(pk="town"), context)
    return [(slug, label.translate()) for slug, label in choices]


def test_choices_are_texts_whatever_was_given() -> None:
    expected = [("thun", "thun"), ("bern", "Berne"), ("biel", "Biel/Bienne"), ("3600", "3600"), ("3000", "3000")]
    assert offered("Towns") == expected
    with override("de"):
        assert offered("Towns")[1] == ("bern", "Bern")


def test_a_source_that_fails_offers_its_default_or_says_so_without_details(caplog: pytest.LogCaptureFixture) -> None:
    assert offered("FailingSoftly") == [("thun", "thun")]
    assert "FailingSoftly failed" in caplog.text
    with pytest.raises(Misconfigured) as caught:
        offered("Failing")
    assert caught.value.message == "The data source Failing failed."
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_a_source_that_is_not_listed_is_none() -> None:
    with pytest.raises(Misconfigured, match="There is no data source 'Gone'"):
        data_source("Gone")


def test_what_a_source_returned_is_kept_per_arguments_and_user() -> None:
    assert offered("Cached") == [("anna", "anna"), ("None", "None")]
    assert offered("Cached") == [("anna", "anna"), ("None", "None")]
    assert len(listed_classes.asked) == 1
    assert offered("Cached", BEN) == [("ben", "ben"), ("None", "None")]
    assert offered("Cached", ANNA, {"a": 1})[1][0] == "{'a': 1}"
    assert offered("Cached", User("anna", groups=["other"]))[0][0] == "anna"
    assert len(listed_classes.asked) == 4


def test_the_classes_are_known_by_name() -> None:
    assert list(data_sources.every()) == ["Towns", "OddNumbers", "Failing", "FailingSoftly", "Cached", "Renumbering"]
    assert list(format_validators.every()) == ["postal-code", "email", "phone-number"]
    assert check_listed() == []


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        (f"{HERE}.Gone", "cannot be imported"),
        ("no_such_module.Towns", "cannot be imported"),
        (f"{HERE}.Towns", "is no subclass of BaseFormatValidator"),
        (f"{HERE}.Nameless", "has no name"),
        (f"{HERE}.AnotherPostalCode", "but there is a 'postal-code' before it"),
    ],
)
def test_a_class_that_cannot_be_used_is_complained_about(settings: Any, listed: str, complaint: str) -> None:
    settings.FORMAT_VALIDATOR_CLASSES = [f"{HERE}.PostalCode", listed]
    (error,) = check_listed()
    assert error.id == "form.E001"
    assert complaint in error.msg
    with pytest.raises(Misconfigured):
        format_validators.find("email")


@pytest.mark.parametrize(
    ("slug", "value", "fits"),
    [
        ("email", "anna@example.ch", True),
        ("email", "a.b+c@sub.example.ch", True),
        ("email", "anna@example", False),
        ("email", "anna example.ch", False),
        ("email", "an na@example.ch", False),
        ("email", "anna@@example.ch", False),
        ("email", "anna@" + "a." * 50_000, False),
        ("phone-number", "+41 31 123 45 67", True),
        ("phone-number", "031/123.45-67", True),
        ("phone-number", "0041311234567", True),
        ("phone-number", "31 123 45 67", False),
        ("phone-number", "+41", False),
        ("phone-number", "+41 31 123 45 67 x", False),
        ("phone-number", "0" * 50_000, False),
        ("postal-code", "3000", True),
        ("postal-code", "0300", False),
    ],
)
def test_a_format_fits(slug: str, value: str, fits: bool) -> None:
    question = make_question("q", format_validators=[slug])
    if fits:
        assert check_answer(question, value, None, ANNA) == {}
        return
    with pytest.raises(InvalidFormat) as caught:
        check_answer(question, value, None, ANNA)
    assert caught.value.code == "format_validation_failed"


def test_the_message_of_a_format_is_in_the_language_in_force() -> None:
    question = make_question("q", format_validators=["email"])
    with override("de"), pytest.raises(InvalidFormat, match="Das ist keine E-Mail-Adresse"):
        check_answer(question, "x", None, ANNA)


@pytest.mark.parametrize("value", [None, "", []])
@pytest.mark.parametrize("kind", Question.TYPES)
def test_no_answer_passes_everything(kind: str, value: Any) -> None:
    question = make_question("q", type=kind, format_validators=["email"], data_source="Failing")
    assert check_answer(question, value, None, ANNA) == {}


def test_an_answer_is_checked_before_it_is_saved() -> None:
    make_question("size", form="plan", type="integer")
    make_option("big", is_hidden="'size'|answer < 10")
    make_option("gone", is_hidden="true")
    question = make_question("kind", form="plan", type="choice", options=["small", "big", "gone"])
    small, large = (make_document("plan", answers={"size": size}) for size in (9, 10))
    check_answer(question, "big", large, ANNA)
    check_answer(question, "small", small, ANNA)
    for value, document in (("big", small), ("gone", large), ("other", large)):
        with pytest.raises(InvalidInput, match=f"'{value}' cannot be chosen here"):
            check_answer(question, value, document, ANNA)


def test_a_default_answer_may_be_a_hidden_option_but_no_foreign_one() -> None:
    make_option("gone", is_hidden="true")
    question = make_question("kind", type="choice", options=["gone"])
    check_answer(question, "gone", None, ANNA)
    with pytest.raises(InvalidInput, match="'other' cannot be chosen here"):
        check_answer(question, "other", None, ANNA)


def test_the_visibility_of_an_option_is_only_looked_at_where_the_question_is() -> None:
    make_option("a", is_hidden="'size'|answer(1) < 10")
    question = make_question("kind", form="elsewhere", type="choice", options=["a"])
    with pytest.raises(InvalidInput):
        check_answer(question, "a", make_document(make_form("plan")), ANNA)


def test_what_it_costs_to_check_a_choice() -> None:
    make_option("dear", is_hidden="'size'|answer < 10")
    question = make_question("kind", form="plan", type="choice", options=["cheap", "dear"])
    document = make_document("plan")
    with CaptureQueriesContext(connection) as captured:
        check_answer(question, "cheap", document, ANNA)
    assert len(captured) == 1


def test_chosen_labels_are_recorded_as_they_were() -> None:
    question = make_question("towns", form="plan", type="dynamic_multiple_choice", data_source="Towns")
    document = make_document("plan")

    def choose(*slugs: str) -> list[tuple[str, str]]:
        record(document, question, check_answer(question, list(slugs), document, ANNA), ANNA)
        options = DynamicOption.objects.filter(document=document, question=question)
        return [(option.slug, str(option.label)) for option in options.order_by("slug")]

    assert choose("bern", "3000") == [("3000", "3000"), ("bern", "Berne")]
    DynamicOption.objects.filter(slug="bern").update(label=LocalizedText(en="As it was"))
    assert choose("bern", "thun") == [("bern", "As it was"), ("thun", "thun")]
    assert choose() == []
    with pytest.raises(InvalidInput, match="'atlantis' cannot be chosen here"):
        choose("atlantis")


def test_a_choice_that_is_offered_no_more_stays_valid_where_it_was_chosen() -> None:
    question = make_question("town", form="plan", type="dynamic_choice", data_source="Towns")
    document, other = make_document("plan"), make_document("plan")
    record(document, question, {"atlantis": LocalizedText(en="Atlantis")}, ANNA)
    labels = check_answer(question, "atlantis", document, ANNA)
    assert {slug: str(label) for slug, label in labels.items()} == {"atlantis": "Atlantis"}
    for elsewhere in (other, None):
        with pytest.raises(InvalidInput):
            check_answer(question, "atlantis", elsewhere, ANNA)


def test_a_source_may_decide_by_itself() -> None:
    question = make_question("n", form="plan", type="dynamic_choice", data_source="OddNumbers")
    labels = check_answer(question, "7", make_document("plan"), ANNA)
    assert {slug: str(label) for slug, label in labels.items()} == {"7": "Number 7"}
    with pytest.raises(InvalidInput):
        check_answer(question, "7", None, ANNA, {"even": True})


def test_a_source_says_what_becomes_of_copied_choices() -> None:
    make_question("some", form="plan", type="dynamic_multiple_choice", data_source="Renumbering")
    make_question("one", form="plan", type="dynamic_choice", data_source="Renumbering")
    make_question("town", form="plan", type="dynamic_choice", data_source="Towns")
    make_question("gone", form="plan", type="dynamic_choice", data_source="NotListedAnyMore")
    make_question("count", form="plan", type="calculated_float", calc_expression="'some'|answer|length")
    document = make_document("plan", answers={"some": ["1", "2", "3"], "one": "3", "town": "bern", "gone": "x"})
    for question, slugs in {"some": ["1", "2", "3"], "one": ["3"], "town": ["bern"], "gone": ["x"]}.items():
        for slug in slugs:
            make_dynamic_option(document, question, slug)
    recalculate(document.pk, ANNA)
    copy = run(CopyDocument(ANNA, source=document.pk))
    values = dict(Answer.objects.filter(document=copy).values_list("question", "value"))
    assert values == {"some": ["1", "3"], "one": None, "town": "bern", "gone": "x", "count": 2}
    options = DynamicOption.objects.filter(document=copy).order_by("question", "slug")
    assert [(option.question_id, option.slug, str(option.label)) for option in options] == [
        ("gone", "x", "x"),
        ("some", "1", "1"),
        ("some", "3", "after 2"),
        ("town", "bern", "bern"),
    ]
    asked = {
        (Answer.objects.get(pk=old).document_id, Answer.objects.get(pk=new).document_id)
        for old, new in listed_classes.asked
    }
    assert asked == {(document.pk, copy.pk)}
    assert DynamicOption.objects.filter(document=document).count() == 6
