"""What a change of one answer can change, told by the forms alone: found out once per version of them.

The graph is one of questions, not of fields: what holds for one row is taken to hold for all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from caluma_async.expressions import allowance
from caluma_async.form.structure.definition import Catalogue, QuestionDefinition
from caluma_async.form.structure.formulas import Formula

Node = tuple[str, str]
"""`HIDDEN`: whether the question is hidden. `VALUE`: its own answer. `CONTENT`: all answers that it encloses."""

PER_QUESTION: Final = 4
CHARACTERS_PER_STEP: Final = 16
"""What it takes to walk through the questions, and through what their expressions name."""
MOST_READS: Final = 500_000
"""Questions that the calculated ones of a catalogue read, each counted; those beyond are taken to read any."""
HIDDEN: Final = "hidden"
VALUE: Final = "value"
CONTENT: Final = "content"


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The calculated questions of a catalogue.

    `order`: each comes after those that it depends on. `reads`: the questions whose answers may change it, directly or
    by hiding something; `None` where its expression may read any. `circular`: those that depend on themselves.
    `circle`: questions that depend on each other, the first one again at the end; empty if there are none.
    """

    order: tuple[str, ...]
    reads: Mapping[str, frozenset[str] | None]
    circular: frozenset[str]
    circle: tuple[str, ...]

    @classmethod
    def of(cls, catalogue: Catalogue) -> Dependencies:
        """Those of the questions of a catalogue."""
        graph = _Graph(catalogue)
        calculated = [slug for slug, question in catalogue.questions.items() if question.is_calculated]
        order, circle = graph.walk()
        reads = {slug: graph.reads(slug) for slug in calculated} if circle else graph.all_reads(calculated, order)
        sorted_ = [slug for kind, slug in order if kind == VALUE and slug in reads]
        return cls(
            order=tuple(sorted(sorted_, key=lambda slug: reads[slug] is None)),
            reads=reads,
            circular=frozenset(slug for slug in calculated if _reaches_itself(slug, reads)),
            circle=circle,
        )

    def are_reached(self, changed: Iterable[str]) -> bool:
        """Whether any calculated question may change with the answers to these."""
        slugs = set(changed)
        return any(reads is None or not reads.isdisjoint(slugs) for reads in self.reads.values())


def circle(catalogue: Catalogue) -> tuple[str, ...]:
    """Questions that depend on each other, the first one again at the end; empty if there are none."""
    return _Graph(catalogue).walk()[1]


_known: Final[WeakKeyDictionary[Catalogue, Dependencies]] = WeakKeyDictionary()


def dependencies(catalogue: Catalogue) -> Dependencies:
    """Those of a catalogue's questions; kept as long as the catalogue is in use."""
    found = _known.get(catalogue)
    if found is None:
        found = _known[catalogue] = Dependencies.of(catalogue)
    return found


class _Graph:
    """From each node to those that it depends on."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._questions = catalogue.questions
        self._outside = self._enclosing()

    def edges(self, node: Node) -> Iterator[Node]:
        """What a node depends on."""
        kind, slug = node
        question = self._questions[slug]
        if kind == HIDDEN:
            yield from self._named(question.is_hidden)
            yield from ((HIDDEN, outside) for outside in self._outside.get(slug, ()))
        elif kind == CONTENT:
            for inner in self._inside(question):
                yield from self._read(inner.slug)
                if inner.inner_form:
                    yield (CONTENT, inner.slug)
        elif question.calculation is not None:
            yield from self._named(question.calculation)

    def reads(self, slug: str) -> frozenset[str] | None:
        """The questions whose answers may change a calculated one while no other calculated one changes."""
        found: set[str] = set()
        seen: set[Node] = set()
        waiting: list[Node] = [(VALUE, slug)]
        while waiting:
            node = waiting.pop()
            if not self._is_static(node):
                return None
            for each in self.edges(node):
                if each in seen:
                    continue
                seen.add(each)
                if each[0] == VALUE:
                    found.add(each[1])
                if each[0] != VALUE or not self._questions[each[1]].is_calculated:
                    waiting.append(each)
        return frozenset(found)

    def walk(self) -> tuple[list[Node], tuple[str, ...]]:
        """All nodes, each after those that it depends on, and the first circle that was met. A request pays for it."""
        given = allowance()
        if given is not None:
            given.spend(PER_QUESTION * len(self._questions) + self._catalogue.characters // CHARACTERS_PER_STEP)
        return _walk(((kind, slug) for slug in self._questions for kind in (VALUE, HIDDEN)), self.edges)

    def all_reads(self, calculated: Iterable[str], order: Iterable[Node]) -> dict[str, frozenset[str] | None]:
        """As `reads`, of many and without circles: each node is looked at once. `None` also where they are too many."""
        slugs = list(self._questions)
        bits = {slug: 1 << at for at, slug in enumerate(slugs)}
        below: dict[Node, int | None] = {}
        for node in order:
            below[node] = self._below(node, below, bits) if self._is_static(node) else None
        left, reads = MOST_READS, dict[str, frozenset[str] | None]()
        for slug in calculated:
            mask = below[VALUE, slug]
            left -= mask.bit_count() if mask is not None else 0
            reads[slug] = None if mask is None or left < 0 else frozenset(_chosen(slugs, mask))
        return reads

    def _below(self, node: Node, below: Mapping[Node, int | None], bits: Mapping[str, int]) -> int | None:
        found = 0
        for kind, slug in self.edges(node):
            inner = 0 if kind == VALUE and self._questions[slug].is_calculated else below[kind, slug]
            if inner is None:
                return None
            found |= inner | (bits[slug] if kind == VALUE else 0)
        return found

    def _is_static(self, node: Node) -> bool:
        question = self._questions[node[1]]
        read = question.is_hidden if node[0] == HIDDEN else question.calculation if node[0] == VALUE else None
        return read is None or read.static

    def _named(self, formula: Formula) -> Iterator[Node]:
        for name in formula.names:
            question = self._questions.get(name)
            if question is None:
                continue
            yield from self._read(name)
            if name not in formula.columns:
                if question.inner_form:
                    yield (CONTENT, name)
                continue
            for column in formula.columns[name]:
                if column in self._questions:
                    yield from self._read(column)
                    if self._questions[column].inner_form:
                        yield (CONTENT, column)

    @staticmethod
    def _read(slug: str) -> Iterator[Node]:
        yield (HIDDEN, slug)
        yield (VALUE, slug)

    def _inside(self, question: QuestionDefinition) -> Iterable[QuestionDefinition]:
        return self._catalogue.forms[question.inner_form].questions.values() if question.inner_form else ()

    def _enclosing(self) -> Mapping[str, list[str]]:
        """By question, the form questions and tables that enclose it, but for rows of a form in rows of itself."""
        found: dict[str, list[str]] = defaultdict(list)
        for outside in self._questions.values():
            for inner in self._inside(outside):
                if not self._encloses(inner, outside.slug):
                    found[inner.slug].append(outside.slug)
        return found

    def _encloses(self, question: QuestionDefinition, wanted: str) -> bool:
        waiting, seen = [question], {question.slug}
        while waiting:
            each = waiting.pop()
            if each.slug == wanted:
                return True
            fresh = [inner for inner in self._inside(each) if inner.slug not in seen]
            seen.update(inner.slug for inner in fresh)
            waiting += fresh
        return False


def _chosen(slugs: list[str], mask: int) -> Iterator[str]:
    """The slugs whose bits are set."""
    while mask:
        lowest = mask & -mask
        yield slugs[lowest.bit_length() - 1]
        mask ^= lowest


def _walk(starts: Iterable[Node], edges: Callable[[Node], Iterator[Node]]) -> tuple[list[Node], tuple[str, ...]]:
    """All nodes, each after those that it depends on, and the first circle that was met."""
    order: list[Node] = []
    done: set[Node] = set()
    circle: tuple[str, ...] = ()
    for start in starts:
        way: dict[Node, Iterator[Node]] = {} if start in done else {start: edges(start)}
        while way:
            top = next(reversed(way))
            following = next(way[top], None)
            if following is None:
                del way[top]
                done.add(top)
                order.append(top)
            elif following in way:
                circle = circle or _chain([*way], following)
            elif following not in done:
                way[following] = edges(following)
    return order, circle


def _chain(way: list[Node], again: Node) -> tuple[str, ...]:
    slugs = [slug for _, slug in way[way.index(again) :]]
    steps = [slug for at, slug in enumerate(slugs) if at == 0 or slug != slugs[at - 1]]
    return (*steps, again[1]) if len(steps) == 1 or steps[-1] != again[1] else tuple(steps)


def _reaches_itself(slug: str, reads: Mapping[str, frozenset[str] | None]) -> bool:
    waiting, seen = [slug], set[str]()
    while waiting:
        following = reads.get(waiting.pop()) or frozenset()
        if slug in following:
            return True
        fresh = (following & reads.keys()) - seen
        seen |= fresh
        waiting += fresh
    return False
