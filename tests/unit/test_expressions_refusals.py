"""Which expressions are refused, and how that is said."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest

from caluma_async.errors import InvalidExpression
from caluma_async.expressions import MAX_CHARACTERS, MAX_DEPTH, parse
from tests.unit.expressions_stage import CONTEXT, JEXL, Lazy, evaluate, refusal


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("  ", 0),
        ("a ==", 4),
        ("(1", 2),
        ("'abc", 0),
        ("a b", 2),
        ("{a 1}", 3),
        ("a[1", 3),
        ("[1", 2),
        ("'q'|answer(1", 12),
        ("x information", 2),
        ("-a", 1),
        ("[1,]", 3),
        ("a ? b", 5),
        ("'a'|", 4),
        ("'a' + 'b\\u12'", 8),
        ("'\\ud800'", 0),
        ("'\\0'", 1),
        ("'a\0'", 2),
        ("1 + " + "9" * 500, 4),
        ("1 + " + "9" * 390, 4),
        ("a" * (MAX_CHARACTERS + 1), MAX_CHARACTERS),
        ("(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1), MAX_DEPTH + 1),
    ],
)
def test_syntax_errors_tell_the_place(text: str, position: int) -> None:
    with pytest.raises(InvalidExpression) as caught:
        parse(text)
    assert caught.value.position == position
    assert f"at character {position + 1} of the expression" in caught.value.message
    assert len(caught.value.message) < 250


def test_an_expression_is_a_text() -> None:
    with pytest.raises(InvalidExpression):
        parse(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["(", "[", "{a:", "!(", "a[", "a|b(", "1+(", "[{a:("])
def test_deep_nesting_is_refused(unit: str) -> None:
    closing = {"(": ")", "[": "]", "{": "}"}
    tail = "".join(closing[character] for character in reversed(unit) if character in closing)
    for depth in (MAX_DEPTH + 1, 200, 1500):
        with pytest.raises(InvalidExpression, match=r"nested too deeply|at most \d+ characters"):
            JEXL.evaluate(unit * depth + "1" + tail * depth, CONTEXT)


def test_conditions_without_brackets_may_nest_as_deep_as_the_stack() -> None:
    assert evaluate("a?" * 60 + "1" + ":2" * 60) == 1
    with pytest.raises(InvalidExpression, match="nested too deeply"):
        evaluate("a?" * 2_000 + "1" + ":2" * 2_000)


def test_depth_does_not_depend_on_the_stack_of_the_caller() -> None:
    text = "1+(" * MAX_DEPTH + "41" + ")" * MAX_DEPTH

    def deeper(frames: int) -> str:
        return deeper(frames - 1) if frames else parse(text).text

    assert deeper(850) == text


def test_nested_right_operands_are_parsed_in_linear_time() -> None:
    assert evaluate("1 + (" * MAX_DEPTH + "0" + ")" * MAX_DEPTH) == MAX_DEPTH


def test_long_flat_expressions_are_no_depth() -> None:
    assert evaluate("+".join(["1"] * 2000)) == 2000
    assert evaluate("a" + "|debug" * 1000) == 1
    assert evaluate("!" * 4_000 + "a") is True
    assert evaluate("missing ? 1 : " * 700 + "2") == 2
    assert evaluate("missing ?: " * 900 + "2") == 2


@pytest.mark.parametrize(
    ("text", "reason", "position"),
    [
        ("1 / 0", "Division by zero", 2),
        ("1 % (1 - 1)", "Division by zero", 2),
        ("0 ^ -1", "Division by zero", 2),
        ("1 + 'a'", '"+" does not work with a number and a text', 2),
        ("[] - 1", '"-" does not work with a list and a number', 3),
        ("'a' < 1", '"<" does not work with a text and a number', 4),
        ("{} > {}", '">" does not work with an object and an object', 3),
        ("'%s' % 1", '"%" does not work with a text and a number', 5),
        ("(0 - 8) ^ 0.5", "This power is no real number", 8),
        ("info[.a]", "Only a list has items to filter, not an object", 4),
        ("'a'|nothing", 'There is no transform "nothing"', 4),
        ("5|task", 'The transform "task" does not work with a number here', 2),
        ("'a'|task(1)", 'The transform "task" does not work with a text here', 4),
        ("1 + 'x'|unknown", 'There is no "x"', 8),
    ],
)
def test_errors_name_reason_place_and_expression(text: str, reason: str, position: int) -> None:
    error = refusal(text)
    assert error.message == f'{reason}, at character {position + 1} of the expression "{text}".'
    assert error.position == position


def test_what_is_not_reached_does_not_fail() -> None:
    assert evaluate("a ? 1 : 1 / 0") == 1
    assert evaluate("a || 'x'|nothing") == 1
    assert evaluate("truth && 1 / 0") is False


@pytest.mark.parametrize(
    "text",
    [
        "'a' * 1000000000",
        "[1] * 1000000000",
        "1000000000 * 'a'",
        "2 ^ 2 ^ 2 ^ 2 ^ 2 ^ 2 ^ 2 ^ 2 ^ 2 ^ 2 ^ 2",
        "2 ^ (2 ^ (2 ^ (2 ^ (2 ^ 2))))",
        "9999999999 ^ 9999999999",
        "9.5 ^ 999999",
        "9" * 300 + " * " + "9" * 300,
        "-" + "9" * 300 + " * " + "9" * 300,
        "'%1000000000d' % 1",
        "[" + ",".join(["'aaaaaaaaaa' * 10000"] * 400) + "]|length",
        "'a' * 90000 + 'a' * 90000",
        "[1] * 90000 + [1] * 90000",
        "([[1] * 10000] * 10000)|flatten",
        "([1] * 50000)|mapby('a', 'b', 'c')",
        "([1] * 10000)[([1] * 10000)[.x == 1]|length > .y]",
        "([[1] * 10000] * 10000) == ([[1] * 10000] * 10000)",
        "([[1] * 10000] * 10000) < ([[1] * 10000] * 10000)",
        "[1] in ([[1] * 10000] * 10000)",
        "([[1]] * 10000) intersects ([[2]] * 10000)",
        "([['aaaaaaaaaa' * 1000] * 1000])|stringify",
        "[[[[[1] * 1000] * 1000] * 1000] * 1000]",
        "[{x: [1] * 100}][[{x: [.x] * 100}][[{x: [.x] * 100}][[{x: [.x] * 100}][[.x] == [.x]]]]]",
    ],
)
def test_bombs_are_refused_at_once(text: str) -> None:
    # time of the processor, not of the clock: others may use the machine; and measuring coverage costs several times
    at_most = 1 if sys.gettrace() is None else 5
    started = time.process_time()
    refusal(text)
    assert time.process_time() - started < at_most


@pytest.mark.parametrize("path", ["object.__class__", "t.upper", "rows.append", "a.real", "info.keys", "object['x']"])
def test_attributes_of_python_objects_are_out_of_reach(path: str) -> None:
    assert evaluate(path) is None


def test_lazy_mappings_compute_what_is_read_only() -> None:
    lazy = Lazy("case", "costly")
    assert JEXL.evaluate("info.case", {"info": lazy}) == "value of case"
    assert JEXL.evaluate("info.nothing == null && info", {"info": lazy}) is lazy
    assert JEXL.evaluate("[info]|debug|length", {"info": lazy}) == 1
    assert JEXL.evaluate("case", lazy) == "value of case"
    assert lazy.asked == ["case", "case"]
    assert JEXL.evaluate("info|stringify", {"info": lazy}) == '{"case": "value of case", "costly": "value of costly"}'


def test_deep_or_endless_data_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    deep: list[Any] = []
    equally_deep: list[Any] = []
    for _ in range(100_000):
        deep, equally_deep = [deep], [equally_deep]
    for text in ("x|stringify", "x == y", "x"):
        with pytest.raises(InvalidExpression):
            JEXL.evaluate(text, {"x": endless, "y": [endless]})
    for text in ("x|stringify", "x == y"):
        with pytest.raises(InvalidExpression):
            JEXL.evaluate(text, {"x": deep, "y": equally_deep})
