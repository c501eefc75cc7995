"""A structure: what the fields of a family are worth, hidden or required, found out when asked and once per field.

No expression waits for another one on Python's stack: what a formula names is found out before it is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final
from uuid import UUID

from caluma_async.errors import InvalidExpression
from caluma_async.expressions import MAX_STEPS, Budget
from caluma_async.form.structure import info
from caluma_async.form.structure.definition import LISTS, UNANSWERABLE, Catalogue
from caluma_async.form.structure.family import Family
from caluma_async.form.structure.fields import Field, Layout, Section
from caluma_async.form.structure.formulas import ANSWER, JEXL, MISSING, Formula

MOST_STEPS: Final = 6 * MAX_STEPS
"""What all expressions of a structure may cost together."""
LOOK: Final = 2
"""The steps that it takes to see what a name stands for, and whether that is hidden."""

TOGETHER: Final = "the expressions of this document take too many steps together."

EMPTY: Final[tuple[Any, ...]] = (None, "", [])


class Structure(Layout):
    """The fields of a family over its forms, and what expressions say of them.

    The methods raise `InvalidExpression`, naming the question and the expression, where one cannot be evaluated, and
    naming the questions that depend on each other where they do. For one thread.
    """

    def __init__(self, catalogue: Catalogue, family: Family) -> None:
        super().__init__(catalogue, family)
        self._numbers: dict[tuple[UUID, str], float | None] = {}
        self._contexts: dict[int, Mapping[str, Any]] = {}
        self._surroundings = cache(family.surroundings)
        self._steps_left = MOST_STEPS

    def hidden(self, field: Field) -> bool:
        """Whether the question is hidden there."""
        if field.is_hidden is None:
            self._settle(field)
        if field.failure is not None:
            raise field.failure
        return bool(field.is_hidden)

    def required(self, field: Field) -> bool:
        """Whether an answer is needed there."""
        if field.question.type in UNANSWERABLE or self.hidden(field):
            return False
        return bool(self._truth(field.question.is_required, field, "isRequired", when_empty=False))

    def visible_options(self, field: Field) -> list[str]:
        """The slugs of the options that may be chosen there."""
        return [
            option.slug
            for option in field.question.options
            if not self.evaluate(option.is_hidden, field, f"isHidden of option '{option.slug}'")
        ]

    def value(self, field: Field) -> Any:
        """What expressions read: nothing where it is hidden."""
        return self.nothing(field) if self.hidden(field) or self.is_empty(field) else self.content(field)

    def content(self, field: Field) -> Any:
        """What was answered, hidden or not; rows and sub forms as objects whose cells are looked up when read."""
        if field.question.type == "table":
            return [Cells(self, row) for row in self.rows(field)]
        if field.question.type == "form":
            return Cells(self, self.sub_section(field)) if field.question.sub_form else None
        if field.question.is_calculated and field.key in self._numbers:
            return self._numbers[field.key]
        return field.answer.value if field.answer else None

    def is_empty(self, field: Field) -> bool:
        """Whether nothing was answered."""
        if field.question.type == "table":
            return not self.rows(field)
        if field.question.type == "form":
            return not field.question.sub_form
        return self.content(field) in EMPTY

    @staticmethod
    def nothing(field: Field) -> Any:
        """What an empty answer to the question reads as."""
        return [] if field.question.type in LISTS else None

    def number(self, field: Field) -> float | None:
        """What a calculated question comes to: null where its expression gives no number, or fails."""
        if field.question.calculation is None:
            return None
        try:
            value = self.evaluate(field.question.calculation, field, "calcExpression")
        except InvalidExpression:
            return None
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def put(self, field: Field, number: float | None) -> None:
        """Let a calculated question have this answer from now on; nothing that read it may have been evaluated."""
        self._numbers[field.key] = number

    def evaluate(self, formula: Formula, field: Field, what: str) -> Any:
        """The value of a formula at the field; `what` says in an error which one of the question it is."""
        if formula.constant is not None:
            return formula.constant
        for named in self._reads(formula, field, what):
            if named.is_hidden is None:
                self._settle(named)
        return self._run(formula, field, what)

    def _truth(self, formula: Formula, field: Field, what: str, *, when_empty: bool) -> bool:
        """The truth of a formula; `when_empty` if it names questions and all of these are hidden or empty."""
        self._spend(LOOK * len(formula.names), field, what)
        named = [each for each in (self.find(field.section, name) for name in formula.names) if each is not None]
        if named and all(self.hidden(each) or self.is_empty(each) for each in named):
            return when_empty
        return bool(self.evaluate(formula, field, what))

    def _settle(self, field: Field) -> None:
        """Find out whether a field is hidden, and before it all that this depends on."""
        self._spend(0, field, "isHidden")  # what an evaluation that ended so has left open is no circle
        if field.is_open:
            raise _circle([field, field])
        waiting = [field]
        while waiting:
            top = waiting[-1]
            if top.is_hidden is not None:
                waiting.pop()
            elif top.is_open:
                self._decide(top)
            else:
                top.is_open = True
                self._open(top, waiting)

    def _open(self, top: Field, waiting: list[Field]) -> None:
        needed = [each for each in self._needed(top) if each.is_hidden is None]
        for each in needed:
            if each.is_open:
                way = [other for other in waiting if other.is_open]
                top.failure = _circle([*way[way.index(each) :], each])
                top.is_hidden = True
                return
        waiting += needed

    def _decide(self, field: Field) -> None:
        try:
            outside = field.section.outside
            field.is_hidden = (outside is not None and self.hidden(outside)) or self._truth(
                field.question.is_hidden, field, "isHidden", when_empty=True
            )
        except InvalidExpression as failure:
            field.failure, field.is_hidden = failure, True

    def _needed(self, field: Field) -> Iterator[Field]:
        if field.section.outside is not None:
            yield field.section.outside
        yield from self._reads(field.question.is_hidden, field, "isHidden")

    def _reads(self, formula: Formula, field: Field, what: str) -> Iterator[Field]:
        """The fields that a formula names, and those of the columns that it reads."""
        self._spend(LOOK * (1 + len(formula.names)), field, what)
        for name in formula.names:
            named = self.find(field.section, name)
            if named is None:
                continue
            yield named
            for column in formula.columns.get(name, ()):
                self._spend(LOOK * len(self.inner(named)), field, what)
                cells = (row.field(column) for row in self.inner(named))
                yield from (cell for cell in cells if cell is not None)

    def _run(self, formula: Formula, field: Field, what: str) -> Any:
        if formula.fault is not None or formula.expression is None:
            raise _placed(formula.fault or InvalidExpression("It is no expression."), field, what)
        section = field.section

        def answer(slug: Any, default: Any = MISSING) -> Any:
            return self._answer(section, slug, default)

        budget = Budget(min(MAX_STEPS, max(0, self._steps_left)))
        granted = budget.left
        try:
            return JEXL.evaluate(formula.expression, self._context(section), transforms={ANSWER: answer}, budget=budget)
        except InvalidExpression as error:
            if budget.left < 0 and granted < MAX_STEPS:
                raise _placed(InvalidExpression(TOGETHER), field, what) from error
            raise _placed(error, field, what) from error
        finally:
            self._steps_left -= granted - max(0, budget.left)

    def _spend(self, steps: int, field: Field, what: str) -> None:
        self._steps_left -= steps
        if self._steps_left < 0:
            raise _placed(InvalidExpression(TOGETHER), field, what)

    def _answer(self, section: Section, slug: Any, default: Any) -> Any:
        if not isinstance(slug, str):
            raise InvalidExpression("`answer` looks up the slug of a question")
        field = self.find(section, slug)
        if field is None and default is MISSING:
            raise InvalidExpression(f"there is no question '{slug[:127]}' here")
        if field is None or self.hidden(field) or self.is_empty(field):
            return default if default is not MISSING or field is None else self.nothing(field)
        return self.content(field)

    def _context(self, section: Section) -> Mapping[str, Any]:
        found = self._contexts.get(id(section))
        if found is None:
            found = self._contexts[id(section)] = info.context(section, self, self._surroundings)
        return found


class Cells(Mapping[str, Any]):
    """A row or a sub form as an object: question to value, looked up when it is read."""

    __slots__ = ("_section", "_structure")

    def __init__(self, structure: Structure, section: Section) -> None:
        self._structure = structure
        self._section = section

    def __getitem__(self, slug: str) -> Any:
        field = self._section.field(slug)
        if field is None:
            raise KeyError(slug)
        return self._structure.value(field)

    def __iter__(self) -> Iterator[str]:
        return iter(self._section.form.questions)

    def __len__(self) -> int:
        return len(self._section.form.questions)


def _circle(way: list[Field]) -> InvalidExpression:
    chain = " → ".join(f"'{field.slug}'" for field in way)
    return InvalidExpression(f"The questions {chain} depend on each other.", field=way[0].slug, position=0)


def _placed(error: InvalidExpression, field: Field, what: str) -> InvalidExpression:
    """The error with its question; one that comes from another field names that already."""
    if error.field is not None:
        return error
    return InvalidExpression(
        f"Question '{field.slug}', {what}: {error.message}", field=field.slug, position=error.position or 0
    )
