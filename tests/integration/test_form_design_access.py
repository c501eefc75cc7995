"""Who may design what: permissions by the bases of verbs, and what one may not see is not there."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from caluma_async.access.permissions import BasePermission, permission_for
from caluma_async.access.site import Rules, SiteAccess
from caluma_async.access.validations import BaseValidation, validation_for
from caluma_async.access.visibilities import BaseVisibility, filter_queryset_for
from caluma_async.errors import InvalidInput, NotAllowed, NotFound
from caluma_async.form import verbs
from caluma_async.form.models import Form, Option, Question
from caluma_async.identity import User
from caluma_async.records import SlugRecord
from caluma_async.testing.factories import make_document, make_form, make_option, make_question
from caluma_async.verbs import Verb, run

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])


class OnlyAnswers(BasePermission):
    """Default answers may be saved, questions and all else may not."""

    @permission_for(Verb)
    def nothing(self, mutation: Any, info: Any) -> bool:
        return False

    @permission_for(verbs.SaveDefaultAnswer)
    def default_answers(self, mutation: Any, info: Any) -> bool:
        return True


class NotHidden(BaseVisibility):
    """What begins with `hidden` is."""

    @filter_queryset_for(SlugRecord)
    def by_slug(self, node: type[Model], queryset: QuerySet[Any], info: Any) -> QuerySet[Any]:
        return queryset.exclude(pk__startswith="hidden")


class Prefixed(BaseValidation):
    """Labels of questions get a star."""

    @validation_for(verbs.SaveQuestion)
    def star(self, mutation: Any, data: dict[str, Any], info: Any) -> dict[str, Any]:
        return {**data, "label": f"* {data['label']}"}


def access(**rules: Any) -> SiteAccess:
    return SiteAccess(Rules(**{"permissions": [], "visibilities": [], **rules}), HttpRequest())


def test_a_permission_for_a_base_holds_for_every_kind() -> None:
    make_question("name")
    make_question("age", type="integer")
    only_answers = access(permissions=[OnlyAnswers])
    run(verbs.SaveDefaultStringAnswer(ANNA, access=only_answers, question="name", value="Ann"))
    run(verbs.SaveDefaultIntegerAnswer(ANNA, access=only_answers, question="age", value=1))
    for verb in (verbs.SaveTextQuestion, verbs.SaveIntegerQuestion, verbs.SaveForm, verbs.SaveOption):
        with pytest.raises(NotAllowed):
            run(verb(ANNA, access=only_answers, slug="new", label="New", name="New"))
    with pytest.raises(NotAllowed):
        run(verbs.RemoveDefaultAnswer(ANNA, access=only_answers, question="name"))


def test_a_validation_for_a_base_may_change_the_input_of_every_kind() -> None:
    prefixed = access(validations=[Prefixed])
    run(verbs.SaveTextQuestion(ANNA, access=prefixed, slug="name", label="Name"))
    run(verbs.SaveDateQuestion(ANNA, access=prefixed, slug="day", label="Day"))
    assert {str(question.label) for question in Question.objects.all()} == {"* Name", "* Day"}


@pytest.fixture
def hidden() -> SiteAccess:
    """Some of everything is hidden."""
    for make in (make_form, make_question, make_option):
        make("hidden")
        make("shown")
    return access(visibilities=[NotHidden])


NEW: dict[str, Any] = {"slug": "new", "label": "New"}


@pytest.mark.parametrize(
    ("verb", "given", "field"),
    [
        (verbs.SaveForm, {"slug": "hidden", "name": "x"}, "slug"),
        (verbs.SaveOption, {"slug": "hidden", "label": "x"}, "slug"),
        (verbs.SaveTextQuestion, {"slug": "hidden", "label": "x"}, "slug"),
        (verbs.SaveChoiceQuestion, {**NEW, "options": ["shown", "hidden"]}, "options"),
        (verbs.SaveTableQuestion, {**NEW, "row_form": "hidden"}, "rowForm"),
        (verbs.SaveFormQuestion, {**NEW, "sub_form": "hidden"}, "subForm"),
        (verbs.SaveCalculatedFloatQuestion, {**NEW, "calc_expression": "'hidden'|answer"}, "calcExpression"),
        (verbs.CopyForm, {"slug": "new", "name": "x", "source": "hidden"}, "source"),
        (verbs.CopyForm, {"slug": "hidden", "name": "x", "source": "shown"}, "slug"),
        (verbs.CopyQuestion, {**NEW, "source": "hidden"}, "source"),
        (verbs.CopyOption, {**NEW, "source": "hidden"}, "source"),
    ],
)
def test_input_that_names_what_is_hidden_is_refused_as_if_it_were_not_there(
    hidden: SiteAccess, verb: type[Verb[Any]], given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        run(verb(ANNA, access=hidden, **given))
    assert caught.value.fields.keys() == {field}
    assert "taken" in caught.value.message or "There is no" in caught.value.message
    assert all(model.objects.count() == 2 for model in (Form, Question, Option))


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        (verbs.AddFormQuestion, {"form": "hidden", "question": "shown"}),
        (verbs.AddFormQuestion, {"form": "shown", "question": "hidden"}),
        (verbs.RemoveFormQuestion, {"form": "shown", "question": "hidden"}),
        (verbs.ReorderFormQuestions, {"form": "hidden", "questions": []}),
        (verbs.SaveDefaultStringAnswer, {"question": "hidden", "value": "x"}),
        (verbs.RemoveDefaultAnswer, {"question": "hidden"}),
    ],
)
def test_what_is_hidden_is_not_found(hidden: SiteAccess, verb: type[Verb[Any]], given: dict[str, Any]) -> None:
    with pytest.raises(NotFound, match=r"There is no (form|question) 'hidden'"):
        run(verb(ANNA, access=hidden, **given))


def test_what_is_shown_can_be_worked_with(hidden: SiteAccess) -> None:
    act = partial(dict, user=ANNA, access=hidden)
    run(verbs.AddFormQuestion(**act(form="shown", question="shown")))
    run(verbs.SaveDefaultStringAnswer(**act(question="shown", value="x")))
    run(verbs.CopyForm(**act(slug="copy", name="Copy", source="shown")))
    run(verbs.ReorderFormQuestions(**act(form="shown", questions=["shown"])))
    run(verbs.RemoveFormQuestion(**act(form="shown", question="shown")))
    assert Form.objects.get(pk="copy").questions.get().pk == "shown"
    assert not Form.objects.get(pk="shown").questions.exists()
    assert make_document("copy").form_id == "copy"


def test_a_question_that_is_hidden_keeps_its_place_in_another_order() -> None:
    for slug in ("a", "hidden", "b"):
        make_question(slug, form="plan")
    seen = access(visibilities=[NotHidden])
    with pytest.raises(InvalidInput, match="'b' is missing"):
        run(verbs.ReorderFormQuestions(ANNA, access=seen, form="plan", questions=["a"]))
    with pytest.raises(InvalidInput, match="'hidden' is no question of this form"):
        run(verbs.ReorderFormQuestions(ANNA, access=seen, form="plan", questions=["a", "hidden", "b"]))
    run(verbs.ReorderFormQuestions(ANNA, access=seen, form="plan", questions=["b", "a"]))
    links = Form.objects.get().form_questions.order_by("-sort")
    assert [link.question_id for link in links] == ["b", "hidden", "a"]
