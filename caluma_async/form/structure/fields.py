"""A family's documents laid out over its forms: sections and fields, made as they are looked at. Evaluates nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from caluma_async.errors import InvalidExpression
from caluma_async.form.structure.definition import Catalogue, FormDefinition, QuestionDefinition
from caluma_async.form.structure.family import AnswerData, DocumentData, Family

UNKNOWN: Final = object()


class Section:
    """A form as it is asked in a document: the root, a sub form, or a row. `outside`: the field that encloses it."""

    __slots__ = ("_fields", "document", "form", "found", "outside")

    def __init__(self, form: FormDefinition, document: DocumentData, outside: Field | None) -> None:
        self.form = form
        self.document = document
        self.outside = outside
        self._fields: dict[str, Field] = {}
        self.found: dict[str, Any] = {}
        """What names stand for, seen from here."""

    def field(self, slug: str) -> Field | None:
        """The field of one of the form's own questions."""
        found = self._fields.get(slug)
        if found is None and slug in self.form.questions:
            found = self._fields[slug] = Field(self.form.questions[slug], self)
        return found

    def fields(self) -> Iterator[Field]:
        """The fields of the form's own questions, in order."""
        return (self._fields.get(slug) or self._new(slug) for slug in self.form.questions)

    def _new(self, slug: str) -> Field:
        made = self._fields[slug] = Field(self.form.questions[slug], self)
        return made


class Field:
    """A question in a section, and what an evaluation found out about it."""

    __slots__ = ("failure", "is_hidden", "is_open", "question", "rows", "section", "sub_section")

    def __init__(self, question: QuestionDefinition, section: Section) -> None:
        self.question = question
        self.section = section
        self.rows: list[Section] | None = None
        self.sub_section: Section | None = None
        self.is_hidden: bool | None = None
        self.failure: InvalidExpression | None = None
        self.is_open = False
        """Whether it is being found out whether it is hidden."""

    @property
    def slug(self) -> str:
        """The question's."""
        return self.question.slug

    @property
    def answer(self) -> AnswerData | None:
        """What was answered, if anything."""
        return self.section.document.answers.get(self.question.slug)

    @property
    def key(self) -> tuple[UUID, str]:
        """By what its answer is known: document and question. Fields of one sub form in several places share it."""
        return self.section.document.id, self.question.slug

    def documents_around(self) -> Iterator[UUID]:
        """The key of its document, and of those that this is a row of."""
        place: Field | None = self
        while place is not None:
            yield place.section.document.id
            place = place.section.outside


class Layout:
    """All sections and fields of one family."""

    def __init__(self, catalogue: Catalogue, family: Family) -> None:
        self.catalogue = catalogue
        self.family = family
        self.root = Section(catalogue.root, family.documents[family.root], None)

    def rows(self, field: Field) -> list[Section]:
        """The rows of a table, in order; none that is around the table, as no verb makes it."""
        if field.rows is None:
            rows = field.answer.rows if field.answer and field.question.row_form else ()
            field.rows = [self._row(field, key) for key in rows if key not in field.documents_around()]
        return field.rows

    def sub_section(self, field: Field) -> Section:
        """What a form question encloses."""
        if field.sub_section is None:
            form = self.catalogue.forms[str(field.question.sub_form)]
            field.sub_section = Section(form, field.section.document, field)
        return field.sub_section

    def inner(self, field: Field) -> list[Section]:
        """The sections that a field encloses."""
        if field.question.type == "table":
            return self.rows(field)
        if field.question.type == "form" and field.question.sub_form:
            return [self.sub_section(field)]
        return []

    def fields(self) -> Iterator[Field]:
        """Every field, in the order in which they are read: what a field encloses comes after it."""
        waiting = [self.root.fields()]
        while waiting:
            field = next(waiting[-1], None)
            if field is None:
                waiting.pop()
                continue
            yield field
            waiting += [section.fields() for section in reversed(self.inner(field))]

    @cached_property
    def by_key(self) -> Mapping[tuple[UUID, str], list[Field]]:
        """The fields by document and question."""
        found: dict[tuple[UUID, str], list[Field]] = defaultdict(list)
        for field in self.fields():
            found[field.key].append(field)
        return found

    def find(self, section: Section, slug: str) -> Field | None:
        """What a name stands for: looked up in the section, then outwards, then in all sub forms of the root."""
        found: Field | None = section.found.get(slug, UNKNOWN)
        if found is UNKNOWN:
            found = section.found[slug] = self._outwards(section, slug) or self._below(slug)
        return found

    def _outwards(self, section: Section, slug: str) -> Field | None:
        place: Section | None = section
        while place is not None:
            found = place.field(slug)
            if found is not None:
                return found
            place = place.outside.section if place.outside is not None else None
        return None

    def _below(self, slug: str) -> Field | None:
        place = self.root
        for step in self.catalogue.ways.get(slug, ()):
            outside = place.field(step)
            if outside is None:
                return None
            place = self.sub_section(outside)
        return place.field(slug)

    def _row(self, field: Field, key: UUID) -> Section:
        return Section(self.catalogue.forms[str(field.question.row_form)], self.family.documents[key], field)
