"""Rows of tables: taken in, put in order and let go, with what is below them; and what is refused."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Model, QuerySet
from django.db.models.signals import post_save

from caluma_async.access import Trusted
from caluma_async.errors import InvalidInput, NotFound, Refused
from caluma_async.events import on
from caluma_async.events.receivers import registry
from caluma_async.form import events
from caluma_async.form.api import remove_answer, save_answer
from caluma_async.form.models import Answer, AnswerDocument, Document
from caluma_async.form.verbs import SaveDocumentTableAnswer
from caluma_async.identity import User
from caluma_async.testing.factories import make_answer, make_case, make_document, make_question
from caluma_async.verbs import run
from tests.integration.documents_stage import ANNA, BEN, emitted, families, make_plan, make_row, stored, value_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_receivers_left() -> Iterator[None]:
    with registry.isolated():
        yield


@pytest.fixture
def document() -> Document:
    make_plan()
    make_question("cells", form="row", type="table", row_form_id="row")
    return make_document("plan")


def rows(number: int) -> list[Document]:
    return [make_row() for _ in range(number)]


def keys(documents: list[Document]) -> list[UUID]:
    return [document.pk for document in documents]


def test_rows_join_the_family_in_their_order(document: Document) -> None:
    a, b, c = rows(3)
    save_answer("table", document, ANNA, [c, str(a.pk), b.pk, a])
    assert value_of(document, "table") == keys([c, a, b])
    assert set(families().values()) == {document.pk}


def test_rows_are_put_in_another_order(document: Document) -> None:
    a, b, c = rows(3)
    save_answer("table", document, ANNA, [a, b, c])
    save_answer("table", document, BEN, [b, c, a])
    assert value_of(document, "table") == keys([b, c, a])
    assert Answer.objects.get().modified_by_user == "ben"


def test_what_is_below_a_new_row_joins_with_it(document: Document) -> None:
    inner, outer = rows(2)
    save_answer("cells", outer, ANNA, [inner])
    save_answer("table", document, ANNA, [outer])
    assert families() == dict.fromkeys(keys([document, outer, inner]), document.pk)


def test_dropped_rows_become_roots_with_what_is_below_them(document: Document) -> None:
    inner, outer, other = rows(3)
    save_answer("cells", outer, ANNA, [inner])
    save_answer("table", document, ANNA, [outer, other])
    save_answer("table", document, ANNA, [other])
    root, kept = outer.pk, document.pk
    assert families() == {kept: kept, other.pk: kept, root: root, inner.pk: root}
    assert value_of(outer, "cells") == [inner.pk]


@pytest.mark.parametrize("value", [None, []])
def test_an_emptied_table_loses_all_rows_and_stays(document: Document, value: Any) -> None:
    a, b = rows(2)
    answer = save_answer("table", document, ANNA, [a, b])
    assert save_answer("table", document, ANNA, value).pk == answer.pk
    assert value_of(document, "table") == []
    assert families() == {key: key for key in keys([document, a, b])}


def test_a_dropped_row_may_come_back(document: Document) -> None:
    a, b = rows(2)
    for value in ([a, b], [b], [b, a]):
        save_answer("table", document, ANNA, value)
    assert value_of(document, "table") == keys([b, a])
    assert set(families().values()) == {document.pk}


def test_rows_of_a_removed_answer_become_roots(document: Document) -> None:
    a, b = rows(2)
    answer = save_answer("table", document, ANNA, [a, b])
    remove_answer(answer, ANNA)
    assert families() == {key: key for key in keys([document, a, b])}
    assert not AnswerDocument.objects.exists()


def test_a_row_that_somebody_else_added_meanwhile_stays(document: Document) -> None:
    first, theirs, mine = rows(3)
    save_answer("table", document, ANNA, [first])
    save_answer("table", document, ANNA, [first, theirs])
    save_answer("table", document, BEN, [first, mine])
    assert value_of(document, "table") == keys([first, theirs, mine])


def test_a_client_may_say_which_rows_it_knew(document: Document) -> None:
    first, second, theirs = rows(3)
    save_answer("table", document, ANNA, [first, second])
    save_answer("table", document, ANNA, [first, second, theirs])
    save_answer("table", document, BEN, [], known_rows=[first, second])
    assert value_of(document, "table") == [theirs.pk]


class OwnDocuments(Trusted):
    """Shows only documents that the user made."""

    def visible(self, queryset: QuerySet[Any], user: User, **kwargs: Any) -> QuerySet[Any]:
        return queryset.filter(created_by_user=user.username) if queryset.model is Document else queryset

    def restricts(self, model: type[Model], **kwargs: Any) -> bool:
        return model is Document


def test_rows_that_the_user_may_not_see_stay(document: Document) -> None:
    Document.objects.update(created_by_user="ben")
    hidden, seen = make_document("row", user=ANNA), make_document("row", user=BEN)
    save_answer("table", document, ANNA, [hidden, seen])
    verb = SaveDocumentTableAnswer(BEN, access=OwnDocuments(), document=document, question="table", value=[])
    run(verb)
    assert value_of(document, "table") == [hidden.pk]
    with pytest.raises(NotFound, match=f"There is no document '{hidden.pk}'"):
        run(
            SaveDocumentTableAnswer(
                BEN, access=OwnDocuments(), document=make_document("plan", user=BEN), question="table", value=[hidden]
            )
        )


def test_rows_that_are_none_are_refused(document: Document) -> None:
    other_form, taken, root = make_document("sub"), make_row(make_document("plan")), make_document("row")
    owned = make_document("row")
    make_case(document=owned)
    own_row = make_row(root)
    default = make_row()
    AnswerDocument.objects.create(answer=make_answer(None, "table"), document=default)
    before = stored()
    for value, error, message in (
        ([other_form], InvalidInput, "is of the form 'sub'; rows of 'table' are of 'row'"),
        ([taken], InvalidInput, "is a row of another table"),
        ([default], InvalidInput, "is a row of another table"),
        ([own_row], InvalidInput, "is a row of another table"),
        ([document], InvalidInput, "is of the form 'plan'"),
        ([owned], Refused, "belongs to a case or a work item"),
        ([uuid.uuid4()], NotFound, "There is no document"),
    ):
        with pytest.raises(error, match=message):
            save_answer("table", document, ANNA, value)
    assert stored() == before


def test_a_document_is_no_row_in_itself(document: Document) -> None:
    row, inner = rows(2)
    save_answer("cells", row, ANNA, [inner])
    before = stored()
    for owner, value in ((row, [row]), (inner, [row])):
        with pytest.raises(InvalidInput, match="cannot be a row in itself"):
            save_answer("cells", owner, ANNA, value)
    assert stored() == before


def test_each_row_is_told_of(document: Document) -> None:
    a, b = rows(2)
    with emitted() as seen:
        save_answer("table", document, ANNA, [a, b])
        save_answer("table", document, ANNA, [b])
    told = [(event.name, event.arguments["document"].pk) for event in seen]
    assert told == [
        ("pre_save_answer", document.pk),
        ("pre_add_row", a.pk),
        ("pre_add_row", b.pk),
        ("post_add_row", a.pk),
        ("post_add_row", b.pk),
        ("post_save_answer", document.pk),
        ("pre_save_answer", document.pk),
        ("pre_remove_row", a.pk),
        ("post_remove_row", a.pk),
        ("post_save_answer", document.pk),
    ]
    assert seen[5].arguments["previous"] is None
    assert seen[9].arguments["previous"] == keys([a, b])


def test_a_receiver_may_add_a_row(document: Document) -> None:
    a, b = rows(2)

    @on(events.pre_save_answer)
    def add(sender: Any, validated_data: Any, **_: Any) -> None:
        validated_data["value"] = [*validated_data["value"], b]

    save_answer("table", document, ANNA, [a])
    assert value_of(document, "table") == keys([a, b])


def test_receivers_of_saved_rows_hear_of_each(document: Document) -> None:
    heard: list[tuple[str, UUID]] = []

    @on(post_save, sender=AnswerDocument)
    def link(sender: Any, instance: AnswerDocument, created: bool, **_: Any) -> None:
        heard.append(("in" if created else "moved", instance.document_id))

    @on(post_save, sender=Document)
    def move(sender: Any, instance: Document, **_: Any) -> None:
        heard.append(("family", instance.family_id))

    a, b = rows(2)
    heard.clear()
    save_answer("table", document, ANNA, [a, b])
    assert heard == [("family", document.pk)] * 2 + [("in", a.pk), ("in", b.pk)]
