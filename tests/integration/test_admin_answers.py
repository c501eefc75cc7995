"""Django's admin for answers: a field that the question wants, saved and removed by the verbs of its type."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from caluma_async.errors import Unavailable
from caluma_async.form.events import post_save_answer, pre_save_answer
from caluma_async.form.files.folder import Folder
from caluma_async.form.models import Answer, Document, DynamicOption, File, Form, Question
from caluma_async.form.verbs import SaveDocumentIntegerAnswer
from caluma_async.testing.factories import (
    make_answer,
    make_document,
    make_dynamic_option,
    make_file,
    make_form,
    make_question,
)
from caluma_async.testing.plugin import Emitted
from tests.integration.admin_stage import (
    complaints,
    page,
    page_of,
    remove,
    saved,
    staff,
    submit,
    superuser,
    told,
)
from tests.integration.documents_stage import EACH, make_plan, make_row

pytestmark = pytest.mark.django_db

CLASSES = "tests.integration.listed_classes"


@pytest.fixture
def chief(client: Client) -> Client:
    return superuser(client)


@pytest.fixture
def plan() -> Form:
    return make_plan()


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    settings.MEDIA_STORAGE_FOLDER = str(tmp_path)
    return Folder()


def to_answer(document: Document | None, question: str) -> str:
    of = "" if document is None else f"document={document.pk}&"
    return f"{page('add', Answer)}?{of}question={question}"


def value_of(question: str) -> Any:
    answer = Answer.objects.get(question=question)
    return answer.date or answer.value


TYPED = {**EACH, "textarea": "a\r\nb", "integer": "3", "float": "2.5", "date": "2030-01-31"}


@pytest.mark.parametrize("kind", EACH)
def test_each_type_of_question_is_answered_in_a_field_of_its_own(
    kind: str, plan: Form, chief: Client, emitted: Emitted
) -> None:
    document = make_document(plan)
    saved(submit(chief, to_answer(document, kind), value=TYPED[kind]))
    answer = Answer.objects.get()
    assert (answer.document, answer.question_id, value_of(kind)) == (document, kind, EACH[kind])
    assert (answer.created_by_user, answer.created_by_group) == ("chief", "office")
    assert emitted.names == ["pre_save_answer", "post_save_answer"]
    assert emitted.of(post_save_answer)[0].sender.kind == answer.kind
    # what nobody touches stays exactly as it is
    saved(submit(chief, page_of(answer), meta='{"seen": true}'))
    answer.refresh_from_db()
    assert (value_of(kind), answer.meta) == (EACH[kind], {"seen": True})
    saved(submit(chief, page_of(answer), value=[] if kind == "multiple_choice" else ""))
    answer.refresh_from_db()
    assert value_of(kind) in (None, [])
    assert answer.meta == {"seen": True}


@pytest.mark.parametrize(
    ("typed", "value"), [("2.0", 2), ("-0.5", -0.5), ("1e3", 1000), ("9007199254740994", 2.0**53 + 2)]
)
def test_a_number_is_kept_as_it_was_meant(typed: str, value: float, plan: Form, chief: Client) -> None:
    saved(submit(chief, to_answer(make_document(plan), "float"), value=typed))
    kept = value_of("float")
    assert (kept, type(kept)) == (value, type(value))


@pytest.mark.parametrize("typed", ["nan", "inf", "1e999", "one"])
def test_what_is_no_number_is_shown_beside_the_field(typed: str, plan: Form, chief: Client) -> None:
    response = submit(chief, to_answer(make_document(plan), "float"), value=typed)
    assert complaints(response) == {"value": ["Enter a number."]}
    assert not Answer.objects.exists()


def test_what_does_not_fit_is_shown_beside_the_field_and_nothing_is_changed(chief: Client, emitted: Emitted) -> None:
    question = make_question("age", form="plan", type="integer", configuration={"max_value": 9})
    answer = make_answer(make_document("plan"), question, 3)
    assert complaints(submit(chief, page_of(answer), value="10")) == {"value": ["The value must be 9 or less, not 10."]}
    assert complaints(submit(chief, page_of(answer), value="ten")) == {"value": ["Enter a whole number."]}
    assert complaints(submit(chief, page_of(answer), meta="[]")) == {"meta": ["meta must be a JSON object."]}
    answer.refresh_from_db()
    assert (answer.value, answer.meta, answer.modified_by_user) == (3, {}, None)
    assert emitted.names == []


def test_what_is_refused_while_it_is_written_is_a_message(chief: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = make_answer(make_document("plan"), make_question("age", form="plan", type="integer"), 3)
    write = SaveDocumentIntegerAnswer.write

    def refuse(verb: SaveDocumentIntegerAnswer) -> Answer:
        write(verb)
        raise Unavailable("Not today.")

    monkeypatch.setattr(SaveDocumentIntegerAnswer, "write", refuse)
    assert told(submit(chief, page_of(answer), value="4")) == ["Not today."]
    answer.refresh_from_db()
    assert answer.value == 3


def test_first_it_is_asked_which_question_is_answered_in_which_document(plan: Form, chief: Client) -> None:
    document = make_document(plan)
    response = submit(chief, page("add", Answer), document=str(document.pk), question="integer")
    assert response.status_code == 302, complaints(response)
    assert response.url == to_answer(document, "integer")
    assert not Answer.objects.exists()
    saved(submit(chief, response.url, value="3"))
    again = submit(chief, page("add", Answer), document=str(document.pk), question="integer")
    assert chief.get(again.url).url == page_of(Answer.objects.get())


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("static", "The question 'static' is of type static: it has no answers."),
        ("size", "The question 'size' is none of the form 'plan'."),
        ("sum", "The question 'sum' is calculated, not answered."),
    ],
)
def test_what_cannot_be_answered_is_refused_at_once(question: str, message: str, plan: Form, chief: Client) -> None:
    make_question("sum", form=plan, type="calculated_float", calc_expression="1")
    given = {"document": str(make_document(plan).pk), "question": question}
    [(field, [complaint])] = complaints(submit(chief, page("add", Answer), **given)).items()
    assert (field, complaint) == ("question", message)
    assert not Answer.objects.exists()


@pytest.mark.parametrize(
    "query", ["question=none", "question=static", "question=text&document=x", f"document={uuid4()}"]
)
def test_an_address_that_names_no_answer_asks_for_one(query: str, plan: Form, chief: Client) -> None:
    opened = chief.get(f"{page('add', Answer)}?{query}")
    assert list(opened.context["adminform"].form.fields) == ["document", "question"]


def test_a_question_of_another_form_is_refused_above_the_fields(plan: Form, chief: Client) -> None:
    response = submit(chief, to_answer(make_document("other"), "integer"), value="3")
    assert list(complaints(response)) == ["__all__"]
    assert not Answer.objects.exists()


def test_calculated_answers_are_looked_at_only(chief: Client) -> None:
    question = make_question("sum", form="plan", type="calculated_float", calc_expression="1")
    answer = make_answer(make_document("plan"), question, 1.0)
    assert 'name="value"' not in chief.get(page_of(answer)).content.decode()
    assert chief.post(page_of(answer), {"value": "2", "meta": "{}"}).status_code == 403


def test_an_answer_that_came_in_otherwise_can_be_looked_at(plan: Form, chief: Client) -> None:
    answer = make_answer(make_document(plan), "static", "left over")
    assert "left over" in chief.get(page_of(answer)).content.decode()
    assert chief.post(page_of(answer), {"value": "other", "meta": "{}"}).status_code == 403


def test_an_option_that_is_offered_no_more_stays_chosen_until_it_is_changed(plan: Form, chief: Client) -> None:
    answer = make_answer(make_document(plan), "choice", "yellow")
    assert 'value="yellow" selected' in chief.get(page_of(answer)).content.decode()
    assert complaints(submit(chief, page_of(answer), value="yellow", meta='{"a": 1}')) == {
        "value": ["'yellow' cannot be chosen here."]
    }
    saved(submit(chief, page_of(answer), value="red"))
    assert value_of("choice") == "red"


def test_dynamic_choices_are_those_of_the_data_source(chief: Client, settings: Settings) -> None:
    settings.DATA_SOURCE_CLASSES = [f"{CLASSES}.Towns"]
    document = make_document("plan")
    make_question("town", form="plan", type="dynamic_choice", data_source="Towns")
    make_question("towns", form="plan", type="dynamic_multiple_choice", data_source="Towns")
    assert ">Berne</option>" in chief.get(to_answer(document, "town")).content.decode()
    saved(submit(chief, to_answer(document, "town"), value="bern"))
    saved(submit(chief, to_answer(document, "towns"), value=["biel", "thun"]))
    assert (value_of("town"), value_of("towns")) == ("bern", ["biel", "thun"])
    assert set(DynamicOption.objects.values_list("question", "slug")) == {
        ("town", "bern"),
        ("towns", "biel"),
        ("towns", "thun"),
    }
    assert list(complaints(submit(chief, to_answer(make_document("plan"), "town"), value="rome"))) == ["value"]


def test_a_data_source_with_code_of_its_own_is_asked_about_what_is_typed(chief: Client, settings: Settings) -> None:
    settings.DATA_SOURCE_CLASSES = [f"{CLASSES}.OddNumbers"]
    document = make_document("plan")
    make_question("one", form="plan", type="dynamic_choice", data_source="OddNumbers")
    make_question("more", form="plan", type="dynamic_multiple_choice", data_source="OddNumbers")
    saved(submit(chief, to_answer(document, "one"), value="7"))
    saved(submit(chief, to_answer(document, "more"), value="9\r\n11"))
    assert (value_of("one"), value_of("more")) == ("7", ["9", "11"])
    assert list(complaints(submit(chief, page_of(Answer.objects.get(question="one")), value="8"))) == ["value"]


@pytest.mark.parametrize("source", ["Failing", "Nothing"])
def test_a_data_source_that_fails_does_not_close_the_page(source: str, chief: Client, settings: Settings) -> None:
    settings.DATA_SOURCE_CLASSES = [f"{CLASSES}.Failing"]
    question = make_question("town", form="plan", type="dynamic_choice", data_source=source)
    answer = make_answer(make_document("plan"), question, "bern")
    make_dynamic_option(answer.document, question, "bern")  # type: ignore[arg-type]
    assert 'value="bern" selected' in chief.get(page_of(answer)).content.decode()


def keys(*rows: Document) -> str:
    return "\r\n".join(str(row.pk) for row in rows)


def rows_of(document: Document) -> list[Any]:
    links = Answer.objects.get(document=document, question="table").answerdocument_set.order_by("-sort")
    return [link.document_id for link in links]


def test_a_table_gets_a_new_row_which_is_linked(plan: Form, chief: Client, emitted: Emitted) -> None:
    document = make_document(plan)
    saved(submit(chief, to_answer(document, "table"), add_row="on"))
    [first] = Document.objects.filter(form="row")
    assert (first.family_id, first.created_by_user) == (document.pk, "chief")
    assert "post_add_row" in emitted.names
    answer = Answer.objects.get(question="table")
    saved(submit(chief, page_of(answer), add_row="on"))
    assert rows_of(document)[0] == first.pk
    assert len(rows_of(document)) == 2
    saved(submit(chief, to_answer(first, "size"), value="7"))
    shown = chief.get(page_of(answer)).content.decode()
    assert f'<a href="{page_of(first)}">' in shown
    assert "size: 7" in shown


def test_rows_are_put_in_order_taken_in_and_let_go(plan: Form, chief: Client, emitted: Emitted) -> None:
    document = make_document(plan)
    first, second = make_row(document), make_row(document)
    answer, free = Answer.objects.get(), make_row()
    saved(submit(chief, page_of(answer), value=keys(second, first)))
    assert rows_of(document) == [second.pk, first.pk]
    saved(submit(chief, page_of(answer), value=keys(free, second)))
    assert rows_of(document) == [free.pk, second.pk]
    first.refresh_from_db()
    assert first.family_id == first.pk
    assert {"post_add_row", "post_remove_row"} < set(emitted.names)


def test_a_row_that_came_after_the_page_was_opened_stays(plan: Form, chief: Client) -> None:
    document = make_document(plan)
    first = make_row(document)
    answer = Answer.objects.get()
    given = {"value": keys(first), "known_rows": keys(first), "meta": '{"a": 1}'}
    other = make_row(document)
    saved(chief.post(page_of(answer), given))
    assert set(rows_of(document)) == {first.pk, other.pk}
    saved(chief.post(page_of(answer), {**given, "value": ""}))
    assert rows_of(document) == [other.pk]


@pytest.mark.parametrize("wrong", ["no-key", str(uuid4())])
def test_a_row_that_there_is_not_is_shown_beside_the_field(wrong: str, plan: Form, chief: Client) -> None:
    assert list(complaints(submit(chief, to_answer(make_document(plan), "table"), value=wrong))) == ["value"]
    assert not Answer.objects.exists()


def test_a_new_row_is_gone_if_the_table_cannot_take_it(plan: Form, chief: Client, emitted: Emitted) -> None:
    Question.objects.filter(pk="table").update(row_form=None)
    response = submit(chief, to_answer(make_document(plan), "table"), add_row="on")
    assert response.status_code == 302
    assert told(response)
    assert Document.objects.count() == 1
    assert not Answer.objects.exists()


def upload(name: str, content: bytes = b"a plan") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def content_of(folder: Folder, name: str) -> bytes:
    with folder.open(File.objects.get(name=name).blob) as file:
        return file.read()


def test_files_are_uploaded_renamed_and_removed(plan: Form, chief: Client, folder: Folder, emitted: Emitted) -> None:
    document = make_document(plan)
    saved(submit(chief, to_answer(document, "files"), uploads=[upload("a.txt", b"A"), upload("b.txt", b"B")]))
    assert (content_of(folder, "a.txt"), content_of(folder, "b.txt")) == (b"A", b"B")
    assert emitted.names.count("post_create_file") == 2
    answer, first = Answer.objects.get(), File.objects.get(name="a.txt")
    shown = chief.get(page_of(answer)).content.decode()
    assert f'<a href="{page_of(first)}">a.txt</a>' in shown
    assert "/files?signature=" in shown
    saved(submit(chief, page_of(answer), **{f"file_{first.pk.hex}": "c.txt"}, uploads=[upload("d.txt", b"D")]))
    assert [content_of(folder, name) for name in ("c.txt", "b.txt", "d.txt")] == [b"A", b"B", b"D"]
    saved(submit(chief, page_of(answer), **{f"file_{first.pk.hex}": ""}))
    assert set(File.objects.values_list("name", flat=True)) == {"b.txt", "d.txt"}
    assert "post_remove_file" in emitted.names


def test_a_file_that_came_after_the_page_was_opened_stays(plan: Form, chief: Client, folder: Folder) -> None:
    answer = make_answer(make_document(plan), "files")
    file = make_file(answer, "a.txt")
    saved(chief.post(page_of(answer), {"meta": '{"a": 1}'}))
    file.refresh_from_db()
    assert file.name == "a.txt"


@pytest.mark.parametrize(
    ("settled", "complaint"),
    [
        ({"MEDIA_MAX_SIZE": 3}, "a.txt: The file is too large; at most 3 bytes are allowed."),
        ({"MEDIA_TYPES": ["image/png"]}, "a.txt: Files of the type text/plain are not allowed."),
    ],
)
def test_what_the_folder_does_not_take_is_shown_beside_the_field(
    settled: dict[str, Any], complaint: str, plan: Form, chief: Client, folder: Folder, settings: Settings
) -> None:
    for name, value in settled.items():
        setattr(settings, name, value)
    response = submit(chief, to_answer(make_document(plan), "files"), uploads=[upload("a.txt")])
    assert complaints(response) == {"uploads": [complaint]}
    assert not File.objects.exists()


def test_without_the_storage_no_file_is_saved(
    plan: Form, chief: Client, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise Unavailable("The storage of files does not answer as it should.")

    monkeypatch.setattr(Folder, "put", fail)
    response = submit(chief, to_answer(make_document(plan), "files"), uploads=[upload("a.txt")])
    assert told(response) == ["The storage of files does not answer as it should."]
    assert not Answer.objects.exists()


def test_without_the_storage_the_page_opens_all_the_same(
    plan: Form, chief: Client, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_file(make_answer(make_document(plan), "files"), "a.txt")

    def fail(*_: Any) -> str:
        raise Unavailable("The storage of files does not answer as it should.")

    monkeypatch.setattr(Folder, "download_url", fail)
    for row in (file, file.answer):
        assert "does not answer as it should." in chief.get(page_of(row)).content.decode()


def test_an_answer_is_removed_by_its_verb(plan: Form, chief: Client, emitted: Emitted) -> None:
    document = make_document(plan)
    row = make_row(document)
    answer = Answer.objects.get()
    saved(remove(chief, answer))
    assert not Answer.objects.exists()
    row.refresh_from_db()
    assert row.family_id == row.pk
    assert emitted.names == ["pre_remove_answer", "pre_remove_row", "post_remove_row", "post_remove_answer"]


def test_who_may_only_look_sees_values_and_changes_nothing(plan: Form, client: Client) -> None:
    clerk = staff(client, "view")
    document = make_document(plan)
    date = make_answer(document, "date", date=dt.date(2030, 1, 31))
    row = make_row(document, size=3)
    table = Answer.objects.get(question="table")
    assert "Jan. 31, 2030" in clerk.get(page_of(date)).content.decode()
    assert page_of(row) in clerk.get(page_of(table)).content.decode()
    assert clerk.post(page_of(date), {"value": "2030-02-01", "meta": "{}"}).status_code == 403
    assert clerk.post(to_answer(document, "integer"), {"value": "3", "meta": "{}"}).status_code == 403
    assert clerk.post(page("add", Answer), {"document": document.pk, "question": "integer"}).status_code == 403
    assert clerk.post(page("delete", Answer, date.pk), {"post": "yes"}).status_code == 403
    assert set(Answer.objects.values_list("question", flat=True)) == {"date", "table", "size"}
    date.refresh_from_db()
    assert date.date == dt.date(2030, 1, 31)


def test_who_may_not_delete_removes_no_answer(plan: Form, client: Client) -> None:
    answer = make_answer(make_document(plan), "integer", 3)
    clerk = staff(client, "view", "add", "change")
    assert clerk.post(page("delete", Answer, answer.pk), {"post": "yes"}).status_code == 403
    saved(submit(clerk, page_of(answer), value="4"))
    assert value_of("integer") == 4


def test_a_receiver_of_the_admins_answer_hears_who_gave_it(plan: Form, chief: Client, emitted: Emitted) -> None:
    saved(submit(chief, to_answer(make_document(plan), "integer"), value="3"))
    [event] = emitted.of(pre_save_answer)
    assert (event.user.username, event.user.group) == ("chief", "office")


def test_a_default_answer_is_given_and_removed_on_the_page_of_answers(chief: Client, emitted: Emitted) -> None:
    make_question("age", form=make_form("plan"), type="integer")
    response = submit(chief, page("add", Answer), document="", question="age")
    saved(submit(chief, response.url, value="3"))
    question = Question.objects.get(pk="age")
    assert question.default_answer is not None
    assert question.default_answer.value == 3
    saved(submit(chief, page_of(question.default_answer), value="4"))
    saved(remove(chief, question.default_answer))
    question.refresh_from_db()
    assert question.default_answer is None
    assert not Answer.objects.exists()
    assert emitted.names == [
        *["pre_save_default_answer", "post_save_default_answer"] * 2,
        "pre_remove_default_answer",
        "post_remove_default_answer",
    ]
