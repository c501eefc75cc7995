"""What expressions mean."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.unit.expressions_stage import evaluate


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
