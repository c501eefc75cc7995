"""A structure: what the fields of a family are worth, hidden or required, found out when asked and once per field.

No expression waits for another one on Python's stack: what a formula names is found out before it is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from caluma_async.errors import CalumaError, InvalidExpression
from caluma_async.expressions import MAX_STEPS, MOST_STEPS, Budget, Scope, allowance
from caluma_async.form.structure import info
from caluma_async.form.structure.definition import LISTS, UNANSWERABLE, Catalogue
from caluma_async.form.structure.family import Family
from caluma_async.form.structure.fields import Field, Layout, Section
from caluma_async.form.structure.formulas import ANSWER, JEXL, MISSING, Formula

LOOK: Final = 1
"""The steps that it takes to see what a name stands for, and whether that is hidden."""
CELL: Final = 4
"""The steps that it takes to read one cell of a row, or one answer in a sub form."""
VISIT: Final = 10
"""The steps that each field takes, whatever is asked of it."""
CALCULATION: Final = 14
"""The steps that it takes to calculate a field, whatever its expression is."""
START: Final = 4
"""The steps that an evaluation takes before it begins."""
FAILURE: Final = 20
"""The steps that an error takes."""

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
        self._scopes: dict[Section, Scope] = {}
        self._budget = Budget()
        self._surroundings = cache(family.surroundings)
        self._steps_left = MOST_STEPS
        self._allowance = allowance()

    def hidden(self, field: Field) -> bool:
        """Whether the question is hidden there."""
        if field.is_hidden is None:
            self._settle(field)
        if field.failure is not None:
            raise field.failure
        return bool(field.is_hidden)

    def required(self, field: Field) -> bool:
        """Whether an answer is needed there."""
        required = field.question.is_required
        if field.question.type in UNANSWERABLE or self.hidden(field):
            return False
        if required.constant is not None:
            return required.constant
        return self._truth(required, field, "isRequired", self._named(required, field, "isRequired"), when_empty=False)

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

    def cell(self, field: Field) -> Any:
        """As `value`, read out of a row or a sub form."""
        self._spend(CELL, field, "value")
        return self.value(field)

    def content(self, field: Field) -> Any:
        """What was answered, hidden or not; rows and sub forms as objects whose cells are looked up when read."""
        if field.question.is_plain:
            answer = field.section.document.answers.get(field.question.slug)
            return None if answer is None else answer.value
        if field.question.type == "table":
            return [Cells(self, row) for row in self.rows(field)]
        if field.question.type == "form":
            return Cells(self, self.sub_section(field)) if field.question.sub_form else None
        if field.question.is_calculated and field.key in self._numbers:
            return self._numbers[field.key]
        return field.answer.value if field.answer else None

    def is_empty(self, field: Field) -> bool:
        """Whether nothing was answered."""
        if field.question.is_plain:
            answer = field.section.document.answers.get(field.question.slug)
            return answer is None or answer.value in EMPTY
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
        if field.question.calculation is None or self._steps_left < 0:
            return None
        try:
            self._spend(CALCULATION, field, "calcExpression")
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

    def _truth(self, formula: Formula, field: Field, what: str, named: Sequence[Field], *, when_empty: bool) -> bool:
        """The truth of a formula; `when_empty` if it names questions (`named`) and all of these are hidden or empty."""
        is_nothing = bool(named)
        for each in named:
            if each.is_hidden is None:
                self._settle(each)
            is_nothing = is_nothing and (self.hidden(each) or self.is_empty(each))
        if is_nothing:
            return when_empty
        for cell in self._columns(formula, field, what) if formula.columns else ():
            if cell.is_hidden is None:
                self._settle(cell)
        return bool(self._run(formula, field, what))

    def _settle(self, field: Field) -> None:
        """Find out whether a field is hidden, and before it all that this depends on."""
        self._spend(VISIT, field, "isHidden")  # what an evaluation that ended so has left open is no circle
        if field.is_open:
            raise _circle([field, field])
        waiting = [field]
        while waiting:
            top = waiting[-1]
            if top.is_hidden is not None:
                waiting.pop()
            elif top.is_open:
                self._decide(top, self._named(top.question.is_hidden, top, "isHidden"))
            else:
                self._open(top, waiting)

    def _open(self, top: Field, waiting: list[Field]) -> None:
        """Decide on a field at once if nothing has to be found out before, or else let that come first."""
        hidden, outside = top.question.is_hidden, top.section.outside
        named = self._named(hidden, top, "isHidden") if hidden.names else []
        needed = [outside] if outside is not None and outside.is_hidden is None else []
        needed += [each for each in named if each.is_hidden is None]
        if hidden.columns:
            needed += [cell for cell in self._columns(hidden, top, "isHidden") if cell.is_hidden is None]
        top.is_open = True
        if not needed:
            return self._decide(top, named)
        for each in needed:
            if each.is_open:
                way = [other for other in waiting if other.is_open]
                top.failure = _circle([*way[way.index(each) :], each])
                top.is_hidden = True
                return None
        waiting += needed
        return None

    def _decide(self, field: Field, named: Sequence[Field]) -> None:
        hidden, outside = field.question.is_hidden, field.section.outside
        try:
            if outside is not None and self.hidden(outside):
                field.is_hidden = True
            elif hidden.constant is not None:
                field.is_hidden = hidden.constant
            else:
                field.is_hidden = self._truth(hidden, field, "isHidden", named, when_empty=True)
        except InvalidExpression as failure:
            field.failure, field.is_hidden = failure, True

    def _named(self, formula: Formula, field: Field, what: str) -> list[Field]:
        """The fields that a formula names, as far as there are any."""
        self._spend(LOOK * len(formula.names), field, what)
        found = (self.find(field.section, name) for name in formula.names)
        return [each for each in found if each is not None]

    def _columns(self, formula: Formula, field: Field, what: str) -> Iterator[Field]:
        """The fields of the columns that a formula reads of the tables that it names."""
        for name, columns in formula.columns.items():
            named = self.find(field.section, name)
            rows = self.inner(named) if named is not None else []
            for column in columns:
                self._spend(LOOK * (1 + len(rows)), field, what)
                cells = (row.field(column) for row in rows)
                yield from (cell for cell in cells if cell is not None)

    def _reads(self, formula: Formula, field: Field, what: str) -> Iterator[Field]:
        yield from self._named(formula, field, what)
        yield from self._columns(formula, field, what)

    def _run(self, formula: Formula, field: Field, what: str) -> Any:
        expression, budget = formula.expression, self._budget
        if expression is None:
            raise _placed(formula.fault or InvalidExpression("It is no expression."), field, what)
        scope = self._scopes.get(field.section) or self._scope(field.section)
        granted, before = self._granted(), budget.left
        budget.left = granted - START
        try:
            return expression.within(scope)
        except InvalidExpression as error:
            self._take(FAILURE)
            if budget.left < 0 and granted < MAX_STEPS:
                raise self._spent(field, what) from error
            raise _placed(error, field, what) from error
        finally:
            self._take(granted if budget.left < 0 else granted - budget.left)
            budget.left = before  # that of the evaluation which this one is part of, if it is

    def _granted(self) -> int:
        """What one evaluation may cost now."""
        left = self._steps_left if self._allowance is None else min(self._steps_left, self._allowance.left)
        return MAX_STEPS if left > MAX_STEPS else max(0, left)

    def _take(self, steps: int) -> None:
        self._steps_left -= steps
        if self._allowance is not None:
            self._allowance.left -= steps

    def _spend(self, steps: int, field: Field, what: str) -> None:
        self._steps_left -= steps
        if self._steps_left < 0:
            raise _placed(InvalidExpression(TOGETHER), field, what)
        if self._allowance is not None:
            self._allowance.spend(steps)

    def _spent(self, field: Field, what: str) -> CalumaError:
        if self._allowance is not None and self._allowance.left < self._steps_left:
            return self._allowance.spent()
        return _placed(InvalidExpression(TOGETHER), field, what)

    def _answer(self, section: Section, slug: Any, default: Any) -> Any:
        if not isinstance(slug, str):
            raise InvalidExpression("`answer` looks up the slug of a question")
        field = self.find(section, slug)
        if field is not None and field.is_hidden is False and field.question.is_plain:
            plain = self.content(field)
            if plain not in EMPTY:
                return plain
        if field is None and default is MISSING:
            raise InvalidExpression(f"there is no question '{slug[:127]}' here")
        if field is None or self.hidden(field) or self.is_empty(field):
            return default if default is not MISSING or field is None else self.nothing(field)
        return self.content(field)

    def _scope(self, section: Section) -> Scope:
        def answer(slug: Any, default: Any = MISSING) -> Any:
            return self._answer(section, slug, default)

        context = info.context(section, self, self._surroundings)
        found = self._scopes[section] = JEXL.scope(context, transforms={ANSWER: answer}, budget=self._budget)
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
        return self._structure.cell(field)

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
