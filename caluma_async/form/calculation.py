"""Calculated answers, kept right: what a verb of documents calls after it saved, removed, attached or detached."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.utils import timezone

from caluma_async.form import versions
from caluma_async.form.definitions import catalogue, catalogues
from caluma_async.form.loading import of_families
from caluma_async.form.models import Answer, Document
from caluma_async.form.structure import Structure
from caluma_async.form.structure.dependencies import dependencies
from caluma_async.form.structure.recalculating import Key, recalculated
from caluma_async.identity import User
from caluma_async.verbs import bulk


def recalculate(
    root: UUID,
    user: User,
    *,
    changed: Collection[Key] | None = None,
    new: Collection[UUID] = (),
    form: tuple[str, str | None] | None = None,
) -> list[Answer]:
    """Calculate anew what the changes of a verb reach in a family, and write it; the answers that changed.

    Call it inside the verb's transaction, with the family locked, after everything else of it is written.

    - `root`: the key of the family's root document.
    - `changed`: the answers, as (key of the document, slug of the question), that were saved, emptied or removed,
      and the table answers whose rows were added, removed or reordered. `None`: all there may be, as after a copy.
    - `new`: documents that came into the family, or were just made: all calculated answers in them are made.
    - `form`: the root's form and the stamp of `versions`, where the caller has read them with the family locked.

    Each answer is calculated once, after those that it depends on; nothing beyond one that stays as it was. `user` is
    noted as their author. One statement (none with `form`) if the forms say that nothing is reached, else up to six, of
    which two write; more only when a form changed since it was last used. The caller emits `post_calculate_answers` if
    any changed.
    """
    found = form or Document.objects.filter(pk=root).values_list("form_id", versions.stamp()).first()
    if found is None:
        return []
    reached = dependencies(catalogue(*found))
    if not reached.order or (changed is not None and not new and not reached.are_reached(slug for _, slug in changed)):
        return []
    structure = of_families(Document.objects.filter(family=root))[root]
    return write(structure, recalculated(structure, changed, new), user)


def recalculate_all(roots: Collection[UUID], user: User) -> dict[UUID, list[Answer]]:
    """Calculate everything in some families, as `recalculate` does; the answers that changed, by root.

    The number of statements does not grow with that of the families.
    """
    if not roots:
        return {}
    rows = list(Document.objects.filter(pk__in=roots).values_list("form_id", versions.stamp()))
    by_form = catalogues({form for form, _ in rows}, rows[0][1] if rows else None)
    if not any(dependencies(each).order for each in by_form.values()):
        return {}
    structures = of_families(Document.objects.filter(family__in=roots))
    numbers = {root: recalculated(structure, None) for root, structure in structures.items()}
    answers = {root: _answers(structures[root], found) for root, found in numbers.items() if found}
    _write([answer for found in answers.values() for answer in found], user)
    return answers


def write(structure: Structure, numbers: Mapping[Key, float | None], user: User) -> list[Answer]:
    """Write calculated answers, new ones in one statement and others in one; those that were written."""
    answers = _answers(structure, numbers)
    _write(answers, user)
    return answers


def _write(answers: Sequence[Answer], user: User) -> None:
    now = timezone.now()
    for answer in answers:
        answer.stamp(user, now)
    changed = [answer for answer in answers if not answer._state.adding]
    bulk.insert([answer for answer in answers if answer._state.adding])
    bulk.update_each(changed, ["value"])


def _answers(structure: Structure, numbers: Mapping[Key, float | None]) -> list[Answer]:
    return [_answer(structure, key, number) for key, number in numbers.items()]


def _answer(structure: Structure, key: Key, number: float | None) -> Answer:
    document, question = key
    kept = structure.by_key[key][0].answer
    answer = Answer(document_id=document, question_id=question, value=number)
    if kept is not None:
        answer.pk = kept.id
        answer._state.adding, answer._state.db = False, "default"
    return answer
