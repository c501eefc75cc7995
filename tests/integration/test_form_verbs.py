"""Saving forms and documents, and whether a document is complete."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.db.models import Model, QuerySet
from django.test.utils import CaptureQueriesContext

from caluma_async.access import Trusted
from caluma_async.errors import InvalidInput, NotFound
from caluma_async.form.api import (
    acreate_document,
    asave_form,
    check_document,
    create_document,
    create_documents,
    save_form,
)
from caluma_async.form.models import Document, Form, Question
from caluma_async.form.verbs import SaveDocument, SaveForm
from caluma_async.identity import User
from caluma_async.testing.factories import make_answer, make_document, make_form, make_question
from caluma_async.verbs import run

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])
BEN = User("ben")


def test_a_form_is_made_and_changed() -> None:
    save_form("plan", ANNA, name="Plan", description="What is planned", meta={"a": 1}, is_published=True)
    save_form("plan", BEN, is_archived=True)
    form = Form.objects.get()
    assert (str(form.name), str(form.description), form.meta) == ("Plan", "What is planned", {"a": 1})
    assert (form.is_published, form.is_archived) == (True, True)
    assert (form.created_by_user, form.modified_by_user) == ("anna", "ben")


@pytest.mark.parametrize(
    ("given", "field"),
    [({"meta": "{}"}, "meta"), ({"is_published": 1}, "isPublished"), ({"name": None}, "name"), ({"odd": 1}, "odd")],
)
def test_wrong_input_for_a_form_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        run(SaveForm(ANNA, **{"slug": "plan", "name": "Plan", **given}))
    assert caught.value.field == field
    assert not Form.objects.exists()


def test_a_new_document_is_the_root_of_its_own_family() -> None:
    document = create_document(make_form("plan"), ANNA, meta={"a": 1})
    document.refresh_from_db()
    assert (document.form_id, document.family_id, document.meta) == ("plan", document.pk, {"a": 1})
    assert document.created_by_user == "anna"


def test_a_document_that_is_saved_with_its_id_changes() -> None:
    document = make_document("plan", meta={"a": 1}, user=ANNA)
    run(SaveDocument(BEN, id=document.pk, meta={"b": 2}))
    document.refresh_from_db()
    assert (document.form_id, document.meta, document.modified_by_user) == ("plan", {"b": 2}, "ben")
    make_form("other")
    run(SaveDocument(BEN, id=str(document.pk), form="other"))
    document.refresh_from_db()
    assert (document.form_id, document.meta, document.created_by_user) == ("other", {"b": 2}, "anna")


@pytest.mark.parametrize("key", [uuid.uuid4(), "nonsense", 3])
def test_an_unknown_document_is_not_found(key: Any) -> None:
    with pytest.raises(NotFound, match="There is no document") as caught:
        run(SaveDocument(ANNA, id=key, meta={}))
    assert caught.value.field == "id"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "form is needed"),
        ({"form": None}, "form must be"),
        ({"form": "nowhere"}, "There is no form 'nowhere'"),
        ({"form": "plan", "meta": []}, "meta must be a JSON object"),
    ],
)
def test_wrong_input_for_a_document_is_refused(given: dict[str, Any], message: str) -> None:
    make_form("plan")
    with pytest.raises(InvalidInput, match=message):
        run(SaveDocument(ANNA, **given))
    assert not Document.objects.exists()


class Unseen(Trusted):
    """Sees nothing."""

    def visible(self, queryset: QuerySet[Any], user: User, **kwargs: Any) -> QuerySet[Any]:
        return queryset.none()

    def restricts(self, model: type[Model], **kwargs: Any) -> bool:
        return True


def test_what_one_may_not_see_is_not_found() -> None:
    document = make_document("plan")
    with pytest.raises(NotFound):
        run(SaveDocument(ANNA, access=Unseen(), id=document.pk))
    with pytest.raises(InvalidInput, match="There is no form 'plan'"):
        run(SaveDocument(ANNA, access=Unseen(), form="plan"))


def test_many_documents_cost_one_statement_and_keep_their_order() -> None:
    for slug in ("a", "b"):
        make_form(slug)
    with CaptureQueriesContext(connection) as captured:
        documents = create_documents(["b", "a", "b"] * 5, ANNA)
    assert len(captured) == 1
    assert [document.form_id for document in Document.objects.order_by("pk")] == ["b", "a", "b"] * 5
    assert all(document.family_id == document.pk for document in documents)


def test_each_function_has_an_async_twin() -> None:
    async_to_sync(asave_form)("plan", ANNA, name="Plan")
    assert async_to_sync(acreate_document)("plan", ANNA).form_id == "plan"


def missing(document: Document) -> list[str]:
    """The questions that lack an answer, as the error lists them."""
    try:
        check_document(document, ANNA)
    except InvalidInput as error:
        return list(error.fields)
    return []


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


def test_a_required_question_needs_an_answer() -> None:
    make_question("name", form="plan", is_required="true")
    make_question("remark", form="plan")
    document = make_document("plan")
    assert missing(document) == ["name"]
    make_answer(document, "name", "Anna")
    assert missing(document) == []


@pytest.mark.parametrize("empty", [None, "", []])
def test_an_empty_answer_is_none(empty: Any) -> None:
    make_question("name", form="plan", is_required="true")
    assert missing(make_document("plan", answers={"name": empty})) == ["name"]


@pytest.mark.parametrize("answer", [0, False, 0.0, "0", ["a"]])
def test_an_answer_that_is_falsy_is_one(answer: Any) -> None:
    make_question("name", form="plan", is_required="true")
    assert missing(make_document("plan", answers={"name": answer})) == []


def test_a_date_is_an_answer() -> None:
    make_question("day", form="plan", type=Question.TYPE_DATE, is_required="true")
    document = make_document("plan")
    assert missing(document) == ["day"]
    make_answer(document, "day", date=dt.date(2024, 2, 29))
    assert missing(document) == []


def test_the_answer_of_another_document_does_not_count() -> None:
    make_question("name", form="plan", is_required="true")
    make_document("plan", answers={"name": "Anna"})
    assert missing(make_document("plan")) == ["name"]


@pytest.mark.parametrize(
    ("is_required", "is_hidden", "demanded"),
    [
        ("true", "false", True),
        ("1 == 1", "1 > 2", True),
        ("true", "", True),
        ("true", "true", False),
        ("false", "false", False),
        ("", "false", False),
        # these read what is not known here
        ("'other'|answer == 'yes'", "false", False),
        ("true", "'other'|answer == 'yes'", False),
        ("info.form == 'plan'", "false", False),
        ("!info.case", "false", False),
        ("true", "info.case.meta.hide", False),
        ("true || anything", "false", True),
        # and these are broken
        ("true &&", "false", False),
        ("true", "nonsense(", False),
    ],
)
def test_only_what_is_certain_is_demanded(is_required: str, is_hidden: str, demanded: bool) -> None:
    make_question("name", form="plan", is_required=is_required, is_hidden=is_hidden)
    assert missing(make_document("plan")) == (["name"] if demanded else [])


@pytest.mark.parametrize("kind", ["static", "action_button", "calculated_float", "table", "files"])
def test_questions_that_nobody_can_answer_here_are_not_demanded(kind: str) -> None:
    make_question("name", form="plan", type=kind, is_required="true")
    assert missing(make_document("plan")) == []


def test_the_questions_of_sub_forms_are_answered_in_the_same_document() -> None:
    make_question("inner", form="deep", is_required="true")
    make_question("to-deep", form="sub", type="form", sub_form=make_form("deep-too"))
    make_question("deep-link", form="sub", type="form", sub_form_id="deep")
    make_question("sub-name", form="sub", is_required="true")
    make_question("to-sub", form="plan", type="form", sub_form_id="sub")
    make_question("name", form="plan", is_required="true")
    document = make_document("plan")
    assert missing(document) == ["name", "sub-name", "inner"]
    make_answer(document, "inner", "x")
    assert missing(document) == ["name", "sub-name"]


def test_what_a_hidden_question_encloses_is_not_demanded() -> None:
    make_question("sub-name", form="sub", is_required="true")
    make_question("to-sub", form="plan", type="form", sub_form_id="sub", is_hidden="true")
    assert missing(make_document("plan")) == []


def test_forms_that_contain_each_other_come_to_an_end() -> None:
    make_form("plan")
    make_question("to-itself", form="plan", type="form", sub_form_id="plan")
    make_question("name", form="plan", is_required="true")
    assert missing(make_document("plan")) == ["name"]


def test_the_number_of_statements_grows_with_the_levels_only() -> None:
    costs = []
    for count in (2, 20):
        for number in range(count):
            make_question(f"q-{count}-{number}", form=f"sub-{count}", is_required="true")
            make_question(f"r-{count}-{number}", form=f"plan-{count}", is_required="true")
        make_question(f"to-sub-{count}", form=f"plan-{count}", type="form", sub_form_id=f"sub-{count}")
        document = make_document(f"plan-{count}")
        costs.append(statements(lambda: missing(document)))  # noqa: B023
    assert costs == [3, 3]


def statements(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)
