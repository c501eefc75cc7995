"""What callers can learn of an expression, and what holds for any text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caluma_async.errors import InvalidExpression, Misconfigured
from caluma_async.expressions import Call, Jexl, Operator, Text, parse
from tests.unit.expressions_stage import CONTEXT, JEXL, evaluate, task


def test_validate_refuses_what_evaluation_might_not_reach() -> None:
    for text, position, reason in (
        ("a ? 1 : 'x'|nothing", 12, 'There is no transform "nothing"'),
        ("rows[.k|nothing]", 8, 'There is no transform "nothing"'),
        ("'a'|task(1, 2)", 4, 'The transform "task" does not take 2 arguments'),
        ("rows|mapby", 5, 'The transform "mapby" does not take 0 arguments'),
    ):
        with pytest.raises(InvalidExpression) as caught:
            JEXL.validate(text)
        assert caught.value.position == position
        assert caught.value.message.startswith(reason)
    assert JEXL.validate("rows|mapby('a', 'b')").text == "rows|mapby('a', 'b')"


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("'a'|task", ["a"]),
        ("['a', 'b']|tasks", ["a", "b"]),
        ("(x == 'no' ? 'a' : y ? ['b', z] : 'c')|tasks", ["a", "b", "c"]),
        ("x == 'no' ? 'a'|task : ['b']|tasks", ["a", "b"]),
        ("('a' || 'b')|task", ["a", "b"]),
        ("(['a'] + ['b'])|tasks", ["a", "b"]),
        ("(x ?: 'a')|task", ["a"]),
        ("rows[.k == 'a'|task]|mapby('no')", ["a"]),
        ("'no'|answer('a'|task)", ["a"]),
        ("{k: ['a'|task]}", ["a"]),
        ("!('a'|task)", ["a"]),
        ("('n' + 'o')|task", []),
        ("x|task", []),
        ("'no'|answer|task", []),
    ],
)
def test_texts_given_to_transforms(text: str, texts: list[str]) -> None:
    found = parse(text).texts("task", "tasks")
    assert [each.value for each in found] == texts
    assert all(text[each.position + 1 :].startswith(each.value) for each in found)


def test_calls_tell_arguments_and_what_they_work_on() -> None:
    outer, column = parse("'t'|answer|mapby('c', x)").calls
    assert (outer.name, outer.texts, outer.static) == ("answer", (Text(value="t", position=0),), True)
    assert [[text.value for text in argument] for argument in column.arguments] == [["c"], []]
    assert column.subject is outer
    assert not column.static
    assert [call.static for call in parse("[1, x]|tasks || 5|task || {}|task").calls] == [False, True, False]


def test_analyze_hands_out_calls_and_places_refusals() -> None:
    seen: list[Call] = []
    JEXL.analyze("'a'|task || ['b']|tasks", seen.append)
    assert [call.name for call in seen] == ["task", "tasks"]

    def refuse(call: Call) -> None:
        raise InvalidExpression('there is no task "b"', position=call.texts[0].position if call.texts else None)

    for text, position in (("x|task", 2), ("['b']|tasks", 1)):
        with pytest.raises(InvalidExpression) as caught:
            JEXL.analyze(text, refuse)
        assert caught.value.position == position
        assert caught.value.message.startswith('There is no task "b", at character')


def test_transforms_of_one_evaluation() -> None:
    text = "'q'|answer(2) * 2"
    assert JEXL.evaluate(text, transforms={"answer": lambda slug, default=None: 21}) == 42
    assert JEXL.evaluate(JEXL.parse(text)) == 4
    with pytest.raises(Misconfigured):
        JEXL.evaluate(text, transforms={"unheard": task})


def test_errors_of_other_kinds_pass_transforms() -> None:
    class DatabaseError(Exception):
        pass

    def failing(value: Any) -> Any:
        raise DatabaseError

    with pytest.raises(DatabaseError):
        Jexl(transforms={"failing": failing}).evaluate("1|failing")


def test_an_error_of_a_nested_evaluation_keeps_its_own_place() -> None:
    engine = Jexl(transforms={"other": JEXL.evaluate})
    with pytest.raises(InvalidExpression) as caught:
        engine.evaluate("5 + '1 / 0'|other")
    assert caught.value.message == 'Division by zero, at character 3 of the expression "1 / 0".'


def test_own_binary_operators() -> None:
    between = Operator(precedence=20, apply=lambda value, bounds: bounds[0] <= value <= bounds[1])
    engine = Jexl(binary_operators={"within": between, "=~": Operator(precedence=20, apply=lambda a, b: a in b)})
    assert engine.evaluate("1 + 1 within [1, 2] && 'a' =~ 'abc'") is True
    with pytest.raises(InvalidExpression, match='"within" does not work with a number and null, at character 3 of'):
        engine.evaluate("1 within null")
    with pytest.raises(InvalidExpression):
        parse("1 within [1, 2]")


@pytest.mark.parametrize(
    "options",
    [
        {"transforms": {"not a name": task}},
        {"transforms": {"iterate": iter}},
        {"binary_operators": {"": Operator(precedence=20, apply=max)}},
        {"binary_operators": {"a b": Operator(precedence=20, apply=max)}},
    ],
)
def test_impossible_engines_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        Jexl(**options)


def test_parsing_is_cached() -> None:
    assert parse("1 + 1 + 1") is parse("1 + 1 + " + "1")
    assert JEXL.parse("1 + 1 + 1") is parse("1 + 1 + 1")


def test_many_threads_at_once() -> None:
    texts = [f"rows[.n > {number}]|length + {number} + ('a'|task)|length" for number in range(100)] * 5
    with ThreadPoolExecutor(16) as pool:
        values = list(pool.map(evaluate, texts))
    assert values == [evaluate(text) for text in texts]


ATOMS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.sampled_from(
        ["null", "true", "false", "a", "t", "rows", "info.case", "''", "[]", "{}", "1.5", ".n", "'x'", "0"]
    ),
)


def _larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    symbols = [
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "^",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "&&",
        "||",
        "??",
        "in",
        "intersects",
    ]
    names = [
        "flatten",
        "length",
        "stringify",
        "min",
        "max",
        "sum",
        "avg",
        "round",
        "ceil",
        "floor",
        "task",
        "mapby('n')",
    ]
    return st.one_of(
        st.tuples(parts, st.sampled_from(symbols), parts).map(lambda each: f"({' '.join(each)})"),
        st.tuples(parts, st.sampled_from(names)).map("|".join),
        st.tuples(parts, parts, parts).map(lambda each: "({} ? {} : {})".format(*each)),
        st.tuples(parts, parts).map(lambda each: "({})[{}]".format(*each)),
        st.lists(parts, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        parts.map(lambda each: f"!{each}"),
    )


@given(st.recursive(ATOMS, _larger, max_leaves=12))
def test_a_well_formed_expression_has_a_value_or_a_reason(text: str) -> None:
    JEXL.validate(text)
    with suppress(InvalidExpression):
        value = JEXL.evaluate(text, CONTEXT)
        assert value is None or isinstance(value, (bool, int, float, str, list, dict))


@given(st.text(alphabet="a1.'\"\\|&?:!=<>+-*/%^()[]{}, \n\0ä\ud800u", max_size=60) | st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    with suppress(InvalidExpression):
        JEXL.evaluate(text, CONTEXT)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50))
def test_texts_come_back_as_written(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    assert JEXL.evaluate(f"'{escaped}'") == text


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15).filter(bool))
def test_arithmetic_is_that_of_numbers(left: int, right: int) -> None:
    values = JEXL.evaluate("[a + b, a - b, a * b, a / b, a // b, a % b, a < b, a == b]", {"a": left, "b": right})
    assert values == [
        left + right,
        left - right,
        left * right,
        left / right,
        left // right,
        left % right,
        left < right,
        left == right,
    ]


@given(st.decimals(-1000, 1000, places=4, allow_nan=False))
def test_round_is_half_up(number: Any) -> None:
    whole = JEXL.evaluate("n|round", {"n": float(number)})
    assert isinstance(whole, int)
    assert whole - 0.5 <= number < whole + 0.5
