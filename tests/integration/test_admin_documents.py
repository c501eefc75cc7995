"""Django's admin for documents: made, changed, copied and removed by the verbs, with the answers in them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import Refused
from caluma_async.form.models import Answer, Document, File, Form
from caluma_async.form.verbs import RemoveDocument
from caluma_async.testing.factories import make_answer, make_case, make_document, make_file, make_form, make_question
from caluma_async.testing.plugin import Emitted
from caluma_async.workflow.models import WorkItem
from tests.integration.admin_stage import act, complaints, page, page_of, remove, saved, staff, submit, superuser, told
from tests.integration.documents_stage import make_plan, make_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def chief(client: Client) -> Client:
    return superuser(client)


@pytest.fixture
def plan() -> Form:
    return make_plan()


def test_a_document_is_made_with_the_defaults_of_its_form(plan: Form, chief: Client, emitted: Emitted) -> None:
    question = make_question("age", form=plan, type="integer")
    question.default_answer = make_answer(None, question, 18)
    question.save()
    saved(submit(chief, page("add", Document), form="plan", meta='{"a": 1}'))
    document = Document.objects.get()
    assert (document.form, document.meta, document.created_by_user) == (plan, {"a": 1}, "chief")
    assert document.answers.get().value == 18
    assert emitted.names == ["pre_create_document", "post_create_document"]
    assert LogEntry.objects.get().object_id == str(document.pk)


def test_form_and_meta_of_a_document_are_changed(plan: Form, chief: Client, emitted: Emitted) -> None:
    document = make_document(make_form("sketch"))
    saved(submit(chief, page_of(document), form="plan"))
    saved(submit(chief, page_of(document), meta='{"a": 1}'))
    document.refresh_from_db()
    assert (document.form, document.meta, document.modified_by_user) == (plan, {"a": 1}, "chief")
    assert emitted.names == ["pre_save_document", "post_save_document"] * 2


def test_what_does_not_fit_a_document_is_shown_beside_the_field(plan: Form, chief: Client, emitted: Emitted) -> None:
    row = make_row(make_document(plan))
    assert list(complaints(submit(chief, page_of(row), form="plan"))) == ["form"]
    assert list(complaints(submit(chief, page_of(row), meta="[]"))) == ["meta"]
    assert list(complaints(submit(chief, page("add", Document), meta="{}"))) == ["form"]
    row.refresh_from_db()
    assert (row.form_id, row.meta) == ("row", {})
    assert emitted.names == []


def test_a_page_shows_every_question_with_a_link_to_its_answer(plan: Form, chief: Client) -> None:
    document = make_document(plan, answers={"integer": 3, "text": ""})
    make_answer(document, "date", date=dt.date(2030, 1, 31))
    make_answer(document, make_question("foreign_de"), "old")
    make_row(document)
    make_file(make_answer(document, "files"), "a.txt")
    shown = chief.get(page_of(document)).content.decode()
    said = {"integer": 3, "text": "empty", "date": "2030-01-31", "foreign_de": "old", "table": "1 row"}
    for slug, value in {**said, "files": "a.txt"}.items():
        answer = Answer.objects.get(document=document, question=slug)
        assert f'<a href="{page_of(answer)}">{value}</a>' in shown
    for slug in ("choice", "inner"):
        assert f'<a href="{page("add", Answer)}?document={document.pk}&amp;question={slug}">answer it</a>' in shown
    assert "question=static" not in shown
    places = [shown.index(f"/question/{slug}/change/") for slug in ("text", "static", "inner", "foreign_5Fde")]
    assert places == sorted(places)


def test_a_form_that_contains_itself_does_not_close_the_page(chief: Client) -> None:
    make_question("again", form="plan", type="form", sub_form_id=make_form("plan").pk)
    document = make_document("plan")
    answer = make_answer(document, make_question("ok"), "yes")
    assert f'<a href="{page_of(answer)}">yes</a>' in chief.get(page_of(document)).content.decode()


def test_a_page_leads_to_what_has_the_document_and_to_the_table_it_is_a_row_of(plan: Form, chief: Client) -> None:
    case = make_case("approval", ready=["review"], document=make_document(plan))
    work_item = WorkItem.objects.get()
    work_item.document = make_document(plan)
    work_item.save()
    row = make_row(case.document)
    for owner in (case, work_item):
        assert f'<a href="{page_of(owner)}">' in chief.get(page_of(owner.document)).content.decode()
        assert f'<a href="{page_of(owner)}">' in chief.get(page("changelist", Document)).content.decode()
    shown = chief.get(page_of(row)).content.decode()
    assert f'<a href="{page_of(Answer.objects.get())}">' in shown
    assert f'<a href="{page_of(case.document)}">' in shown


def statements(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_a_page_costs_the_same_with_more_answers(plan: Form, chief: Client) -> None:
    document = make_document(plan)
    table = make_row(document, size=1) and Answer.objects.get(question="table")
    files = make_answer(document, "files")
    make_file(files, "a.txt")
    addresses = [page_of(document), page_of(table), page_of(files)]
    for address in addresses:
        chief.get(address)
    before = [statements(chief, address) for address in addresses]
    for number in range(10):
        make_answer(document, make_question(f"q{number}"), number)
        make_row(document, size=number)
        make_file(files, f"{number}.txt")
    chief.get(page_of(document))
    assert [statements(chief, address) for address in addresses] == before


def test_the_lists_cost_the_same_with_more_that_have_documents(plan: Form, chief: Client) -> None:
    make_case("approval", document=make_document(plan))
    make_row(Document.objects.get())
    before = [statements(chief, page("changelist", model)) for model in (Document, Answer)]
    for _ in range(5):
        make_row(make_case("approval", document=make_document(plan)).document, size=1)
    assert [statements(chief, page("changelist", model)) for model in (Document, Answer)] == before


def test_documents_are_copied_by_the_lists_action(plan: Form, chief: Client, emitted: Emitted) -> None:
    document = make_document(plan, answers={"integer": 3})
    make_row(document, size=7)
    assert told(act(chief, "copy_documents", document)) == ["Copy documents: 1."]
    copy = Document.objects.get(source=document, form=plan)
    assert copy.created_by_user == "chief"
    assert Answer.objects.get(document=copy, question="integer").value == 3
    assert Document.objects.filter(family=copy).count() == 2
    assert emitted.names == ["pre_copy_document", "post_copy_document"]


def test_who_may_not_add_documents_copies_none(plan: Form, client: Client) -> None:
    document = make_document(plan)
    clerk = staff(client, "view", "change")
    assert "copy_documents" not in clerk.get(page("changelist", Document)).content.decode()
    act(clerk, "copy_documents", document)
    assert Document.objects.count() == 1


def test_a_document_is_removed_with_all_that_belongs_to_it(plan: Form, chief: Client, emitted: Emitted) -> None:
    document = make_document(plan, answers={"integer": 3})
    make_row(document, size=7)
    make_file(make_answer(document, "files"), "a.txt")
    emitted.clear()
    saved(remove(chief, document))
    assert [model.objects.count() for model in (Document, Answer, File)] == [0, 0, 0]
    assert {"pre_remove_document", "post_remove_document"} <= set(emitted.names)


def test_a_document_of_a_case_is_not_removed(plan: Form, chief: Client, emitted: Emitted) -> None:
    case = make_case("approval", document=make_document(plan))
    response = remove(chief, case.document)
    assert response.status_code == 200
    assert "would require deleting the following protected related objects" in response.content.decode()
    assert Document.objects.get() == case.document
    assert emitted.names == []


def test_what_the_verb_refuses_to_remove_is_a_message(
    plan: Form, chief: Client, emitted: Emitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(verb: Any) -> None:
        raise Refused("Not today.")

    monkeypatch.setattr(RemoveDocument, "check", refuse)
    documents = [make_document(plan), make_document(plan)]
    assert told(remove(chief, documents[0])) == ["Not today."]
    response = act(chief, "delete_selected", *documents, post="yes")
    assert response.status_code == 302
    assert told(response) == ["Not today."]
    assert Document.objects.count() == 2


def test_of_several_documents_all_are_removed_or_none(
    plan: Form, chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_document(plan)
    row, last = make_row(document), make_document(plan)
    check = RemoveDocument.check

    def refuse_last(verb: RemoveDocument) -> None:
        check(verb)
        if verb.document.pk == last.pk:
            raise Refused("Not this one.")

    with monkeypatch.context() as patched:
        patched.setattr(RemoveDocument, "check", refuse_last)
        assert told(act(chief, "delete_selected", document, row, last, post="yes")) == ["Not this one."]
    assert Document.objects.count() == 3
    # the row is gone with its document by then
    saved(act(chief, "delete_selected", document, row, last, post="yes"))
    assert not Document.objects.exists()


def test_who_may_only_look_opens_a_page_and_changes_nothing(plan: Form, client: Client) -> None:
    clerk = staff(client, "view")
    document = make_document(plan, answers={"integer": 3})
    assert page_of(Answer.objects.get()) in clerk.get(page_of(document)).content.decode()
    assert clerk.post(page_of(document), {"form": "plan", "meta": '{"a": 1}'}).status_code == 403
    assert clerk.post(page("add", Document), {"form": "plan", "meta": "{}"}).status_code == 403
    assert clerk.post(page("delete", Document, document.pk), {"post": "yes"}).status_code == 403
    document.refresh_from_db()
    assert document.meta == {}
