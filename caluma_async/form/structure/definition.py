"""What is asked, as frozen data: a form with its questions, and all forms that are reached from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from caluma_async.errors import Refused
from caluma_async.form.structure.formulas import NEVER, Formula

MOST_FIELDS: Final = 20_000
"""Questions that a document may have, rows not counted: sub forms that several places share multiply."""

MOST_TEXT: Final = 500_000
"""Characters that the expressions of a form and of all forms in it may have together."""

UNANSWERABLE: Final = frozenset({"form", "static", "action_button"})
MULTIPLE: Final = frozenset({"multiple_choice", "dynamic_multiple_choice"})
INNER: Final = frozenset({"form", "table"})
LISTS: Final = MULTIPLE | {"table"}
CHOICES: Final = frozenset({"choice", "multiple_choice"})
DYNAMIC: Final = frozenset({"dynamic_choice", "dynamic_multiple_choice"})


@dataclass(frozen=True, kw_only=True, slots=True)
class OptionDefinition:
    """One choice of a question."""

    slug: str
    is_hidden: Formula = NEVER


@dataclass(frozen=True, kw_only=True, eq=False)
class QuestionDefinition:
    """One question of a form; `type` as in the table."""

    slug: str
    type: str
    is_hidden: Formula = NEVER
    is_required: Formula = NEVER
    calculation: Formula | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)
    format_validators: Sequence[str] = ()
    data_source: str | None = None
    options: tuple[OptionDefinition, ...] = ()
    row_form: str | None = None
    sub_form: str | None = None

    @cached_property
    def is_calculated(self) -> bool:
        """Whether the engine writes its answers."""
        return self.calculation is not None

    def formulas(self) -> Iterator[Formula]:
        """Its expressions, those of its options included."""
        yield from (self.is_hidden, self.is_required)
        if self.calculation is not None:
            yield self.calculation
        yield from (option.is_hidden for option in self.options)

    @cached_property
    def is_plain(self) -> bool:
        """Whether its value is what the answer holds."""
        return self.type not in INNER and not self.is_calculated

    @cached_property
    def inner_form(self) -> str | None:
        """The form whose questions it encloses."""
        return self.sub_form if self.type == "form" else self.row_form if self.type == "table" else None


@dataclass(frozen=True, kw_only=True, eq=False)
class FormDefinition:
    """A form: its questions in order."""

    slug: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    questions: Mapping[str, QuestionDefinition] = field(default_factory=dict)

    def sub_forms(self) -> Iterator[QuestionDefinition]:
        """Its form questions that lead somewhere."""
        return (each for each in self.questions.values() if each.type == "form" and each.sub_form)


@dataclass(frozen=True, kw_only=True, eq=False)
class Catalogue:
    """A form and all forms that are reached from it, by slug, those of rows included.

    Raises `Refused` if forms contain each other, or if a document of the form would have too many questions, or too
    long expressions.
    """

    root: FormDefinition
    forms: Mapping[str, FormDefinition]

    def __post_init__(self) -> None:
        for form in self.forms.values():
            self._refuse_circle(form)
        self._refuse_size()
        if self.characters > MOST_TEXT:
            message = f"have expressions of more than {MOST_TEXT} characters together"
            raise Refused(f"The form '{self.root.slug}' and the forms in it {message}.")

    @cached_property
    def characters(self) -> int:
        """How long its expressions are together."""
        return sum(len(each.text) for question in self.questions.values() for each in question.formulas())

    @cached_property
    def questions(self) -> Mapping[str, QuestionDefinition]:
        """All questions by slug."""
        return {slug: each for form in self.forms.values() for slug, each in form.questions.items()}

    @cached_property
    def of_document(self) -> frozenset[str]:
        """The questions that a document of the root form answers: its own and those of sub forms, not of rows."""
        return frozenset({*self.root.questions, *self.ways})

    @cached_property
    def ways(self) -> Mapping[str, tuple[str, ...]]:
        """For each question in sub forms of the root: the form questions that lead to it, the first found in depth."""
        ways: dict[str, tuple[str, ...]] = {}
        waiting: list[tuple[QuestionDefinition, tuple[str, ...]]] = [
            (question, (question.slug,)) for question in reversed(list(self.root.sub_forms()))
        ]
        entered: set[str] = set()
        while waiting:
            question, way = waiting.pop()
            form = self.forms[str(question.sub_form)]
            if form.slug in entered:  # all that is in it was found on an earlier way
                continue
            entered.add(form.slug)
            for slug in form.questions:
                ways.setdefault(slug, way)
            waiting += [(each, (*way, each.slug)) for each in reversed(list(form.sub_forms()))]
        return ways

    def _refuse_circle(self, start: FormDefinition) -> None:
        way: list[tuple[str, Iterator[QuestionDefinition]]] = [(start.slug, start.sub_forms())]
        seen = {start.slug}
        while way:
            inner = next(way[-1][1], None)
            if inner is None:
                way.pop()
            elif inner.sub_form == start.slug:
                chain = " → ".join([*(slug for slug, _ in way), start.slug])
                raise Refused(f"The forms contain each other: {chain}.")
            elif inner.sub_form not in seen:
                seen.add(str(inner.sub_form))
                way.append((str(inner.sub_form), self.forms[str(inner.sub_form)].sub_forms()))

    def _refuse_size(self) -> None:
        sizes: dict[str, int] = {}
        waiting = list(self.forms)
        while waiting:
            form = self.forms[waiting[-1]]
            inner = [str(question.sub_form) for question in form.sub_forms()]
            unknown = [slug for slug in inner if slug not in sizes]
            if unknown and form.slug not in sizes:
                waiting += unknown
                continue
            waiting.pop()
            sizes[form.slug] = len(form.questions) + sum(sizes[slug] for slug in inner)
            if sizes[form.slug] > MOST_FIELDS:
                raise Refused(f"The form '{form.slug}' with its sub forms has more than {MOST_FIELDS} questions.")
