"""Django's admin for forms: questions, options and which form has what, through the verbs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from caluma_async.form.models import FormQuestion, Option, Question
from caluma_async.testing.factories import make_answer, make_document, make_form, make_option, make_question
from caluma_async.testing.plugin import Emitted

pytestmark = pytest.mark.django_db

EMPTY = {"meta": "{}", "format_validators": "[]", "is_required": "false", "is_hidden": "false"}


@pytest.fixture
def chief(client: Client) -> Client:
    """A client that is logged in as the superuser `chief` of the group `office`."""
    user = User.objects.create_superuser("chief", password="secret")
    user.groups.add(Group.objects.create(name="office"))
    client.force_login(user)
    return client


def page(action: str, model: Any, *keys: str) -> str:
    return reverse(f"admin:form_{model._meta.model_name}_{action}", args=keys)


def complaints(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


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
    [told] = [str(message) for message in get_messages(response.wsgi_request)]
    assert "The forms contain each other: plan → plan" in told
    assert not FormQuestion.objects.exists()
