"""Which forms are around a question or a form: those that have it, or contain it as sub form or in rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Q

from caluma_async.form.models import FormQuestion


def forms_with(questions: Collection[str]) -> set[str]:
    """The forms that have one of these questions."""
    return set(FormQuestion.objects.filter(question__in=questions).values_list("form_id", flat=True))


def forms_around(forms: Iterable[str]) -> set[str]:
    """These forms and all around them: one statement per level."""
    found = level = set(forms)
    while level:
        level = {outer for outer, *_ in _containing(level)} - found
        found = found | level
    return found


def outermost(forms: Iterable[str]) -> set[str]:
    """The forms in the end around these, as sub forms and as rows; a form that nothing contains is its own.

    Forms that contain each other have no outermost one: then these themselves.
    """
    found: set[str] = set()
    seen = level = set(forms)
    while level:
        around = _containing(level)
        found |= level - {inner for _, *both in around for inner in both}
        level = {outer for outer, *_ in around} - seen
        seen = seen | level
    return found or seen


def _containing(forms: set[str]) -> set[tuple[str, str | None, str | None]]:
    """The forms that contain one of these, each with that one as sub form or as form of rows."""
    inside = Q(question__sub_form__in=forms) | Q(question__row_form__in=forms)
    rows = FormQuestion.objects.filter(inside)
    return set(rows.values_list("form_id", "question__sub_form_id", "question__row_form_id"))
