"""When a field is hidden, and when an answer to it is required."""

from __future__ import annotations

from time import process_time
from typing import Any
from uuid import uuid4

import pytest

from caluma_async.errors import InvalidExpression, Refused
from caluma_async.expressions import MOST_STEPS
from caluma_async.form.structure import AnswerData, DocumentData, Family, Structure, evaluation
from caluma_async.form.structure.definition import QuestionDefinition
from caluma_async.form.structure.recalculating import recalculated
from caluma_async.form.validation import REQUIRED, complaints
from caluma_async.identity import ANONYMOUS
from tests.unit.structure_stage import calculated, catalogue, field, form, hidden, question, required, structure


@pytest.mark.parametrize(
    ("is_hidden", "answers", "expected"),
    [
        ("true", {}, True),
        ("false", {}, False),
        ("", {}, False),
        (" ", {}, False),
        ("1 > 0", {}, True),
        ("'a'|answer == 'x'", {"a": "x"}, True),
        ("'a'|answer == 'x'", {"a": "y"}, False),
        # all named are empty: hidden whatever the expression says
        ("'a'|answer == 'x'", {}, True),
        ("!('a'|answer)", {}, True),
        ("'a'|answer('x') != 'x'", {}, True),
        ("'a'|answer == 'x'", {"a": ""}, True),
        ("'a'|answer == 'x' && 'b'|answer == 'x'", {"b": "y"}, False),
        # what does not exist here is not among them
        ("'nowhere'|answer('x') != 'x'", {}, False),
        ("'nowhere'|answer('x') == 'x' && 'a'|answer", {}, True),
        # columns are not named
        ("'t'|answer|mapby('c')|sum > 5", {"t": [{"c": 3}]}, False),
        ("'t'|answer|mapby('c')|sum > 5", {"t": [{"c": 6}]}, True),
        ("'t'|answer|mapby('c')|sum > 5", {}, True),
        ("'t'|answer|mapby('c')|sum == 0", {"t": [{"c": None}]}, True),
        ("info.form == 'main'", {}, True),
        ("'h'|answer", {"h": "visible to none"}, True),
    ],
)
def test_a_question_is_hidden(is_hidden: str, answers: dict[str, Any], expected: bool) -> None:
    main = form(
        "main",
        question("a"),
        question("b"),
        question("h", is_hidden="true"),
        question("t", "table", row_form="row"),
        question("x", is_hidden=is_hidden),
    )
    of = structure([main, form("row", question("c", "integer"))], answers)
    assert of.hidden(field(of, "x")) is expected


@pytest.mark.parametrize(
    ("is_required", "answers", "expected"),
    [
        ("true", {}, True),
        ("false", {}, False),
        ("'a'|answer == 'x'", {"a": "x"}, True),
        ("'a'|answer != 'x'", {"a": "x"}, False),
        ("'a'|answer != 'x'", {}, False),
        ("'a'|answer('y') != 'x' || true", {}, False),
        ("'nowhere'|answer('y') == 'y'", {}, True),
    ],
)
def test_an_answer_is_required(is_required: str, answers: dict[str, Any], expected: bool) -> None:
    of = structure([form("main", question("a"), question("x", is_required=is_required))], answers)
    assert of.required(field(of, "x")) is expected


def test_what_hidden_things_enclose_is_hidden_and_not_required() -> None:
    main = form(
        "main",
        question("to-sub", "form", sub_form="sub", is_hidden="true", is_required="true"),
        question("t", "table", row_form="row", is_hidden="true", is_required="true"),
    )
    sub = form("sub", question("part", is_required="true"), question("to-deep", "form", sub_form="deep"))
    deep = form("deep", question("inner", is_required="true"))
    row = form("row", question("cell", is_required="true"))
    of = structure([main, sub, deep, row], {"t": [{}, {}], "part": "p"})
    assert hidden(of) == ["to-sub", "part", "to-deep", "inner", "t", "cell", "cell"]
    assert required(of) == []


@pytest.mark.parametrize("kind", ["form", "static", "action_button"])
def test_what_cannot_be_answered_is_not_required(kind: str) -> None:
    assert required(structure([form("main", question("x", kind, is_required="true"))])) == []


def test_options_are_evaluated_where_their_question_is() -> None:
    kinds = question("kind", "choice", options=["a", ("b", "'size'|answer > 5"), ("c", "info.form != 'row'")])
    main = form("main", question("size", "integer"), kinds, question("t", "table", row_form="row"))
    of = structure([main, form("row", kinds)], {"size": 9, "t": [{}]})
    assert [of.visible_options(field(of, "kind", at)) for at in (0, 1)] == [["a"], ["a", "c"]]


def test_each_expression_is_evaluated_once_per_field(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [question("q0")] + [question(f"q{at}", is_hidden=f"'q{at - 1}'|answer != 'x'") for at in range(1, 20)]
    of = structure([form("main", *questions)], {f"q{at}": "x" for at in range(20)})
    ran: list[str] = []
    run = of._run
    monkeypatch.setattr(of, "_run", lambda formula, at, what: ran.append(at.slug) or run(formula, at, what))
    assert hidden(of) == []
    assert hidden(of) == []
    assert sorted(ran) == sorted(f"q{at}" for at in range(1, 20))


def test_a_chain_of_questions_may_be_longer_than_pythons_stack() -> None:
    length = 3_000
    chain = [question(f"q{at}", is_hidden=f"'q{at - 1}'|answer != 'x'") for at in range(1, length)]
    of = structure([form("main", *reversed(chain), question("q0"))], {f"q{at}": "x" for at in range(length)})
    assert hidden(of) == []


def test_sub_forms_may_be_deeper_than_pythons_stack() -> None:
    depth = 1_500
    forms = [
        form(f"f{at}", question(f"q{at}"), question(f"to-{at + 1}", "form", sub_form=f"f{at + 1}"))
        for at in range(depth)
    ]
    bottom = form(
        f"f{depth}", question("bottom", is_hidden="'q0'|answer == 'x'"), question("near", is_hidden="'bottom'|answer")
    )
    of = structure([*forms, bottom], {"q0": "x", "bottom": "b"})
    assert hidden(of) == ["bottom", "near"]


def test_questions_that_depend_on_each_other_are_named() -> None:
    main = form(
        "main",
        question("a", is_hidden="'b'|answer"),
        question("b", is_hidden="'c'|answer"),
        question("c", is_hidden="'b'|answer"),
        question("d"),
    )
    of = structure([main], dict.fromkeys("abcd", "x"))
    for slug in "abc":
        with pytest.raises(InvalidExpression, match="The questions 'b' → 'c' → 'b' depend on each other"):
            of.hidden(field(of, slug))
    assert not of.hidden(field(of, "d"))


def test_a_question_that_is_put_together_and_depends_on_itself_is_named() -> None:
    of = structure([form("main", question("a", is_hidden="('' + 'a')|answer == 'x'"))], {"a": "x"})
    with pytest.raises(InvalidExpression, match="'a' → 'a' depend on each other"):
        of.hidden(field(of, "a"))


def test_forms_that_contain_each_other_are_named() -> None:
    a, b = (form(one, question(f"to-{two}", "form", sub_form=two)) for one, two in ("ab", "ba"))
    with pytest.raises(Refused, match="The forms contain each other: a → b → a"):
        catalogue(a, b)


def test_rows_may_have_rows_of_their_own_form() -> None:
    row = form("row", question("name"), question("parts", "table", row_form="row"))
    of = structure([form("main", question("parts", "table", row_form="row")), row], {"parts": [{"parts": [{}, {}]}]})
    assert [each.slug for each in of.fields()] == ["parts", "name", "parts", *["name", "parts"] * 2]


def test_sub_forms_that_multiply_without_end_are_refused() -> None:
    levels = [
        form(
            f"f{at}",
            question(f"left-{at}", "form", sub_form=f"f{at + 1}"),
            question(f"right-{at}", "form", sub_form=f"f{at + 1}"),
        )
        for at in range(40)
    ]
    with pytest.raises(Refused, match="more than 20000 questions"):
        catalogue(*levels, form("f40", question("x")))


def test_all_expressions_of_a_document_together_have_a_limit() -> None:
    bomb = "([1,2,3,4,5,6,7,8,9,10] * 10 * 10 * 10 * 10)|length > 0"
    questions = [question(f"q{at}", is_hidden=f"{bomb} && {at} < 0") for at in range(200)]
    of = structure([form("main", *questions)])
    with pytest.raises(InvalidExpression, match="too many steps"):
        hidden(of)


LONG = "+".join(["1"] * 4_900)
NAMES = "||".join([f"'n{at}'|answer" for at in range(300)])
TEN = "[1,2,3,4,5,6,7,8,9,10]"

AT_MOST = 10
"""Seconds of the processor for a fifth of the steps; without a limit it takes minutes."""


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of the steps, for they take ten times as long while coverage is measured."""
    monkeypatch.setattr(evaluation, "MOST_STEPS", MOST_STEPS // 5)


@pytest.mark.parametrize(
    "fields",
    [
        {"is_hidden": f"{LONG} < 0"},
        {"is_required": f"{LONG} < 0"},
        {"is_hidden": f"({TEN} * 100)[(.x || 1.5)|round(2) < 0]|length > 0"},
        {"is_hidden": f"({TEN} * 3000)|stringify == ''"},
        {"is_hidden": "([{a: 1}] * 900)|mapby('a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a')|length < 0"},
        {"is_hidden": f"{NAMES} || false"},
        {"is_required": NAMES},
        {"is_hidden": "'big'|answer|mapby('a', 'b', 'c')|length < 0"},
    ],
)
def test_what_expressions_of_all_rows_take_has_a_limit(few_steps: None, fields: dict[str, Any]) -> None:
    of = _in_a_hundred_rows(*[question(f"c{at}", **fields) for at in range(45)])
    before = process_time()
    with pytest.raises(InvalidExpression, match="the expressions of this document take too many steps together"):
        complaints(of, ANONYMOUS)
    assert process_time() - before < AT_MOST


@pytest.mark.parametrize("text", [LONG, f"({TEN} * 9000)|stringify|length", f"({TEN} * 3000)[.x == 1]|length"])
def test_what_is_calculated_beyond_the_limit_is_null(few_steps: None, text: str) -> None:
    of = _in_a_hundred_rows(*[calculated(f"c{at}", text) for at in range(45)])
    before = process_time()
    numbers = recalculated(of, None)
    assert (len(numbers), [*numbers.values()][-1]) == (4_501, None)
    assert process_time() - before < AT_MOST


@pytest.mark.parametrize(
    ("is_required", "at_least"),
    [("true", MOST_STEPS / 3), ("'size'|answer == 3 || 'top'|answer|length > 3", 0)],
)
def test_two_hundred_questions_with_a_table_of_a_hundred_rows_are_within_the_limit(
    is_required: str, at_least: float
) -> None:
    is_hidden = "'size'|answer == 7 && 'top'|answer != 'y'"
    columns = [question(f"c{at}", is_hidden=is_hidden, is_required=is_required) for at in range(195)]
    of = _in_a_hundred_rows(*columns, calculated("share", "('size'|answer / 'sum'|answer)|round(2)"))
    assert {each.message for each in complaints(of, ANONYMOUS)} == {REQUIRED}
    assert of._steps_left > at_least


def _in_a_hundred_rows(*columns: QuestionDefinition) -> Structure:
    others = [question(f"n{at}") for at in range(300)]
    tables = [question("big", "table", row_form="row"), calculated("sum", "'big'|answer|mapby('size')|sum")]
    forms = [form("main", question("top"), *others, *tables), form("row", question("size", "integer"), *columns)]
    return structure(forms, {"top": "a", "big": [{"size": 3} for _ in range(100)]})


def test_a_table_without_a_row_form_has_no_rows_and_no_row_is_around_itself() -> None:
    key = uuid4()
    row = form("row", question("parts", "table", row_form="row"))
    parts = AnswerData(id=uuid4(), rows=(key,))
    for main in (form("main", question("parts", "table")), form("main", question("parts", "table", row_form="row"))):
        documents = {key: DocumentData(id=key, form="main", answers={"parts": parts})}
        of = Structure(catalogue(main, row), Family(root=key, documents=documents))
        assert [each.slug for each in of.fields()] == ["parts"]
        assert of.value(field(of, "parts")) == []
