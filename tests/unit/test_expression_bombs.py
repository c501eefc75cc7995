"""What hostile expressions cost: time of the processor, beside a loop that shows how fast it is at this moment."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from contextvars import copy_context
from time import process_time
from typing import Any

import pytest

from caluma_async.errors import InvalidExpression, Refused, TooCostly
from caluma_async.expressions import MOST_STEPS, Jexl, allowance, allowed, parse
from caluma_async.expressions.grammar import MAX_CHARACTERS
from caluma_async.expressions.keeping import LEAST, Kept
from caluma_async.form.structure import Structure
from caluma_async.form.structure.definition import MOST_TEXT
from caluma_async.form.structure.dependencies import Dependencies, circle
from caluma_async.form.structure.recalculating import recalculated
from caluma_async.form.validation import complaints
from caluma_async.identity import ANONYMOUS
from tests.unit.structure_stage import calculated, catalogue, form, question, structure

TEN = "[1,2,3,4,5,6,7,8,9,10]"
HUGE = "9" * 300
ROWS = [{"size": 3} for _ in range(100)]

BOMBS = {
    "a long sum": "+".join(["1"] * 4_900),
    "powers": "+".join(["7^300"] * 1_600),
    "huge numbers": "*".join(["1", HUGE]) + f" - {HUGE} + {HUGE}" * 15,
    "long texts": "+".join(["('aaaaaaaaaa'*9999|length)"] * 350),
    "long lists": "+".join(["([1]*99999|length)"] * 400),
    "a part of a text": "".join(["(('ab'*2000+'c'+'ab'*2000) in ('ab'*49999))||"] * 200) + "false",
    "equal lists": "".join(["(([[1]*100]*90)==([[1]*100]*90))&&"] * 250) + "true",
    "lists that share": "".join(["(([[1]]*90) intersects ([[2]]*90))||"] * 250) + "false",
    "filters in filters": f"({TEN}*9)[({TEN}*9)[({TEN}*9)[.x]|length+.x]|length+.x]|length",
    "columns": "+".join(["([{a:1}]*9000)|mapby('a')|length"] * 200),
    "JSON": "+".join(["([{a:1}]*9000)|stringify|length"] * 200),
    "sums of huge numbers": "+".join([f"([{HUGE}]*20000)|sum"] * 25),
    "roundings": "+".join(["1.5|round(308)"] * 600),
    "whole tables": "||".join(["('big'|answer|stringify|length<0)"] * 280),
    "tables compared": "||".join(["('big'|answer==(('b'+'ig')|answer))"] * 200) + "&&false",
    "an object in a table": "||".join(["({a:1} in 'big'|answer)"] * 300) + "&&false",
    "a table filtered": "||".join(["('big'|answer[.size+.c1+.c2+.c3=='x']|length)"] * 150) + "&&false",
    "an error": "1/0",
    "info": "||".join(["info.parent.form=='x'"] * 400),
}


def cost(work: Callable[[], Any]) -> float:
    """The work, in millions of turns of an empty loop: 25 to 30 ms each on the machine where they were counted.

    Without the garbage collector, which would look through all that other tests have left behind.
    """
    gc.collect()
    gc.disable()
    try:
        before = process_time()
        work()
        between = process_time()
    finally:
        gc.enable()
    for _ in range(1_000_000):
        pass
    return (between - before) / (process_time() - between) / (1 if sys.gettrace() is None else 5)


AT_MOST = 70.0
"""Of a document with bombs in thousands of cells. At most 40 were measured; without limits each takes minutes."""


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_document_full_of_bombs_takes_a_moment(bomb: str) -> None:
    text = BOMBS[bomb]
    columns = min(195, MOST_TEXT // len(text) - 1)
    hidden = _in_a_hundred_rows(columns, lambda at: question(f"c{at}", is_hidden=text))
    numbers = _in_a_hundred_rows(columns, lambda at: calculated(f"c{at}", text))
    assert cost(lambda: _judged(hidden)) < AT_MOST
    assert cost(lambda: recalculated(numbers, None)) < AT_MOST


def _in_a_hundred_rows(columns: int, column: Callable[[int], Any]) -> Structure:
    main = form("main", question("top"), question("big", "table", row_form="row"), meta={"long": ["x"] * 2_000})
    row = form("row", question("size", "integer"), *map(column, range(columns)))
    return structure([main, row], {"top": "a", "big": ROWS})


def _judged(of: Structure) -> None:
    try:
        complaints(of, ANONYMOUS)
    except InvalidExpression:
        return


@pytest.mark.parametrize(
    "text",
    ["+1*1" * 2_499, "+(1)" * 2_499, "+[]" * 3_333, "[.b]" * 2_499, "|b(1)" * 1_999, "?b:a" * 2_499, "+" * 9_999],
)
def test_a_long_text_is_parsed_in_a_moment(text: str) -> None:
    def parsed() -> None:
        try:
            parse(f"a{text}")
        except InvalidExpression:
            return

    assert cost(parsed) < 30


def test_what_one_answer_changes_is_calculated_in_linear_time() -> None:
    columns = [
        calculated("c0", "'top'|answer|length"),
        *(calculated(f"c{at}", f"'c{at - 1}'|answer + 1") for at in range(1, 100)),
    ]
    main = form("main", question("top"), question("big", "table", row_form="row"))
    of = structure([main, form("row", question("size", "integer"), *columns)], {"top": "a", "big": ROWS})
    found = dict[Any, Any]()
    assert cost(lambda: found.update(recalculated(of, {(of.root.document.id, "top")}))) < AT_MOST
    assert sorted(set(found.values())) == [*range(1, 101)]


def test_what_calculated_questions_read_is_found_in_linear_time() -> None:
    def names(at: int) -> str:
        return "||".join(f"'q{before}'|answer" for before in range(max(0, at - 50), at)) or "false"

    asked = [question(f"q{at}", is_hidden=names(at)) for at in range(400)]
    of = catalogue(form("main", *asked, *(calculated(f"k{at}", f"'q{at}'|answer") for at in range(400))))
    found: list[Dependencies] = []
    assert cost(lambda: found.append(Dependencies.of(of))) < AT_MOST
    assert found[0].reads["k399"] == frozenset(f"q{at}" for at in range(400))
    assert found[0].reads["k0"] == frozenset({"q0"})
    assert circle(of) == ()
    with allowed(MOST_STEPS) as given:
        assert cost(lambda: [circle(of) for _ in range(3)]) < AT_MOST / 10
        assert given.left < MOST_STEPS - 3 * of.characters / 20
        given.left = 100
        with pytest.raises(TooCostly):
            circle(of)


def test_the_expressions_of_a_form_are_not_longer_together_than_what_is_kept() -> None:
    long = f"'{'a' * (MAX_CHARACTERS - 10)}'"
    questions = [question(f"q{at}", is_hidden=f"{long}=={at}") for at in range(MOST_TEXT // MAX_CHARACTERS + 1)]
    with pytest.raises(Refused, match=f"more than {MOST_TEXT} characters together"):
        catalogue(form("main", *questions))


def test_what_is_kept_of_texts_is_bounded_by_their_characters() -> None:
    made: list[str] = []
    kept = Kept(lambda text: made.append(text) or len(text), most=3 * (LEAST + 10))  # type: ignore[func-returns-value]
    for letter in "abcabdab":
        assert kept(letter * 10) == 10
    assert [text[0] for text in made] == ["a", "b", "c", "d"]
    assert kept("e" * 1_000) == kept("e" * 1_000) == 1_000
    assert len(made) == 6


def test_all_that_a_request_evaluates_comes_out_of_one_allowance() -> None:
    engine, evaluated = Jexl(), list[int]()
    with allowed(MOST_STEPS) as given:
        assert allowance() is given
        with pytest.raises(TooCostly, match="The expressions of this request take too many steps together"):
            evaluated.extend(map(engine.evaluate, ["([1]*90000)|length"] * 100))
        assert MOST_STEPS // 181_000 <= len(evaluated) <= MOST_STEPS // 90_000
        with pytest.raises(TooCostly):
            parse("a + text + that + was + not + parsed + before")
        with pytest.raises(TooCostly):
            complaints(_in_a_hundred_rows(9, lambda at: question(f"c{at}", is_hidden="1 > 2")), ANONYMOUS)
    assert allowance() is None
    assert engine.evaluate("([1]*90000)|length") == 90_000


def test_a_number_that_a_request_cannot_afford_is_an_error_and_not_null() -> None:
    questions = [question("top"), *(calculated(f"c{at}", "([1]*90000)|length") for at in range(20))]
    assert {*recalculated(structure([form("main", *questions)], {}), None).values()} == {90_000, None}
    with allowed(MOST_STEPS), pytest.raises(TooCostly):
        recalculated(structure([form("main", *questions)], {}), None)


def test_tasks_that_outlive_a_request_do_not_live_on_its_allowance() -> None:
    with allowed(10):
        later = copy_context()
    assert later.run(allowance) is None
    assert later.run(Jexl().evaluate, "([1]*90000)|length") == 90_000
