"""Django's admin for forms: questions, options and which form has what, through the verbs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from caluma_async.form.models import Answer, Form, FormQuestion, Option, Question, QuestionOption
from caluma_async.testing.factories import make_answer, make_document, make_form, make_option, make_question
from caluma_async.testing.plugin import Emitted
from tests.integration.admin_stage import act, complaints, page, page_of, saved, staff, submit, superuser, told
from tests.integration.documents_stage import make_plan

pytestmark = pytest.mark.django_db

EMPTY = {"meta": "{}", "format_validators": "[]", "is_required": "false", "is_hidden": "false"}


@pytest.fixture
def chief(client: Client) -> Client:
    return superuser(client)


def test_a_question_is_made_and_changed_in_the_admins_name(chief: Client, emitted: Emitted) -> None:
    make_option("yes")
    given = {**EMPTY, "slug": "ok", "type": "choice", "label": "All right?", "options": ["yes"]}
    assert chief.post(page("add", Question), given).status_code == 302
    made = Question.objects.get()
    assert (made.type, str(made.label), made.created_by_user) == ("choice", "All right?", "chief")
    assert [option.pk for option in made.options.all()] == ["yes"]
    assert emitted.names == ["pre_save_question", "post_save_question"]
    changed = {**EMPTY, "label": "Is it?", "is_archived": "on", "options": ["yes"]}
    assert chief.post(page("change", Question, "ok"), changed).status_code == 302
    made.refresh_from_db()
    assert (str(made.label), made.is_archived, made.type) == ("Is it?", True, "choice")
    assert chief.get(page("change", Question, "ok")).status_code == 200


def test_bounds_are_those_of_the_type(chief: Client) -> None:
    given = {**EMPTY, "slug": "age", "type": "integer", "label": "Age", "min_value": "1", "max_value": "9"}
    assert chief.post(page("add", Question), given).status_code == 302
    assert Question.objects.get().configuration == {"min_value": 1, "max_value": 9}
    wrong = {**EMPTY, "label": "Age", "min_value": "10", "max_value": "9"}
    assert "min_value" in complaints(chief.post(page("change", Question, "age"), wrong))
    wrong = {**EMPTY, "label": "Age", "min_value": "1", "max_value": "9", "max_length": "3"}
    assert "max_length" in complaints(chief.post(page("change", Question, "age"), wrong))


def test_an_expression_that_is_none_is_shown_beside_its_field(chief: Client) -> None:
    given = {**EMPTY, "slug": "age", "type": "integer", "label": "Age", "is_hidden": "'a'|"}
    assert "is_hidden" in complaints(chief.post(page("add", Question), given))


def test_an_option_is_made_and_changed(chief: Client) -> None:
    assert (
        chief.post(page("add", Option), {"slug": "yes", "label": "Yes", "is_hidden": "", "meta": "{}"}).status_code
        == 302
    )
    option = Option.objects.get()
    assert (str(option.label), option.is_hidden, option.created_by_user) == ("Yes", "false", "chief")
    assert (
        chief.post(page("change", Option, "yes"), {"label": "Yep", "is_hidden": "false", "meta": "{}"}).status_code
        == 302
    )
    option.refresh_from_db()
    assert str(option.label) == "Yep"


def test_a_question_is_put_into_a_form_and_taken_out(chief: Client, emitted: Emitted) -> None:
    make_form("plan")
    make_question("ok")
    assert chief.post(page("add", FormQuestion), {"form": "plan", "question": "ok"}).status_code == 302
    assert FormQuestion.objects.get().pk == "plan.ok"
    answer = make_answer(make_document("plan"), "ok", "yes")
    assert chief.post(page("delete", FormQuestion, "plan.ok"), {"post": "yes"}).status_code == 302
    answer.refresh_from_db()
    assert not FormQuestion.objects.exists()
    assert emitted.names == [
        "pre_add_form_question",
        "post_add_form_question",
        "pre_remove_form_question",
        "post_remove_form_question",
    ]


def test_several_questions_are_taken_out_at_once(chief: Client) -> None:
    for slug in "ab":
        make_question(slug, form="plan")
    given = {"action": "delete_selected", "_selected_action": ["plan.a", "plan.b"], "post": "yes"}
    assert chief.post(page("changelist", FormQuestion), given).status_code == 302
    assert not FormQuestion.objects.exists()


def test_what_the_verb_refuses_when_it_runs_is_a_message(chief: Client) -> None:
    make_form("plan")
    make_question("inner", type="form", sub_form_id="plan")
    response = chief.post(page("add", FormQuestion), {"form": "plan", "question": "inner"})
    assert response.status_code == 302
    [message] = told(response)
    assert "The forms contain each other: plan → plan" in message
    assert not FormQuestion.objects.exists()


def offered(question: str) -> list[str]:
    links = QuestionOption.objects.filter(question=question).order_by("-sort")
    return [link.option_id for link in links]


def test_options_are_offered_in_the_order_that_is_typed(chief: Client) -> None:
    for slug in "abcd":
        make_option(slug)
    given = {**EMPTY, "slug": "which", "type": "choice", "label": "Which?", "options": "c\r\na\r\nb"}
    saved(chief.post(page("add", Question), given))
    assert offered("which") == ["c", "a", "b"]
    question = Question.objects.get()
    assert "c\na\nb</textarea>" in chief.get(page_of(question)).content.decode().replace("\r", "")
    saved(submit(chief, page_of(question), options="b\r\n\r\n d \r\nc"))
    assert offered("which") == ["b", "d", "c"]
    saved(submit(chief, page_of(question), label="Which one?"))
    assert offered("which") == ["b", "d", "c"]


def test_an_option_that_there_is_not_is_shown_beside_the_options(chief: Client, emitted: Emitted) -> None:
    question = make_question("which", type="choice", options=["a", "b"])
    response = submit(chief, page_of(question), options="b\r\nx")
    assert complaints(response) == {"options": ["There is no option 'x'."]}
    assert offered("which") == ["a", "b"]
    assert emitted.names == []


def test_the_questions_of_a_form_are_put_in_another_order(chief: Client, emitted: Emitted) -> None:
    for slug in "abc":
        make_question(slug, form="plan")
    form = Form.objects.get()
    saved(submit(chief, page_of(form), questions="c\r\na\r\nb"))
    links = FormQuestion.objects.order_by("-sort")
    assert [link.question_id for link in links] == ["c", "a", "b"]
    assert emitted.names == ["pre_reorder_form_questions", "post_reorder_form_questions"]
    form.refresh_from_db()
    assert form.modified_by_user is None
    saved(submit(chief, page_of(form), name="The plan"))
    assert emitted.names[2:] == ["pre_save_form", "post_save_form"]
    assert [link.question_id for link in links.all()] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("b", "'a' is missing."),
        ("b\r\na\r\nx", "'x' is no question of this form."),
        ("a\r\nb\r\na", "'a' is named twice."),
    ],
)
def test_an_order_names_each_question_of_the_form_once(
    typed: str, message: str, chief: Client, emitted: Emitted
) -> None:
    for slug in "ab":
        make_question(slug, form="plan")
    form = Form.objects.get()
    assert complaints(submit(chief, page_of(form), questions=typed)) == {"questions": [message]}
    # with another change, it is only known when that is written: nothing of both is saved
    response = submit(chief, page_of(form), questions=typed, name="The plan")
    assert response.status_code == 302
    assert message in told(response)[0]
    form.refresh_from_db()
    assert str(form.name) == "plan"
    assert [link.question_id for link in FormQuestion.objects.order_by("-sort")] == ["a", "b"]


DEFAULTS = {
    "text": ("abc", "abc"),
    "textarea": ("a\r\nb", "a\nb"),
    "integer": ("3", 3),
    "float": ("2.50", 2.5),
    "date": ("2030-01-31", "2030-01-31"),
    "choice": ("red", "red"),
    "multiple_choice": (["red", "green"], ["red", "green"]),
}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_a_default_answer_is_given_and_taken_away(kind: str, chief: Client, emitted: Emitted) -> None:
    make_plan()
    question = Question.objects.get(pk=kind)
    typed, value = DEFAULTS[kind]
    saved(submit(chief, page_of(question), default_value=typed))
    question.refresh_from_db()
    assert question.default_answer is not None
    assert (str(question.default_answer.date) if kind == "date" else question.default_answer.value) == value
    assert question.default_answer.created_by_user == "chief"
    assert emitted.names == ["pre_save_default_answer", "post_save_default_answer"]
    saved(submit(chief, page_of(question), label="Other"))
    assert emitted.names[2:] == ["pre_save_question", "post_save_question"]
    assert Answer.objects.exists()
    saved(submit(chief, page_of(question), default_value=[] if kind == "multiple_choice" else ""))
    assert emitted.names[4:] == ["pre_remove_default_answer", "post_remove_default_answer"]
    question.refresh_from_db()
    assert question.default_answer is None
    assert not Answer.objects.exists()


def test_the_rows_of_a_default_answer_are_documents(chief: Client) -> None:
    make_plan()
    table, rows = Question.objects.get(pk="table"), [make_document("row"), make_document("row")]
    saved(submit(chief, page_of(table), default_value=f"{rows[1].pk}\r\n{rows[0].pk}"))
    answer = Answer.objects.get()
    links = answer.answerdocument_set.order_by("-sort")
    assert [link.document_id for link in links] == [rows[1].pk, rows[0].pk]
    assert f'<a href="{page_of(rows[0])}">' in chief.get(page_of(answer)).content.decode()
    saved(submit(chief, page_of(answer), add_row="on"))
    assert links.all().count() == 3
    saved(submit(chief, page_of(table), default_value=str(rows[0].pk)))
    assert [link.document_id for link in links.all()] == [rows[0].pk]


def test_a_default_answer_that_does_not_fit_is_shown_beside_its_field(chief: Client, emitted: Emitted) -> None:
    question = make_question("age", type="integer", configuration={"max_value": 9})
    assert complaints(submit(chief, page_of(question), default_value="10")) == {
        "default_value": ["The value must be 9 or less, not 10."]
    }
    response = submit(chief, page_of(question), default_value="10", label="Age")
    assert told(response) == ["The value must be 9 or less, not 10."]
    question.refresh_from_db()
    assert (str(question.label), question.default_answer) == ("age", None)
    emitted.clear()
    # what the same page changes first counts
    saved(submit(chief, page_of(question), default_value="10", max_value="20"))
    question.refresh_from_db()
    assert question.default_answer is not None
    assert question.default_answer.value == 10


@pytest.mark.parametrize("kind", ["files", "dynamic_choice", "calculated_float", "form", "static"])
def test_no_default_answer_is_offered_where_there_can_be_none(kind: str, chief: Client) -> None:
    question = make_question("some", type=kind)
    assert "default_value" not in chief.get(page_of(question)).content.decode()


COPIES = [(Form, "name"), (Question, "label"), (Option, "label")]


@pytest.mark.parametrize(("model", "called"), COPIES, ids=lambda each: getattr(each, "__name__", each))
def test_what_is_asked_is_copied_under_another_slug(model: Any, called: str, chief: Client, emitted: Emitted) -> None:
    make_question("some_de", form=make_form("some_de"), type="choice", options=[make_option("some_de")])
    source = model.objects.get()
    response = act(chief, "copy", source)
    assert response.url == f"{page('add', model)}?source=some_de"
    assert f'<a href="{response.url}">' in chief.get(page_of(source)).content.decode()
    opened = chief.get(response.url)
    assert opened.context["title"] == f"Copy {model._meta.verbose_name} 'some_de'"
    assert list(opened.context["adminform"].form.fields) == ["slug", called]
    saved(submit(chief, response.url, slug="other", **{called: "Other"}))
    copy = model.objects.get(pk="other")
    assert (copy.source_id, str(getattr(copy, called)), copy.created_by_user) == ("some_de", "Other", "chief")
    noun = model._meta.model_name
    assert emitted.names == [f"pre_save_{noun}", f"post_save_{noun}"]
    if model is Form:
        assert [each.pk for each in copy.questions.all()] == ["some_de"]
    if model is Question:
        assert (copy.type, offered("other")) == ("choice", ["some_de"])


def test_a_copy_needs_a_slug_that_is_free(chief: Client, emitted: Emitted) -> None:
    make_form("plan")
    response = submit(chief, f"{page('add', Form)}?source=plan", slug="plan")
    assert list(complaints(response)) == ["slug"]
    assert list(complaints(submit(chief, f"{page('add', Form)}?source=plan", slug="a b"))) == ["slug"]
    assert Form.objects.count() == 1
    assert emitted.names == []


def test_a_copy_has_one_source_that_there_is(chief: Client) -> None:
    forms = [make_form("a"), make_form("b")]
    response = act(chief, "copy", *forms)
    assert told(response) == ["Select one form: each copy needs a slug of its own."]
    response = chief.get(f"{page('add', Form)}?source=c")
    assert (response.status_code, response.url) == (302, page("add", Form))


def test_who_may_not_add_forms_copies_none(client: Client) -> None:
    make_form("plan")
    clerk = staff(client, "view", "change")
    assert clerk.get(f"{page('add', Form)}?source=plan").status_code == 403
    given = {"slug": "other", "name": "Other"}
    assert clerk.post(f"{page('add', Form)}?source=plan", given).status_code == 403
    assert Form.objects.count() == 1
