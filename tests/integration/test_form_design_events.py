"""What the verbs of forms, questions and options tell, and what receivers may change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import InvalidExpression, InvalidInput
from caluma_async.events.receivers import on, registry
from caluma_async.form.design_api import (
    add_form_question,
    copy_form,
    copy_option,
    remove_form_question,
    reorder_form_questions,
    save_form,
    save_option,
)
from caluma_async.form.events import pre_save_form, pre_save_question
from caluma_async.form.models import Form, Question
from caluma_async.form.question_api import copy_question, save_choice_question, save_text_question
from caluma_async.form.verbs import CopyForm, SaveForm
from caluma_async.identity import User
from caluma_async.testing.factories import make_form, make_option, make_question
from caluma_async.testing.plugin import Emitted

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])


@pytest.fixture(autouse=True)
def receivers() -> Iterator[None]:
    """What a test registers is forgotten."""
    with registry.isolated():
        yield


def test_saving_and_copying_tell_before_and_after(emitted: Emitted) -> None:
    save_form("plan", ANNA, name="Plan")
    save_option("yes", ANNA, label="Yes")
    save_text_question("a", ANNA, label="A")
    copy_form("plan", "copy", ANNA, name="Copy")
    assert emitted.names == [
        f"{phase}_save_{noun}" for noun in ("form", "option", "question", "form") for phase in ("pre", "post")
    ]
    before, after = emitted.events[0], emitted.events[1]
    assert (before.sender, before.arguments["form"], before.user) == (SaveForm, None, ANNA)
    assert (after.arguments["form"].pk, after.arguments["created"]) == ("plan", True)
    assert (emitted.events[6].sender, emitted.events[7].arguments["form"].pk) == (CopyForm, "copy")
    emitted.clear()
    save_form("plan", ANNA, name="Plan B")
    assert emitted.events[0].arguments["form"].pk == "plan"
    assert emitted.events[1].arguments["created"] is False


def test_adding_removing_and_reordering_tell_only_of_changes(emitted: Emitted) -> None:
    make_form("plan")
    for slug in "ab":
        make_question(slug)
        add_form_question("plan", slug, ANNA)
        add_form_question("plan", slug, ANNA)
    reorder_form_questions("plan", ["b", "a"], ANNA)
    remove_form_question("plan", "a", ANNA)
    remove_form_question("plan", "a", ANNA)
    added = ["pre_add_form_question", "post_add_form_question"] * 2
    reordered = ["pre_reorder_form_questions", "post_reorder_form_questions"]
    assert emitted.names == [*added, *reordered, "pre_remove_form_question", "post_remove_form_question"]
    assert emitted.events[4].arguments["questions"] == ["b", "a"]


def test_what_a_receiver_changes_is_saved() -> None:
    @on(pre_save_form, sender=SaveForm)
    def archive(sender: Any, validated_data: dict[str, Any], **kwargs: Any) -> None:
        validated_data["is_archived"] = True

    save_form("plan", ANNA, name="Plan")
    assert Form.objects.get().is_archived


def test_what_a_receiver_changes_is_checked() -> None:
    @on(pre_save_question)
    def spoil(sender: Any, validated_data: dict[str, Any], **kwargs: Any) -> None:
        validated_data["is_hidden"] = "'a'|"

    with pytest.raises(InvalidExpression):
        save_text_question("a", ANNA, label="A")
    make_question("b", type="choice", options=["yes"])
    with pytest.raises(InvalidExpression):
        save_choice_question("b", ANNA, options=["yes"])


def test_djangos_signals_are_sent_for_what_belongs_to_a_copy() -> None:
    heard: list[Any] = []

    @on(post_save)
    def hear(sender: Any, instance: Any, **kwargs: Any) -> None:
        heard.append((sender.__name__, instance.pk))

    make_question("a", form="plan")
    make_question("b", form="plan", type="choice", options=["yes"])
    heard.clear()
    copy_form("plan", "copy", ANNA, name="Copy")
    copy_question("b", "c", ANNA, label="C")
    assert heard == [
        ("Form", "copy"),
        ("FormQuestion", "copy.a"),
        ("FormQuestion", "copy.b"),
        ("Question", "c"),
        ("QuestionOption", "c.yes"),
    ]


COSTS: list[tuple[int, Any]] = [
    (6, lambda questions: copy_form("plan", "copy", ANNA, name="Copy")),
    (6, lambda questions: copy_question("b", "copy", ANNA, label="Copy")),
    (4, lambda questions: copy_option("yes", "copy", ANNA, label="Copy")),
    (5, lambda questions: reorder_form_questions("plan", [*reversed(questions)], ANNA)),
]


@pytest.mark.parametrize("number", [5, 50])
@pytest.mark.parametrize(("cost", "act"), COSTS, ids=["copy_form", "copy_question", "copy_option", "reorder"])
def test_what_it_costs_does_not_grow_with_the_form(cost: int, act: Any, number: int) -> None:
    for each in range(number):
        make_option(f"option-{each}")
        make_question(f"question-{each}", form="plan")
    make_question("b", form="plan", type="choice", options=["yes", *(f"option-{each}" for each in range(number))])
    questions = list(Question.objects.order_by("created_at").values_list("pk", flat=True))
    with CaptureQueriesContext(connection) as captured:
        act(questions)
    assert len(captured.captured_queries) <= cost, [each["sql"][:60] for each in captured.captured_queries]


def test_what_a_receiver_changes_of_a_copy_is_checked_and_saved() -> None:
    make_form("plan")

    @on(pre_save_form, sender=CopyForm)
    def change(sender: Any, validated_data: dict[str, Any], **kwargs: Any) -> None:
        validated_data["name"] = {"en": "Changed"} if validated_data["is_published"] else 3

    copy_form("plan", "copy", ANNA, name="Copy", is_published=True)
    assert str(Form.objects.get(pk="copy").name) == "Changed"
    with pytest.raises(InvalidInput, match="name must be a text"):
        copy_form("plan", "other", ANNA, name="Copy", is_published=False)


def test_a_slug_that_somebody_else_takes_meanwhile_is_taken() -> None:
    make_form("plan")

    @on(pre_save_form, sender=CopyForm)
    def overtake(sender: Any, **kwargs: Any) -> None:
        make_form("copy")

    with pytest.raises(InvalidInput, match="The slug 'copy' is taken") as caught:
        copy_form("plan", "copy", ANNA, name="Copy")
    assert caught.value.field == "slug"
