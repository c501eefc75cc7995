"""Saving forms and documents."""

from __future__ import annotations

import uuid
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
    create_document,
    create_documents,
    save_form,
)
from caluma_async.form.models import Document, Form
from caluma_async.form.verbs import SaveDocument, SaveForm
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_form
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


def test_many_documents_cost_no_more_than_a_few_and_keep_their_order() -> None:
    for slug in ("a", "b"):
        make_form(slug)
    costs = []
    for count in (1, 1, 5):  # the first time, the forms are read too
        with CaptureQueriesContext(connection) as captured:
            documents = create_documents(SaveDocument(ANNA), ["b", "a", "b"] * count)
        costs.append(len(captured))
        Document.objects.exclude(pk__in=[document.pk for document in documents]).delete()
    assert costs[1] == costs[2]
    assert [document.form_id for document in Document.objects.order_by("pk")] == ["b", "a", "b"] * 5
    assert all(document.family_id == document.pk for document in documents)


def test_each_function_has_an_async_twin() -> None:
    async_to_sync(asave_form)("plan", ANNA, name="Plan")
    assert async_to_sync(acreate_document)("plan", ANNA).form_id == "plan"
