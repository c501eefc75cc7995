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
    for slug in known.order:
        reads = known.reads[slug]
        for field in fields.get(slug, ()):
            if changed is None or field.section.document.id in new or _is_reached(field, reads, changed):
                number = None if slug in known.circular else structure.number(field)
                structure.put(field, number)
                if field.answer is None or not _same(field.answer.value, number):
                    yield field.key, number
                    if changed is not None:
                        changed.add(field.key)


def _by_question(structure: Structure) -> dict[str, list[Field]]:
    """The fields of calculated questions; one for each answer, though several places may show it."""
    found: dict[str, list[Field]] = {}
    for (_, slug), fields in structure.by_key.items():
        if fields[0].question.is_calculated:
            found.setdefault(slug, []).append(fields[0])
    return found


def _is_reached(field: Field, reads: frozenset[str] | None, changed: set[Key]) -> bool:
    """Whether one of the changed answers may be read there: those of other rows of the same table are not."""
    around = set(field.documents_around())
    return any(
        (reads is None or slug in reads) and (document in around or not _is_row_beside(document, field))
        for document, slug in changed
    )


def _is_row_beside(document: UUID, field: Field) -> bool:
    """Whether the document is another row of the innermost table that the field is in."""
    section = field.section
    while section.outside is not None and section.outside.question.type != "table":
        section = section.outside.section
    if section.outside is None or section.outside.answer is None:
        return False
    return document in section.outside.answer.rows


def _same(kept: object, number: float | None) -> bool:
    """Whether the answer holds the number; 1 and 1.0 are stored differently, but are one."""
    return not isinstance(kept, bool) and kept == number
