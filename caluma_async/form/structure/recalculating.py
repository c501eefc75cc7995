"""Which calculated answers change with others, and to what. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from uuid import UUID

from caluma_async.form.structure.dependencies import dependencies
from caluma_async.form.structure.evaluation import Structure
from caluma_async.form.structure.fields import Field

Key = tuple[UUID, str]
"""An answer, by document and question."""


def recalculated(
    structure: Structure, changed: Iterable[Key] | None, new: Collection[UUID] = ()
) -> dict[Key, float | None]:
    """The calculated answers that are not what they were, or not there yet.

    `changed`: the answers that were saved or removed, or whose rows came or went; `None`: whatever there is may have.
    `new`: documents in which everything is to be calculated. Each answer is calculated once, after those that it
    depends on, and only if one of these changed.
    """
    return dict(_changes(structure, None if changed is None else set(changed), set(new)))


def _changes(structure: Structure, changed: set[Key] | None, new: set[UUID]) -> Iterator[tuple[Key, float | None]]:
    known = dependencies(structure.catalogue)
    fields = _by_question(structure)
    reached = None if changed is None else Reached(changed)
    for slug in known.order:
        reads = known.reads[slug]
        for field in fields.get(slug, ()):
            if reached is None or field.section.document.id in new or reached.has(field, reads):
                number = None if slug in known.circular else structure.number(field)
                structure.put(field, number)
                if field.answer is None or not _same(field.answer.value, number):
                    yield field.key, number
                    if reached is not None:
                        reached.add(field.key)


def _by_question(structure: Structure) -> dict[str, list[Field]]:
    """The fields of calculated questions; one for each answer, though several places may show it."""
    found: dict[str, list[Field]] = {}
    for (_, slug), fields in structure.by_key.items():
        if fields[0].question.is_calculated:
            found.setdefault(slug, []).append(fields[0])
    return found


class Reached:
    """The answers that changed, and which fields may read one of them: those of other rows of the same table do not."""

    def __init__(self, changed: Iterable[Key]) -> None:
        self._documents: dict[str, set[UUID]] = {}
        self._rows: dict[Field, frozenset[UUID]] = {}
        for key in changed:
            self.add(key)

    def add(self, key: Key) -> None:
        """One more answer changed."""
        document, slug = key
        self._documents.setdefault(slug, set()).add(document)

    def has(self, field: Field, reads: frozenset[str] | None) -> bool:
        """Whether one of the answers may be read there; `reads`: of which questions, if not of any."""
        slugs = self._documents.keys() if reads is None else self._documents.keys() & reads
        if not slugs:
            return False
        around, beside = set(field.documents_around()), self._beside(field)
        return any(
            not around.isdisjoint(self._documents[slug]) or not self._documents[slug] <= beside for slug in slugs
        )

    def _beside(self, field: Field) -> frozenset[UUID]:
        """The rows of the innermost table that the field is in."""
        section = field.section
        while section.outside is not None and section.outside.question.type != "table":
            section = section.outside.section
        table = section.outside
        if table is None:
            return frozenset()
        if table not in self._rows:
            self._rows[table] = frozenset(table.answer.rows if table.answer is not None else ())
        return self._rows[table]


def _same(kept: object, number: float | None) -> bool:
    """Whether the answer holds the number; 1 and 1.0 are stored differently, but are one."""
    return not isinstance(kept, bool) and kept == number
