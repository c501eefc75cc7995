"""The form functions and classes by Caluma's names, as a site's modules use them."""

from __future__ import annotations

import importlib

import pytest

from caluma_async.form import models, verbs
from caluma_async.form.models import Form, Question
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_question

pytestmark = pytest.mark.django_db

api = importlib.import_module("caluma.caluma_form.api")
schema = importlib.import_module("caluma.caluma_form.schema")
ADA = User("ada")


def test_a_form_is_copied() -> None:
    make_question("name", form="plan")
    api.copy_form(source=Form.objects.get(pk="plan"), slug="copy", name="Copy", user=ADA)
    copy = Form.objects.get(pk="copy")
    assert ([each.pk for each in copy.questions.all()], copy.created_by_user) == (["name"], "ada")


def test_answers_are_saved_with_and_without_a_document() -> None:
    question = make_question("name", form="plan")
    document = make_document("plan")
    api.save_answer(question=question, document=document, user=ADA, value="Ann")
    assert document.answers.get().value == "Ann"
    api.save_answer(question=question, user=ADA, value="Ben")
    api.save_default_answer(question=question, value="Bob", data_source_context={"a": 1})
    default = Question.objects.get(pk="name").default_answer
    assert default is not None
    assert (default.value, default.document, default.created_by_user) == ("Bob", None, "ada")


def test_mutations_are_the_verbs_and_types_the_tables() -> None:
    assert schema.SaveQuestion is verbs.SaveQuestion
    assert issubclass(schema.SaveTextQuestion, schema.SaveQuestion)
    assert issubclass(schema.SaveDefaultDateAnswer, schema.SaveDefaultAnswer)
    assert schema.Question is models.Question
