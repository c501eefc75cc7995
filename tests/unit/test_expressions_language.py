"""The parser takes what pyjexl's grammar takes, and nothing else; where it refuses, it stops at the same place."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from parsimonious import expressions as peg
from parsimonious.exceptions import ParseError
from pyjexl.operators import default_unary_operators
from pyjexl.parser import jexl_grammar

from caluma_async.errors import InvalidExpression
from caluma_async.expressions import parse

MARKS = (
    "a b.c .x in true trueish 1 -1 2.5 't' \"q\" '\\n' ( ) [ ] { } {a: , : ? ?: | |f |f(1) || "
    "&& + - * // / % ^ == != ! <= < . ' é $"
)


def _grammar() -> Any:
    """pyjexl's, with its two faults of words corrected, and `a ?: b`, which it does not know."""
    signs = {symbol: SimpleNamespace(symbol=symbol) for symbol in ("+", "-")}
    rules = jexl_grammar(SimpleNamespace(binary_operators=signs, unary_operators=default_unary_operators))
    words = r"(?:intersects|in)(?![a-zA-Z0-9_$])"
    rules["binary_operator"].members = (peg.Regex(rf"\|\||&&|\?\?|==|!=|<=|>=|//|{words}|[-+*/%^<>]"),)
    rules["boolean"].members = (peg.Regex(r"(?:true|false)(?![a-zA-Z0-9_$])"),)
    conditional = rules["conditional_expression"]
    parts = conditional.members
    conditional.members = (*parts[:4], peg.Quantifier(parts[4], min=0, max=1), *parts[5:])
    for rule in rules.values():
        for member in getattr(rule, "members", ()):
            member.name = member.name or getattr(member, "literal", "")
    return peg.Sequence(rules["expression"], peg.Regex(r"\Z"), name="text")


GRAMMAR = _grammar()


def _place(text: str) -> int | None:
    """Where the grammar stops; `None` if the text is an expression."""
    try:
        GRAMMAR.parse(text)
    except ParseError as error:
        return int(error.pos)
    return None


def _stop(text: str) -> int | None:
    """Where the parser stops."""
    try:
        parse(text)
    except InvalidExpression as error:
        return error.position
    return None


class Author:
    """Writes expressions, and breaks some of them."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)

    def text(self) -> str:
        if self.choose.random() < 0.4:
            return "".join(self.choose.choices([*MARKS.split(" "), " ", "\t"], k=self.choose.randrange(1, 9)))
        text = self.expression(self.choose.randrange(1, 5))
        if self.choose.random() < 0.7:
            return text
        at = self.choose.randrange(len(text) + 1)
        return text[:at] + self.choose.choice(MARKS.split(" ")) + text[at + self.choose.randrange(2) :]

    def expression(self, depth: int) -> str:
        if depth == 0:
            return self.choose.choice(["a", ".x", "1", "-2.5", "'t'", "true", "in", "a.b"])
        one, other = (self.expression(self.choose.randrange(depth)) for _ in range(2))
        space = self.choose.choice(["", " ", "\n"])
        operator = self.choose.choice(["+", "-", "*", "==", "&&", "||", "??", " in ", " intersects ", "<", "//", "^"])
        shapes = [
            f"{one}{space}{operator}{space}{other}",
            f"({space}{one}{space})",
            f"{one}|f",
            f"{one}|f({other},{space}{one}{space})",
            f"{one}[{space}{other}{space}].z",
            f"{one}{space}?{space}{other}{space}:{space}{one}",
            f"{one}{space}?{space}:{other}",
            f"!{space}{one}",
            f"[{space}{one},{other}{space}]",
            f"{{{space}k{space}:{space}{one}, l: {other}}}",
        ]
        return self.choose.choice(shapes)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_an_expression_is_what_the_grammar_says(seed: int) -> None:
    author, refused = Author(seed), 0
    for _ in range(500):
        text = author.text()
        if not text.strip():
            continue
        place = _place(text)
        assert (text, _stop(text)) == (text, place)
        refused += place is not None
    assert 50 < refused < 450


def test_spaces_are_those_of_the_grammar() -> None:
    for code in range(0x3001):
        if not 0xD800 <= code < 0xE000 and code:
            text = f"1{chr(code)}+ 1"
            assert (text, _stop(text)) == (text, _place(text))
