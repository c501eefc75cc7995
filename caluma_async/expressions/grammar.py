"""Text to tree, in one pass from left to right: the time grows with the text, however its brackets nest.

The language is pyjexl's, with its faults corrected: `trueish` is a name, `x information` is no `x in formation`, and
`a ?: b` is what the browser takes it for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from caluma_async.expressions import tree
from caluma_async.expressions.limits import MAX_NUMBER, ExpressionError
from caluma_async.expressions.operators import Binary

MAX_CHARACTERS: Final = 10_000
MAX_DEPTH: Final = 30
MAX_DIGITS: Final = 400

TOO_DEEP: Final = "this is nested too deeply"
NOT_IN_WORD: Final = r"(?![a-zA-Z0-9_$])"
NAME: Final = r"[a-zA-Z_$][a-zA-Z0-9_$]*"
SPACES: Final = re.compile(r"[^\S\x1c-\x1f]*")
VALUE: Final = re.compile(
    rf"(?P<boolean>(?:true|false){NOT_IN_WORD})"
    r'|(?P<string>"[^"\\\n\r]*(?:\\.[^"\\\n\r]*)*"'
    r"|'[^'\\\n\r]*(?:\\.[^'\\\n\r]*)*')"
    r"|(?P<numeric>-?[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<subexpression>\()|(?P<object>\{)|(?P<list>\[)"
    rf"|(?P<identifier>{NAME})|(?P<relative>\.{NAME})",
    re.DOTALL,
)
IDENTIFIER: Final = re.compile(NAME)
ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([\s\S]))")
ESCAPED: Final[Mapping[str, str]] = {
    **dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True)),
    **{character: character for character in "\\'\"/"},
    "\n": "",
}
"""What a letter after a backslash stands for."""


def symbols(operators: Mapping[str, Binary]) -> re.Pattern[str]:
    """What finds one of these operators, the longest first; compiled once, used by many threads."""
    longest = sorted(operators, key=lambda symbol: (-len(symbol), symbol))
    return re.compile("|".join(re.escape(each) + (NOT_IN_WORD if each[-1].isalnum() else "") for each in longest))


def parse_tree(text: str, symbol: re.Pattern[str], operators: Mapping[str, Binary]) -> tree.Node:
    """The tree of `text`; an `ExpressionError` with its place where it is no expression.

    Deep nesting may end in a RecursionError.
    """
    _check_characters(text)
    return _Reader(text, symbol, operators).whole()


def _check_characters(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"an expression has at most {MAX_CHARACTERS} characters, not {len(text)}", MAX_CHARACTERS)
    if not text.strip():
        raise ExpressionError("nothing is written here", 0)
    if text.isascii() and "\0" not in text:
        return
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


class _Reader:
    """Reads a text once; `_at` is how far it has come, `_depth` how many brackets are open there."""

    def __init__(self, text: str, symbol: re.Pattern[str], operators: Mapping[str, Binary]) -> None:
        self._text = text
        self._symbol = symbol
        self._operators = operators
        self._at = 0
        self._depth = 0
        self._values: dict[str | None, Callable[[str, int], tree.Node]] = {
            "boolean": lambda found, start: tree.Literal(found == "true", start),
            "string": lambda found, start: tree.Literal(_string(found, start), start),
            "numeric": lambda found, start: tree.Literal(_number(found, start), start),
            "subexpression": lambda _found, _start: self._within(")"),
            "object": self._object,
            "list": lambda _found, start: tree.ListOf(self._list("]", may_be_empty=True), start),
            "identifier": lambda found, start: tree.Name(found, False, start),
            "relative": lambda found, start: tree.Name(found[1:], True, start),
        }

    def whole(self) -> tree.Node:
        """The tree of all of the text."""
        node = self._expression()
        if self._at < len(self._text):
            raise self._refused()
        return node

    def _expression(self) -> tree.Node:
        """`a + b`, or `a ? b : c ? d : e`, with the spaces around it."""
        self._spaces()
        start = self._at
        test = self._chain()
        if not self._text.startswith("?", self._at):
            return test
        cases = []
        while self._took("?"):
            self._spaces()
            consequent = None if self._text.startswith(":", self._at) else self._expression()
            self._take(":")
            self._spaces()
            cases.append(tree.Case(test, consequent))
            test = self._chain()
        return tree.Choice(tuple(cases), test, start)

    def _chain(self) -> tree.Node:
        """Operands with operators between them, and the spaces after them."""
        first = self._operand()
        self._spaces()
        found = self._symbol.match(self._text, self._at)
        if found is None:
            return first
        operands, links = [first], []
        while found is not None:
            before, self._at = self._at, found.end()
            self._spaces()
            links.append((self._operators[found[0]], before))
            operands.append(self._operand())
            self._spaces()
            found = self._symbol.match(self._text, self._at)
        return _chained(operands, links)

    def _operand(self) -> tree.Node:
        """`a.b|c`, or `!a`"""
        start, count = self._at, 0
        while self._took("!"):
            self._spaces()
            count += 1
        node = self._path()
        return tree.Not(node, count % 2 == 0, start) if count else node

    def _path(self) -> tree.Node:
        start = self._at
        found = VALUE.match(self._text, start)
        if found is None:
            raise self._refused(start + self._text.startswith(("-", "."), start))
        self._at = found.end()
        node = self._values[found.lastgroup](found[0], start)
        steps = []
        while self._at < len(self._text) and self._text[self._at] in ".|[":
            step = self._step(self._text[self._at], self._at)
            if step is None:
                break
            steps.append(step)
        return tree.Path(node, tuple(steps), start) if steps else node

    def _step(self, mark: str, start: int) -> tree.Attribute | tree.Filter | tree.Transform | None:
        """What is done to the value before; none for a `|` that an operator begins with."""
        if mark == "[":
            self._at += 1
            inner = self._within("]")
            return tree.Filter(inner, tree.is_relative(inner), start)
        name = IDENTIFIER.match(self._text, start + 1)
        if name is None:
            if self._symbol.match(self._text, start):
                return None
            raise self._refused(start + 1)
        self._at = name.end()
        if mark == ".":
            return tree.Attribute(name[0], start)
        return tree.Transform(name[0], self._list(")") if self._took("(") else (), start + 1)

    def _within(self, closing: str) -> tree.Node:
        """What stands before the bracket that closes."""
        node = self._inner()
        self._take(closing)
        return node

    def _list(self, closing: str, *, may_be_empty: bool = False) -> tuple[tree.Node, ...]:
        self._spaces()
        if may_be_empty and self._took(closing):
            return ()
        items = [self._inner()]
        while self._took(","):
            items.append(self._inner())
        self._take(closing)
        return tuple(items)

    def _object(self, _found: str, start: int) -> tree.Node:
        self._spaces()
        if self._took("}"):
            return tree.ObjectOf((), start)
        entries = [self._entry()]
        while self._took(","):
            self._spaces()
            entries.append(self._entry())
        self._take("}")
        return tree.ObjectOf(tuple(entries), start)

    def _entry(self) -> tuple[str, tree.Node]:
        key = IDENTIFIER.match(self._text, self._at)
        if key is None:
            raise self._refused()
        self._at = key.end()
        self._spaces()
        self._take(":")
        return key[0], self._inner()

    def _inner(self) -> tree.Node:
        """An expression one bracket further in."""
        self._spaces()
        if self._depth == MAX_DEPTH:
            raise ExpressionError(TOO_DEEP, self._at)
        self._depth += 1
        node = self._expression()
        self._depth -= 1
        return node

    def _spaces(self) -> None:
        if self._at < len(self._text) and not "!" <= self._text[self._at] <= "~":
            found = SPACES.match(self._text, self._at)
            self._at = found.end() if found else self._at

    def _took(self, mark: str) -> bool:
        """Whether the mark stands here; goes past it."""
        if not self._text.startswith(mark, self._at):
            return False
        self._at += 1
        return True

    def _take(self, mark: str) -> None:
        if not self._took(mark):
            raise self._refused()

    def _refused(self, position: int | None = None) -> ExpressionError:
        return _unexpected(self._text, self._at if position is None else position)


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
