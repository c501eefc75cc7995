"""Forms, questions and options: made, changed and copied, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import InvalidExpression, InvalidInput, NotFound, Refused
from caluma_async.form import design_api, question_api
from caluma_async.form.design_api import (
    add_form_question,
    copy_form,
    copy_option,
    remove_form_question,
    reorder_form_questions,
    save_form,
    save_option,
)
from caluma_async.form.models import Form, Option, Question
from caluma_async.form.question_api import (
    copy_question,
    save_action_button_question,
    save_calculated_float_question,
    save_choice_question,
    save_dynamic_choice_question,
    save_float_question,
    save_form_question,
    save_integer_question,
    save_table_question,
    save_text_question,
)
from caluma_async.form.verbs import (
    CopyForm,
    ReorderFormQuestions,
    SaveActionButtonQuestion,
    SaveChoiceQuestion,
    SaveFloatQuestion,
    SaveIntegerQuestion,
    SaveQuestion,
    SaveTextQuestion,
)
from caluma_async.identity import User
from caluma_async.testing.factories import make_answer, make_document, make_form, make_option, make_question
from caluma_async.verbs import run
from tests.integration.forms_stage import plan_with_every_question

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])
BEN = User("ben")


def questions_of(form: str) -> list[str]:
    return [link.question_id for link in Form.objects.get(pk=form).form_questions.order_by("-sort")]


def options_of(question: str) -> list[str]:
    return [link.option_id for link in Question.objects.get(pk=question).question_options.order_by("-sort")]


GIVEN: dict[str, dict[str, Any]] = {
    "text": {"min_length": 1, "max_length": 20, "placeholder": "Name", "format_validators": ["email"]},
    "textarea": {"max_length": 2000},
    "integer": {"min_value": -1, "max_value": 9},
    "float": {"min_value": 0.5, "max_value": 1, "step": 0.25},
    "choice": {"options": ["yes", "no"]},
    "multiple_choice": {"options": ["no", "yes"]},
    "table": {"row_form": "row"},
    "form": {"sub_form": "part"},
    "static": {"static_content": "Read this"},
    "calculated_float": {"calc_expression": "'age'|answer(0) * 2"},
    "action_button": {"action": "complete", "color": "primary", "validate_on_enter": True, "show_validation": False},
}
TYPES = [kind for kind in Question.TYPES if not kind.startswith("dynamic")]


@pytest.mark.parametrize("kind", TYPES)
def test_a_question_of_every_type_is_made_and_changed(kind: str) -> None:
    for slug in ("yes", "no"):
        make_option(slug)
    for slug in ("row", "part"):
        make_form(slug)
    make_question("age", type="integer")
    given, save = GIVEN.get(kind, {}), getattr(question_api, f"save_{kind}_question")
    save("new", ANNA, label="New", info_text="Why", is_hidden="true", meta={"a": 1}, **given)
    made = Question.objects.get(pk="new")
    assert (made.type, str(made.label), str(made.info_text), made.is_hidden) == (kind, "New", "Why", "true")
    for name, value in given.items():
        found = getattr(made, name)
        if name == "options":
            assert options_of("new") == value
        else:
            assert str(found) == str(value) if name.endswith(("content", "placeholder", "form")) else found == value
    asave = getattr(question_api, f"asave_{kind}_question")
    async_to_sync(asave)("new", BEN, is_archived=True, info_text=None)
    changed = Question.objects.get(pk="new")
    assert (changed.is_archived, changed.info_text.translate(), changed.meta) == (True, None, {"a": 1})
    assert (changed.configuration, changed.created_by_user, changed.modified_by_user) == (
        made.configuration,
        "anna",
        "ben",
    )
    assert options_of("new") == given.get("options", [])


def test_a_bound_is_cleared_by_null_and_kept_where_it_is_left_out() -> None:
    save_integer_question("age", ANNA, label="Age", min_value=1, max_value=9)
    save_integer_question("age", ANNA, min_value=None)
    assert Question.objects.get().configuration == {"max_value": 9}
    save_integer_question("age", ANNA, label="How old")
    assert Question.objects.get().configuration == {"max_value": 9}


@pytest.mark.parametrize(
    ("verb", "given", "field", "message"),
    [
        (SaveTextQuestion, {"min_length": 3, "max_length": 2}, "minLength", "minLength (3) must not be more"),
        (SaveTextQuestion, {"min_length": 0}, "minLength", "minLength must be 1 or more"),
        (SaveTextQuestion, {"max_length": -1}, "maxLength", "maxLength must be a whole number"),
        (SaveTextQuestion, {"min_length": True}, "minLength", "minLength must be a whole number"),
        (SaveTextQuestion, {"format_validators": ["odd"]}, "formatValidators", "no format validator 'odd'"),
        (SaveTextQuestion, {"format_validators": "email"}, "formatValidators", "must be a list"),
        (SaveTextQuestion, {"is_hidden": "'a'|odd"}, "isHidden", 'no transform "odd", at character 5'),
        (SaveTextQuestion, {"is_required": "1 +"}, "isRequired", "expression"),
        (SaveTextQuestion, {"step": 1}, "step", "There is no field step"),
        (SaveTextQuestion, {"label": None}, "label", "label must be a text"),
        (SaveIntegerQuestion, {"min_value": 2, "max_value": 1}, "minValue", "must not be more than maxValue (1)"),
        (SaveIntegerQuestion, {"min_value": 1.5}, "minValue", "must be a whole number"),
        (SaveIntegerQuestion, {"max_value": 2**31}, "maxValue", "must be a whole number"),
        (SaveIntegerQuestion, {"format_validators": ["email"]}, "formatValidators", "is not for questions of the type"),
        (SaveFloatQuestion, {"step": -0.1}, "step", "step must be 0 or more"),
        (SaveFloatQuestion, {"min_value": float("nan")}, "minValue", "must be a number"),
        (SaveFloatQuestion, {"max_value": 10**400}, "maxValue", "must be a number"),
        (SaveFloatQuestion, {"max_value": "1"}, "maxValue", "must be a number"),
        (SaveChoiceQuestion, {}, "options", "options is needed"),
        (SaveChoiceQuestion, {"options": ["odd"]}, "options", "There is no option 'odd'"),
        (SaveActionButtonQuestion, {"action": "dance"}, "action", "one of complete, skip"),
    ],
)
def test_what_a_question_cannot_be_given_is_refused(
    verb: type[SaveQuestion], given: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        run(verb(ANNA, **{"slug": "new", "label": "New", **given}))
    assert caught.value.fields.keys() == {field}
    assert message in caught.value.message
    assert not Question.objects.exists()


def test_a_bound_is_compared_with_the_one_that_is_there() -> None:
    save_float_question("size", ANNA, label="Size", min_value=5)
    with pytest.raises(InvalidInput, match=r"minValue \(5\) must not be more than maxValue \(4\)"):
        save_float_question("size", ANNA, max_value=4)
    save_float_question("size", ANNA, min_value=4, max_value=4)


def test_a_data_source_must_be_listed() -> None:
    with pytest.raises(InvalidInput, match="There is no data source 'Streets'") as caught:
        save_dynamic_choice_question("street", ANNA, label="Street", data_source="Streets")
    assert caught.value.field == "dataSource"


def test_forms_that_a_question_names_must_exist() -> None:
    with pytest.raises(InvalidInput, match="There is no form 'odd'"):
        save_table_question("rows", ANNA, label="Rows", row_form="odd")
    with pytest.raises(InvalidInput, match="subForm is needed"):
        save_form_question("part", ANNA, label="Part")


def test_options_are_replaced_in_the_order_that_is_given() -> None:
    for slug in "abcd":
        make_option(slug)
    save_choice_question("letter", ANNA, label="Letter", options=["a", "b", "c"])
    save_choice_question("letter", ANNA, options=["d", "c", "a"])
    assert options_of("letter") == ["d", "c", "a"]
    save_choice_question("letter", ANNA, label="A letter")
    assert options_of("letter") == ["d", "c", "a"]
    save_choice_question("letter", ANNA, options=[])
    assert options_of("letter") == []


def test_a_question_becomes_one_of_another_type_as_long_as_it_has_no_answers() -> None:
    make_option("yes")
    save_choice_question("thing", ANNA, label="Thing", options=["yes"])
    with pytest.raises(InvalidInput, match="options is needed"):
        question_api.save_multiple_choice_question("thing", ANNA)
    save_integer_question("thing", ANNA, max_value=3)
    question = Question.objects.get(pk="thing")
    assert (question.type, question.configuration, options_of("thing")) == ("integer", {"max_value": 3}, [])
    save_text_question("thing", ANNA, max_length=5)
    assert Question.objects.get(pk="thing").configuration == {"max_length": 5}
    make_answer(make_document("plan"), "thing", "text")
    with pytest.raises(Refused, match="'thing' is of the type text and has answers; it cannot become integer"):
        save_integer_question("thing", ANNA)
    save_text_question("thing", ANNA, max_length=6)


def test_a_calculation_names_questions_that_exist() -> None:
    make_question("age", type="integer")
    expression = "'age'|answer + 'height'|answer + 'weight'|answer"
    with pytest.raises(InvalidExpression, match="no question 'height', at character 16") as caught:
        save_calculated_float_question("sum", ANNA, label="Sum", calc_expression=expression)
    assert (caught.value.field, caught.value.position) == ("calcExpression", expression.index("'height'"))


def calculated(slug: str, expression: str, **fields: Any) -> Question:
    return save_calculated_float_question(slug, ANNA, label=slug, calc_expression=expression, **fields)


def test_a_calculation_that_needs_itself_is_refused_with_the_chain() -> None:
    with pytest.raises(Refused, match="depend on each other: sum → sum"):
        calculated("sum", "'sum'|answer + 1")
    calculated("a", "1")
    calculated("b", "'a'|answer")
    calculated("c", "'b'|answer")
    with pytest.raises(Refused, match="a → c → b → a"):
        calculated("a", "'c'|answer")
    assert Question.objects.get(pk="a").calc_expression == "1"


def test_a_long_chain_is_followed_to_its_end_in_few_statements() -> None:
    calculated("c-0", "1")
    for number in range(1, 12):
        calculated(f"c-{number}", f"'c-{number - 1}'|answer")
    with CaptureQueriesContext(connection) as captured, pytest.raises(Refused, match=r"c-0 → c-11 → c-10 → .* → c-0"):
        calculated("c-0", "'c-11'|answer")
    assert len(captured.captured_queries) <= 15


def test_a_calculation_that_hides_what_it_needs_is_refused() -> None:
    save_integer_question("age", ANNA, label="Age")
    calculated("double", "'age'|answer(0) * 2")
    with pytest.raises(Refused, match="depend on each other: age → double → age"):
        save_integer_question("age", ANNA, is_hidden="'double'|answer > 10")
    assert Question.objects.get(pk="age").is_hidden == "false"


def test_a_circle_through_a_sub_form_is_refused() -> None:
    """The sub form is hidden by what is calculated of a question in it."""
    for form in ("plan", "part"):
        save_form(form, ANNA, name=form)
    save_integer_question("age", ANNA, label="Age")
    calculated("double", "'age'|answer(0) * 2")
    save_form_question("inside", ANNA, label="Inside", sub_form="part", is_hidden="'double'|answer > 10")
    add_form_question("part", "age", ANNA)
    add_form_question("plan", "double", ANNA)
    with pytest.raises(Refused, match=r"depend on each other: .*double"):
        add_form_question("plan", "inside", ANNA)
    assert questions_of("plan") == ["double"]


def test_forms_that_contain_each_other_are_refused() -> None:
    for form in ("outer", "inner"):
        save_form(form, ANNA, name=form)
    save_form_question("to-inner", ANNA, label="Inner", sub_form="inner")
    save_form_question("to-outer", ANNA, label="Outer", sub_form="outer")
    add_form_question("outer", "to-inner", ANNA)
    with pytest.raises(Refused, match=r"forms contain each other: (inner → outer → inner|outer → inner → outer)"):
        add_form_question("inner", "to-outer", ANNA)
    add_form_question("inner", make_question("harmless"), ANNA)
    assert questions_of("inner") == ["harmless"]


def test_questions_are_added_at_the_end_once() -> None:
    make_question("old", form="plan")
    for slug in ("a", "b"):
        make_question(slug)
        add_form_question("plan", slug, ANNA)
    add_form_question("plan", "a", ANNA)
    assert questions_of("plan") == ["old", "a", "b"]


def test_a_form_whose_questions_were_numbered_down_to_zero_takes_more() -> None:
    make_question("old", form="plan")
    Form.objects.get().form_questions.update(sort=0)
    make_question("new")
    add_form_question("plan", "new", ANNA)
    assert questions_of("plan") == ["old", "new"]


def test_a_question_that_is_removed_keeps_its_answers() -> None:
    make_question("a", form="plan")
    make_question("b", form="plan")
    answer = make_answer(make_document("plan"), "a", "text")
    remove_form_question("plan", "a", ANNA)
    remove_form_question("plan", "a", ANNA)
    answer.refresh_from_db()
    assert questions_of("plan") == ["b"]


@pytest.mark.parametrize("verb", [add_form_question, remove_form_question])
def test_unknown_forms_and_questions_are_not_found(verb: Any) -> None:
    make_form("plan")
    with pytest.raises(NotFound, match="There is no form 'odd'"):
        verb("odd", "a", ANNA)
    with pytest.raises(NotFound, match="There is no question 'odd'"):
        verb("plan", "odd", ANNA)
    with pytest.raises(NotFound, match="There is no question 'not a slug'"):
        verb("plan", "not a slug", ANNA)


def test_questions_are_put_into_another_order() -> None:
    for slug in "abc":
        make_question(slug, form="plan")
    reorder_form_questions("plan", ["c", "a", "b"], ANNA)
    assert questions_of("plan") == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (["a", "b", "a"], "'a' is named twice"),
        (["a", "b", "x"], "'x' is no question of this form"),
        (["a"], "'b' is missing"),
        (None, "questions must be a list"),
    ],
)
def test_another_order_names_every_question_once(order: Any, message: str) -> None:
    for slug in "ab":
        make_question(slug, form="plan")
    with pytest.raises(InvalidInput, match=message) as caught:
        run(ReorderFormQuestions(ANNA, form="plan", questions=order))
    assert caught.value.field == "questions"
    assert questions_of("plan") == ["a", "b"]


def test_a_copy_of_a_form_shares_its_questions() -> None:
    form = plan_with_every_question()
    Form.objects.filter(pk="plan").update(is_archived=True, is_published=True, meta={"a": 1}, description={"en": "D"})
    copy_form("plan", "copy", BEN, name="Copy")
    copy = Form.objects.get(pk="copy")
    assert (str(copy.name), str(copy.description), copy.meta, copy.source) == ("Copy", "D", {"a": 1}, form)
    assert (copy.is_published, copy.is_archived, copy.created_by_user) == (True, False, "ben")
    assert questions_of("copy") == questions_of("plan")
    copy_form("plan", "other", BEN, name="Other", description="Else", is_published=False)
    other = Form.objects.get(pk="other")
    assert (str(other.description), other.is_published) == ("Else", False)


def test_a_copy_of_a_question_shares_its_options() -> None:
    make_question(
        "source",
        type="choice",
        options=["yes", "no"],
        is_archived=True,
        is_hidden="true",
        hint_text="H",
        meta={"a": 1},
        configuration={"odd": 1},
        default_answer=None,
    )
    question = Question.objects.get()
    question.default_answer = make_answer(None, question, "yes")
    question.save()
    copy_question("source", "copy", BEN, label="Copy")
    copy = Question.objects.get(pk="copy")
    assert (str(copy.label), copy.type, copy.is_hidden, str(copy.hint_text)) == ("Copy", "choice", "true", "H")
    assert (copy.meta, copy.configuration, copy.source_id) == ({"a": 1}, {"odd": 1}, "source")
    assert (copy.is_archived, copy.default_answer) == (False, None)
    assert options_of("copy") == ["yes", "no"]


def test_a_copy_of_an_option() -> None:
    make_option("source", is_hidden="true", is_archived=True, meta={"a": 1})
    copy_option("source", "copy", BEN, label="Copy")
    copy = Option.objects.get(pk="copy")
    assert (str(copy.label), copy.is_hidden, copy.meta, copy.is_archived) == ("Copy", "true", {"a": 1}, False)


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"slug": "plan"}, "slug", "The slug 'plan' is taken"),
        ({"source": "odd"}, "source", "There is no form 'odd'"),
        ({"slug": "not a slug"}, "slug", "slug must be made of"),
        ({"slug": None}, "slug", "slug must be made of"),
        ({"is_archived": True}, "isArchived", "There is no field isArchived"),
    ],
)
def test_a_copy_that_cannot_be_made_is_refused(given: dict[str, Any], field: str, message: str) -> None:
    make_form("plan")
    with pytest.raises(InvalidInput, match=message) as caught:
        run(CopyForm(ANNA, **{"slug": "copy", "name": "Copy", "source": "plan", **given}))
    assert caught.value.field == field
    with pytest.raises(InvalidInput, match="name is needed"):
        run(CopyForm(ANNA, slug="copy", source="plan"))
    assert list(Form.objects.values_list("pk", flat=True)) == ["plan"]


def test_an_option_is_made_and_changed() -> None:
    save_option("yes", ANNA, label={"en": "Yes", "de": "Ja"}, is_hidden="'a'|answer == 1", meta={"a": 1})
    async_to_sync(design_api.asave_option)("yes", BEN, is_archived=True, is_hidden=None)
    option = Option.objects.get()
    assert (option.label, option.is_hidden) == ({"en": "Yes", "de": "Ja"}, "false")
    assert (option.is_archived, option.meta, option.modified_by_user) == (True, {"a": 1}, "ben")
    with pytest.raises(InvalidExpression):
        save_option("yes", ANNA, is_hidden="'a'|")


def test_every_function_has_a_twin_for_coroutines() -> None:
    make_form("plan")
    for slug in "ab":
        make_question(slug)
        make_option(f"option-{slug}")

    async def all_of_them() -> None:
        await design_api.asave_form("other", ANNA, name="Other")
        await design_api.acopy_form("other", "copy", ANNA, name="Copy")
        await design_api.aadd_form_question("copy", "a", ANNA)
        await design_api.aadd_form_question("copy", "b", ANNA)
        await design_api.areorder_form_questions("copy", ["b", "a"], ANNA)
        await design_api.aremove_form_question("copy", "a", ANNA)
        await design_api.acopy_option("option-a", "option-c", ANNA, label="C")
        await question_api.acopy_question("a", "c", ANNA, label="C")

    async_to_sync(all_of_them)()
    assert questions_of("copy") == ["b"]
    assert Option.objects.filter(pk="option-c").exists()
    assert Question.objects.filter(pk="c").exists()


def test_a_button_says_what_it_does() -> None:
    save_action_button_question(
        "done", ANNA, label="Done", action="skip", color="default", validate_on_enter=False, show_validation=True
    )
    button = Question.objects.get()
    assert (button.action, button.color, button.validate_on_enter, button.show_validation) == (
        "skip",
        "default",
        False,
        True,
    )
