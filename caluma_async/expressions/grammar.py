"""Text to tree. The grammar is pyjexl's, with its faults corrected; the tree is built here.

pyjexl's own visitor reads each right operand twice, so nested brackets take time without bound, and it forgets places.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

from parsimonious import expressions as peg
from parsimonious.exceptions import ParseError
from pyjexl.operators import default_unary_operators
from pyjexl.parser import jexl_grammar

from caluma_async.expressions import tree
from caluma_async.expressions.limits import MAX_NUMBER, ExpressionError
from caluma_async.expressions.operators import Binary

MAX_CHARACTERS: Final = 10_000
MAX_DEPTH: Final = 30
MAX_DIGITS: Final = 400

TOO_DEEP: Final = "this is nested too deeply"
NOT_IN_WORD: Final = r"(?![a-zA-Z0-9_$])"
ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([\s\S]))")
ESCAPED: Final[Mapping[str, str]] = {
    **dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True)),
    **{character: character for character in "\\'\"/"},
    "\n": "",
}

Parsed = Any
"""A node of parsimonious: ``expr_name``, ``text``, ``start``, ``children``."""


def grammar(operators: Mapping[str, Binary]) -> Any:
    """The rule for a whole text with these operators; compiled once, used by many threads."""
    config = SimpleNamespace(  # the binary operators only hold the place: `_correct` puts ours there
        binary_operators={symbol: SimpleNamespace(symbol=symbol) for symbol in ("+", "-")},
        unary_operators=default_unary_operators,
    )
    rules = jexl_grammar(config)
    _correct(rules, operators)
    return peg.Sequence(rules["expression"], peg.Regex(r"\Z"), name="text")


def _correct(rules: Any, operators: Mapping[str, Binary]) -> None:
    """`trueish` is a name, `x information` is no `x in formation`, and `a ?: b` is what the browser takes it for."""
    symbols = sorted(operators, key=lambda symbol: (-len(symbol), symbol))
    pattern = "|".join(re.escape(symbol) + (NOT_IN_WORD if symbol[-1].isalnum() else "") for symbol in symbols)
    rules["binary_operator"].members = (peg.Regex(pattern),)
    rules["boolean"].members = (peg.Regex(f"(?:true|false){NOT_IN_WORD}"),)
    conditional = rules["conditional_expression"]
    before, consequent, after = conditional.members[:4], conditional.members[4], conditional.members[5:]
    conditional.members = (*before, peg.Quantifier(consequent, min=0, max=1), *after)
    for rule in rules.values():
        for member in getattr(rule, "members", ()):
            member.name = member.name or getattr(member, "literal", "")  # the place of an error is that of a named part


def parse_tree(text: str, rule: Any, operators: Mapping[str, Binary]) -> tree.Node:
    """The tree of `text`; an `ExpressionError` with its place where it is no expression.

    Deep nesting may end in a RecursionError.
    """
    _check_characters(text)
    try:
        return _Builder(operators).expression(rule.parse(text).children[0], 0)
    except ParseError as error:
        raise _unexpected(text, error.pos) from None


def _check_characters(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"an expression has at most {MAX_CHARACTERS} characters, not {len(text)}", MAX_CHARACTERS)
    if not text.strip():
        raise ExpressionError("nothing is written here", 0)
    for position, character in enumerate(text):
        if not _is_storable(character):
            raise ExpressionError(f"the character U+{ord(character):04X} cannot be stored", position)


def _is_storable(character: str) -> bool:
    return character != "\0" and unicodedata.category(character) != "Cs"


def _unexpected(text: str, position: int) -> ExpressionError:
    if position >= len(text):
        return ExpressionError("the end comes unexpectedly", len(text))
    word = re.compile(r"\w+|.", re.DOTALL).match(text, position)
    return ExpressionError(f"{word[0] if word else ''!r} is unexpected", position)


class _Builder:
    """Turns what the grammar matched into a tree; one method per rule, ``depth`` counting brackets."""

    def __init__(self, operators: Mapping[str, Binary]) -> None:
        self._operators = operators
        self._rules: dict[str, Callable[[Parsed, int], tree.Node]] = {
            "conditional_expression": self._conditional,
            "binary_expression": self._binary,
            "unary_expression": self._unary,
            "complex_value": self._path,
            "boolean": lambda node, _depth: tree.Literal(node.text == "true", node.start),
            "string": lambda node, _depth: tree.Literal(_string(node.text, node.start), node.start),
            "numeric": lambda node, _depth: tree.Literal(_number(node.text, node.start), node.start),
            "subexpression": lambda node, depth: self.expression(node.children[2], depth + 1),
            "object_literal": self._object,
            "array_literal": self._list,
            "identifier": lambda node, _depth: tree.Name(node.text, False, node.start),
            "relative_identifier": lambda node, _depth: tree.Name(node.text[1:], True, node.start),
        }

    def expression(self, node: Parsed, depth: int) -> tree.Node:
        """``_ (conditional / binary / unary / complex) _``"""
        if depth > MAX_DEPTH:
            raise ExpressionError(TOO_DEEP, node.start)
        return self._build(_meaning(node), depth)

    def _build(self, node: Parsed, depth: int) -> tree.Node:
        while node.expr_name not in self._rules:
            (node,) = node.children
        return self._rules[node.expr_name](node, depth)

    def _conditional(self, node: Parsed, depth: int) -> tree.Node:
        cases, start = [], node.start
        while node.expr_name == "conditional_expression":
            test, _, _, _, consequents, _, _, _, alternate = node.children
            consequent = self.expression(consequents.children[0], depth) if consequents.children else None
            cases.append(tree.Case(self._build(test, depth), consequent))
            node = _meaning(alternate)
        return tree.Choice(tuple(cases), self._build(node, depth), start)

    def _binary(self, node: Parsed, depth: int) -> tree.Node:
        first, others = node.children
        operands, links = [self._build(first, depth)], []
        for _, symbol, _, operand in others.children:
            links.append((self._operators[symbol.text], symbol.start))
            operands.append(self._build(operand, depth))
        return _chained(operands, links)

    def _unary(self, node: Parsed, depth: int) -> tree.Node:
        start, count = node.start, 0
        while node.expr_name == "unary_expression":
            node, count = node.children[2].children[0], count + 1
        return tree.Not(self._build(node, depth), count % 2 == 0, start)

    def _path(self, node: Parsed, depth: int) -> tree.Node:
        value, steps = node.children
        built = self._build(value, depth)
        if not steps.children:
            return built
        return tree.Path(built, tuple(self._step(step.children[0], depth) for step in steps.children), node.start)

    def _step(self, node: Parsed, depth: int) -> tree.Attribute | tree.Filter | tree.Transform:
        if node.expr_name == "attribute":
            return tree.Attribute(node.text[1:], node.start)
        if node.expr_name == "filter_expression":
            expression = self.expression(node.children[2], depth + 1)
            return tree.Filter(expression, tree.is_relative(expression), node.start)
        _, name, arguments = node.children
        given = [self._values(part.children[2], depth) for part in arguments.children]
        return tree.Transform(name.text, given[0] if given else (), name.start)

    def _object(self, node: Parsed, depth: int) -> tree.Node:
        pairs = [pair for part in node.children[2].children for pair in _separated(part)]
        entries = ((pair.children[0].text, self.expression(pair.children[4], depth + 1)) for pair in pairs)
        return tree.ObjectOf(tuple(entries), node.start)

    def _list(self, node: Parsed, depth: int) -> tree.Node:
        items = [item for part in node.children[2].children for item in self._values(part, depth)]
        return tree.ListOf(tuple(items), node.start)

    def _values(self, node: Parsed, depth: int) -> tuple[tree.Node, ...]:
        return tuple(self.expression(value, depth + 1) for value in _separated(node))


def _meaning(expression: Parsed) -> Parsed:
    """What an ``expression`` consists of, without the spaces around it."""
    return expression.children[1].children[0]


def _separated(node: Parsed) -> list[Parsed]:
    """The members of ``a (_ "," _ a)*``."""
    first, others = node.children
    return [first, *(other.children[3] for other in others.children)]


def _chained(operands: Sequence[tree.Node], links: Sequence[tuple[Binary, int]]) -> tree.Node:
    """One chain per precedence, the tightest innermost: as deep as there are precedences, however long the text."""
    nodes, waiting = list(operands), list(links)
    for precedence in sorted({binary.precedence for binary, _ in links}, reverse=True):
        merged: list[list[tree.Node]] = [[nodes[0]]]
        taken: list[list[tuple[Binary, int]]] = [[]]
        left: list[tuple[Binary, int]] = []
        for link, node in zip(waiting, nodes[1:], strict=True):
            if link[0].precedence == precedence:
                merged[-1].append(node)
                taken[-1].append(link)
            else:
                merged.append([node])
                taken.append([])
                left.append(link)
        nodes = [_chain(*parts) for parts in zip(merged, taken, strict=True)]
        waiting = left
    return nodes[0]


def _chain(operands: Sequence[tree.Node], links: Sequence[tuple[Binary, int]]) -> tree.Node:
    if not links:
        return operands[0]
    joined = (tree.Link(binary, node, start) for (binary, start), node in zip(links, operands[1:], strict=True))
    return tree.Chain(operands[0], tuple(joined), operands[0].position)


def _number(text: str, position: int) -> float:
    if len(text) > MAX_DIGITS:
        raise ExpressionError("a number is too large", position)
    number = float(text) if "." in text else int(text)
    if not -MAX_NUMBER <= number <= MAX_NUMBER:
        raise ExpressionError("a number is too large", position)
    return number


def _string(text: str, position: int) -> str:
    """The text between the quotes; escapes as in Python, unknown ones stay as they are."""

    def unescape(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code is None and match[4] not in "uUx0":
            return ESCAPED.get(match[4], match[0])
        if code is None or int(code, 16) > 0x10FFFF:
            raise ExpressionError(f"{match[0]!r} is no character", position + 1 + match.start())
        return chr(int(code, 16))

    value = ESCAPE.sub(unescape, text[1:-1]).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\0" in value or ("\ufffd" in value and "\ufffd" not in text):
        raise ExpressionError("a text holds a character that cannot be stored", position)
    return value
