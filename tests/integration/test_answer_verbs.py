"""Answers of each kind: made, changed, emptied and removed, and what is refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db.models.signals import post_save

from caluma_async.errors import CalumaError, InvalidInput, NotFound, Refused
from caluma_async.events import filter_events, on
from caluma_async.events.receivers import registry
from caluma_async.form import events
from caluma_async.form.api import aremove_answer, asave_answer, remove_answer, save_answer
from caluma_async.form.models import Answer, Document, DynamicOption
from caluma_async.form.verbs import (
    RemoveAnswer,
    SaveDocumentDateAnswer,
    SaveDocumentFloatAnswer,
    SaveDocumentIntegerAnswer,
    SaveDocumentListAnswer,
    SaveDocumentStringAnswer,
    SaveDocumentTableAnswer,
)
from caluma_async.testing.factories import make_answer, make_document, make_question
from caluma_async.verbs import run
from tests.integration.documents_stage import ANNA, BEN, EACH, emitted, make_plan, make_row, stored, value_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_receivers_left() -> Iterator[None]:
    with registry.isolated():
        yield


@pytest.fixture
def document() -> Document:
    make_plan()
    return make_document("plan")


@pytest.mark.parametrize("question", EACH)
def test_an_answer_is_made_changed_emptied_and_removed(document: Document, question: str) -> None:
    made = save_answer(question, document, ANNA, EACH[question], meta={"a": 1})
    assert value_of(document, question) == EACH[question]
    changed = save_answer(question, document, BEN, None)
    assert (changed.pk, value_of(document, question)) == (made.pk, None)
    answer = Answer.objects.get()
    assert (answer.meta, answer.created_by_user, answer.modified_by_user) == ({"a": 1}, "anna", "ben")
    removed = remove_answer(answer, ANNA)
    assert removed.pk == made.pk
    assert not Answer.objects.exists()


def test_a_value_that_is_left_out_empties_and_meta_that_is_left_out_stays(document: Document) -> None:
    save_answer("text", document, ANNA, "a", meta={"a": 1})
    run(SaveDocumentStringAnswer(ANNA, document=document, question="text"))
    answer = Answer.objects.get()
    assert (answer.value, answer.meta) == (None, {"a": 1})
    run(SaveDocumentStringAnswer(ANNA, document=document, question="text", value="b", meta=None))
    answer = Answer.objects.get()
    assert (answer.value, answer.meta) == ("b", {})


@pytest.mark.parametrize(("question", "value"), [("text", ""), ("multiple_choice", []), ("float", 3), ("integer", -5)])
def test_values_are_kept_as_they_are(document: Document, question: str, value: Any) -> None:
    save_answer(question, document, ANNA, value)
    assert value_of(document, question) == value
    assert type(value_of(document, question)) is type(value)


def test_a_date_may_be_a_text(document: Document) -> None:
    save_answer("date", document, ANNA, "2030-01-31")
    assert value_of(document, "date") == EACH["date"]


def test_the_questions_of_sub_forms_are_answered_in_the_same_document(document: Document) -> None:
    save_answer("inner", document, ANNA, "deep")
    assert value_of(document, "inner") == "deep"


def test_hidden_questions_may_be_answered(document: Document) -> None:
    make_question("secret", form="plan", is_hidden="true")
    save_answer("secret", document, ANNA, "x")
    assert value_of(document, "secret") == "x"


WRONG: list[tuple[str, Any, str]] = [
    ("text", 3, "must be a text"),
    ("text", "a\x00b", "cannot be stored"),
    ("text", "x" * 10_000_000, "no larger than"),
    ("integer", True, "must be a whole number"),
    ("integer", 2.5, "must be a whole number"),
    ("integer", "3", "must be a whole number"),
    ("integer", 2**31, "must be a whole number from"),
    ("float", float("nan"), "must be a number, which nan is not"),
    ("float", float("inf"), "must be a number, which inf is not"),
    ("float", 10**400, "too large a number"),
    ("float", True, "must be a number"),
    ("date", "31.1.2030", "must be a date such as"),
    ("date", 3, "must be a date such as"),
    ("multiple_choice", "red", "must be a list of texts"),
    ("multiple_choice", ["red", None], "must be a text"),
    ("multiple_choice", ["x" * 5_000_000, "y" * 5_000_000], "no larger than"),
    ("table", "x", "must be a list of documents"),
    ("table", [None], "must be a uuid"),
    ("table", ["x"], "must be a uuid"),
    ("files", "x", "must be a list of files"),
    ("files", [3], "must be a list of files"),
    ("files", [{"name": ""}], "must have 1 to 255 characters"),
    ("files", [{"name": "x" * 256}], "must have 1 to 255 characters"),
    ("files", [{}], "must be a text"),
    ("files", [{"name": "a", "size": 3}], "a file has no size"),
    ("files", [{"name": "a", "id": "x"}], "must be a uuid"),
    ("files", [{"name": "a", "id": uuid.uuid4()}], "There is no file"),
]


@pytest.mark.parametrize(("question", "value", "message"), WRONG)
def test_a_value_that_is_none_is_refused(document: Document, question: str, value: Any, message: str) -> None:
    before = stored()
    with pytest.raises(InvalidInput, match=message) as caught:
        save_answer(question, document, ANNA, value)
    assert caught.value.field == "value"
    assert stored() == before


@pytest.mark.parametrize(
    ("verb", "question", "message"),
    [
        (SaveDocumentStringAnswer, "integer", "is of type integer: SaveDocumentIntegerAnswer answers it"),
        (SaveDocumentIntegerAnswer, "float", "is of type float: SaveDocumentFloatAnswer answers it"),
        (SaveDocumentFloatAnswer, "date", "is of type date: SaveDocumentDateAnswer answers it"),
        (SaveDocumentDateAnswer, "multiple_choice", "SaveDocumentListAnswer answers it"),
        (SaveDocumentListAnswer, "table", "SaveDocumentTableAnswer answers it"),
        (SaveDocumentTableAnswer, "files", "SaveDocumentFilesAnswer answers it"),
        (SaveDocumentStringAnswer, "form", "is of type form: it has no answers"),
        (SaveDocumentStringAnswer, "static", "is of type static: it has no answers"),
        (SaveDocumentFloatAnswer, "fee", "is calculated, not answered"),
        (SaveDocumentStringAnswer, "elsewhere", "is none of the form 'plan'"),
        (SaveDocumentIntegerAnswer, "size", "is none of the form 'plan'"),
    ],
)
def test_a_question_that_cannot_be_answered_so_is_refused(
    document: Document, verb: Callable[..., Any], question: str, message: str
) -> None:
    make_question("fee", form="plan", type="calculated_float", calc_expression="1")
    make_question("elsewhere", form="other")
    before = stored()
    with pytest.raises(InvalidInput, match=message) as caught:
        run(verb(ANNA, document=document, question=question))
    assert caught.value.field == "question"
    assert stored() == before


@pytest.mark.parametrize(
    ("given", "error", "field"),
    [
        ({"document": None}, InvalidInput, "document"),
        ({"document": "nonsense"}, NotFound, "document"),
        ({"document": uuid.uuid4()}, NotFound, "document"),
        ({"question": None}, InvalidInput, "question"),
        ({"question": "nowhere"}, NotFound, "question"),
        ({"question": "no slug!"}, NotFound, "question"),
        ({"odd": 1}, InvalidInput, "odd"),
        ({"meta": []}, InvalidInput, "meta"),
    ],
)
def test_wrong_input_is_refused(
    document: Document, given: dict[str, Any], error: type[CalumaError], field: str
) -> None:
    with pytest.raises(error) as caught:
        run(SaveDocumentStringAnswer(ANNA, **{"document": document, "question": "text", "value": "a", **given}))
    assert caught.value.field == field
    assert not Answer.objects.exists()


@pytest.mark.parametrize("question", ["nowhere", "no slug!", None])
def test_the_function_finds_no_verb_for_an_unknown_question(document: Document, question: Any) -> None:
    with pytest.raises(NotFound):
        save_answer(question, document, ANNA, "x")


def test_an_answer_to_a_question_of_a_row_is_given_in_the_row(document: Document) -> None:
    row = make_row(document)
    save_answer("size", row, ANNA, 3)
    assert value_of(row, "size") == 3


def test_a_receiver_may_change_what_is_saved(document: Document) -> None:
    @on(events.pre_save_answer)
    def trim(sender: Any, validated_data: Any, **_: Any) -> None:
        validated_data["value"] = validated_data["value"].strip()

    save_answer("text", document, ANNA, "  a ")
    assert value_of(document, "text") == "a"


def test_what_a_receiver_puts_in_is_checked(document: Document) -> None:
    @on(events.pre_save_answer)
    def spoil(sender: Any, validated_data: Any, **_: Any) -> None:
        validated_data["value"] = 3

    with pytest.raises(InvalidInput, match="must be a text"):
        save_answer("text", document, ANNA, "a")
    assert not Answer.objects.exists()


def test_events_tell_what_was_there_before(document: Document) -> None:
    with emitted() as seen:
        answer = save_answer("integer", document, ANNA, 1)
        save_answer("integer", document, ANNA, 2)
        remove_answer(answer, ANNA)
    told = [(event.name, event.arguments.get("created"), event.arguments.get("previous")) for event in seen]
    assert told == [
        ("pre_save_answer", True, None),
        ("post_save_answer", True, None),
        ("pre_save_answer", False, 1),
        ("post_save_answer", False, 1),
        ("pre_remove_answer", None, None),
        ("post_remove_answer", None, 2),
    ]
    assert [event.sender for event in seen[1::2]] == [SaveDocumentIntegerAnswer] * 2 + [RemoveAnswer]
    assert (seen[0].arguments["answer"], seen[2].arguments["answer"]) == (None, answer)
    assert {event.arguments["question"].pk for event in seen} == {"integer"}
    assert seen[-1].arguments["answer_id"] == answer.pk


def test_the_lane_of_answers_is_their_family(document: Document) -> None:
    row = make_row(document)
    with emitted() as seen:
        save_answer("size", row, ANNA, 3)
        save_answer("text", document, ANNA, "a")
        lanes = [event.type.lane(event.arguments) for event in seen if event.type.lane]
    assert set(lanes) == {f"document:{document.pk}"}


def test_default_answers_are_not_removed_so(document: Document) -> None:
    default = make_answer(None, "text", "a")
    with pytest.raises(Refused, match="default answer"):
        remove_answer(default, ANNA)
    assert Answer.objects.filter(pk=default.pk).exists()


@pytest.mark.parametrize("key", ["nonsense", uuid.uuid4()])
def test_an_unknown_answer_is_not_removed(key: Any) -> None:
    with pytest.raises(NotFound) as caught:
        remove_answer(key, ANNA)
    assert caught.value.field == "answer"


def test_chosen_options_go_with_the_answer(document: Document) -> None:
    make_question("dynamic", form="plan", type="dynamic_choice", data_source="Any")
    answer = make_answer(document, "dynamic", "a")
    DynamicOption.objects.create(document=document, question_id="dynamic", slug="a", label="A")
    remove_answer(answer, ANNA)
    assert not DynamicOption.objects.exists()


def test_files_are_added_renamed_and_removed(document: Document) -> None:
    answer = save_answer("files", document, ANNA, [{"name": "a"}, {"name": "b"}, {"name": "c"}])
    assert value_of(document, "files") == ["a", "b", "c"]
    first, second, _ = answer.files.order_by("pk")
    save_answer("files", document, ANNA, [{"id": second.pk}, {"id": str(first.pk), "name": "A"}, {"name": "d"}])
    assert value_of(document, "files") == ["A", "b", "d"]
    assert set(answer.files.values_list("pk", flat=True)) >= {first.pk, second.pk}
    save_answer("files", document, ANNA)
    assert value_of(document, "files") == []


def test_the_file_of_another_answer_is_refused(document: Document) -> None:
    other = save_answer("files", make_document("plan"), ANNA, [{"name": "theirs"}]).files.get()
    before = stored()
    with pytest.raises(InvalidInput, match="There is no file"):
        save_answer("files", document, ANNA, [{"id": other.pk, "name": "mine"}])
    assert stored() == before


def test_files_are_told_one_by_one(document: Document) -> None:
    with emitted() as seen:
        answer = save_answer("files", document, ANNA, [{"name": "a"}])
        remove_answer(answer, ANNA)
    assert [event.name for event in seen] == [
        "pre_save_answer",
        "pre_create_file",
        "post_create_file",
        "post_save_answer",
        "pre_remove_answer",
        "pre_remove_file",
        "post_settle_blobs",
        "post_remove_file",
        "post_remove_answer",
    ]
    assert seen[-1].arguments["previous"] == ["a"]


def test_receivers_of_saved_answers_hear_of_them(document: Document) -> None:
    heard = []

    @on(post_save, sender=Answer)
    @filter_events(lambda instance: instance.question_id == "text")
    def listen(sender: Any, instance: Answer, created: bool, **_: Any) -> None:
        heard.append((instance.value, created))

    save_answer("text", document, ANNA, "a")
    save_answer("text", document, ANNA, "b")
    save_answer("textarea", document, ANNA, "c")
    assert heard == [("a", True), ("b", False)]


def test_each_function_has_an_async_twin(document: Document) -> None:
    answer = async_to_sync(asave_answer)("text", document, ANNA, "a")
    assert value_of(document, "text") == "a"
    async_to_sync(aremove_answer)(answer, ANNA)
    assert not Answer.objects.exists()
