"""The JEXL engine: what expressions mean, where they are refused, and that none of them can do harm."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caluma_async.errors import InvalidExpression, Misconfigured
from caluma_async.expressions import MAX_CHARACTERS, MAX_DEPTH, Call, Jexl, Operator, Text, parse


def task(slug: str) -> str:
    return f"task:{slug.lower()}"


def answer(slug: str, default: Any = None) -> Any:
    return default


def unknown(slug: Any) -> Any:
    raise InvalidExpression(f'there is no "{slug}".')


JEXL = Jexl(transforms={"task": task, "tasks": list, "answer": answer, "unknown": unknown})
CONTEXT: dict[str, Any] = {
    "a": 1,
    "t": "text",
    "rows": [{"n": 1, "k": "x"}, {"n": 2, "k": "y"}, {"n": None}],
    "info": {"case": {"group": "admin", "groups": ["admin", "staff"]}},
    "truth": False,
    "trueish": "a name",
    "object": object(),
}


def evaluate(text: str) -> Any:
    return JEXL.evaluate(text, CONTEXT)


def refusal(text: str) -> InvalidExpression:
    with pytest.raises(InvalidExpression) as caught:
        evaluate(text)
    return caught.value


class Lazy(Mapping[str, Any]):
    """A mapping that computes what is asked for, and remembers what that was."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        self.asked.append(name)
        return f"value of {name}"

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 2 - 3", 5),
        ("2 ^ 3 ^ 2", 64),
        ("2 * 7 % 4", 6),
        ("7 // 2", 3),
        ("7 / 2", 3.5),
        ("-1", -1),
        ("1-1", 0),
        ("1 - -1", 2),
        ("1.50", 1.5),
        ("2 ^ -1", 0.5),
        ("-1 ^ 99999999", -1),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("'ab' * 2", "abab"),
        ("2 * [0]", [0, 0]),
        ("'' * 99999999", ""),
        ("1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", True),
        ("'2024-01-31' < '2024-02-01'", True),
        ("1 == 1.0 && 'a' != 'b'", True),
        ("[1, {a: 2}] == [1, {a: 2}]", True),
        ("true || false && false", False),  # one precedence, as in the browser
        ("!true || true", True),
        ("!a == 1", False),
        ("!!t", True),
        ("!!!t", False),
        ("0 || 'b'", "b"),
        ("0 ?? 'b'", 0),
        ("missing ?? 'b'", "b"),
        ("a ? 'yes' : 'no'", "yes"),
        ("missing ? 1 : a == 2 ? 2 : 3", 3),
        ("a ?: 2", 1),
        ("missing ?: 2", 2),
        ("'x' in 'text'", True),
        ("5 in 'a5'", False),
        ("1 in [1]", True),
        ("[1] in [[1]]", True),
        ("'case' in info", True),
        ("1 in a", False),
        ("[1, 2] intersects [2, 3]", True),
        ("[{a: 1}] intersects [{a: 1}]", True),
        ("'a' intersects ['ab']", False),
        ("null intersects ['a']", False),
        ("info.case.groups intersects ['staff']", True),
        ("trueish", "a name"),
        ("truth", False),
        ("rows[.n > 1].n", None),
        ("rows[.n > 1][0].k", "y"),
        ("rows['x' in [.k]]|length", 1),
        ("rows[.n in [1, a + 1]]|mapby('k')", ["x", "y"]),
        ("rows[.missing.deeper == null]|length", 3),
        ("rows[0].n", 1),
        ("rows[-1].n", None),
        ("rows[9]", None),
        ("rows[true]|length", 3),
        ("rows[false]", None),
        ("missing[.a]", []),
        ("info['case'].group", "admin"),
        ("info['nothing']", None),
        ("'ab'[1]", "b"),
        ("a[0]", None),
        ("{a: 1, b: [a, 2]}.b", [1, 2]),
        ("{}", {}),
        ("[]", []),
        (".a", None),
        ("  \n 1 \n + 1 ", 2),
        ("'a'|task", "task:a"),
        ("'q'|answer(info.case.group)", "admin"),
        (r"'it\'s\n\u00e4\x41\d\ud83d\ude00'", "it's\nä\x41\\d😀"),
    ],
)
def test_means(text: str, value: Any) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("missing.deeper.still", None),
        ("null == null", True),
        ("null == 0", False),
        ("null < 5", True),
        ("5 > null", True),
        ("null >= null", True),
        ("null < ''", False),
        ("'a' < null", False),
        ("null < []", False),
        ("null + 5", 5),
        ("5 - null", 5),
        ("null * 5", 0),
        ("null + null", 0),
        ("2 ^ null", 1),
        ("null + 'a'", "a"),
        ("['a'] + null", ["a"]),
        ("5 / null", None),
        ("5 % null", None),
        ("null // null", None),
        ("null - 'a'", None),
        ("null * 'a'", None),
        ("'a' in null", False),
        ("null in [null]", True),
    ],
)
def test_null_is_no_error(text: str, value: Any) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("rows|mapby('n')", [1, 2, None]),
        ("rows|mapby('n', 'k')", [[1, "x"], [2, "y"], [None, None]]),
        ("[1, {k: 2}]|mapby('k')", [None, 2]),
        ("rows|mapby(1)", [None, None, None]),
        ("a|mapby('n')", None),
        ("[[1, 2], 3, [[4]]]|flatten", [1, 2, 3, [4]]),
        ("null|flatten", None),
        ("'abc'|length", 3),
        ("info|length", 1),
        ("5|length", None),
        ("['ä', {a: null}]|stringify", '["ä", {"a": null}]'),
        ("rows|mapby('n')|min", 1),
        ("[1, true, '9', 3]|max", 3),
        ("[1, true, '9', 3]|sum", 4),
        ("[1, true, '9', 4]|avg", 2.5),
        ("[]|min", None),
        ("[]|max", None),
        ("[]|avg", None),
        ("[]|sum", 0),
        ("null|sum", None),
        ("'a'|min", None),
        ("0.5|round", 1),
        ("2.5|round", 3),
        ("-2.5|round", -2),
        ("2.675|round(2)", 2.68),
        ("1.005|round(2)", 1.01),
        ("7|round(2)", 7),
        ("1250|round(-2)", 1300),
        ("2.5|round(0.5)", None),
        ("2.5|round('a')", None),
        ("'a'|round", None),
        ("true|round", None),
        ("1.1|ceil", 2),
        ("-1.1|floor", -2),
        ("null|ceil", None),
        ("[]|floor", None),
    ],
)
def test_base_transforms(text: str, value: Any) -> None:
    result = evaluate(text)
    assert (result, type(result)) == (value, type(value))


def test_debug_logs_and_passes_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="caluma_async.expressions"):
        assert evaluate("'a\\nb'|debug == 'a\\nb' && [1]|debug('here')") == [1]
    assert [record.getMessage() for record in caplog.records] == ["debug: 'a\\nb'", "'here': [1]"]


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


@pytest.mark.parametrize("unit", ["(", "[", "{a:", "!", "!(", "a[", "a|b(", "a?b:", "1+(", "a ?:", "[{a:("])
def test_deep_nesting_is_refused(unit: str) -> None:
    closing = {"(": ")", "[": "]", "{": "}"}
    tail = "".join(closing[character] for character in reversed(unit) if character in closing)
    for depth in (MAX_DEPTH + 1, 200, 1500):
        text = unit * depth + "1" + tail * depth
        try:
            JEXL.evaluate(text, CONTEXT)
        except InvalidExpression:
            continue
        assert not tail
        assert depth < 1500


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
    assert evaluate("!" * 40 + "a") is True
    assert evaluate("missing ? 1 : " * 50 + "2") == 2


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
    started = time.perf_counter()
    refusal(text)
    assert time.perf_counter() - started < 1


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
