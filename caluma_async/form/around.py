"""Which forms a change concerns: those with the question, and all that are around them as sub or row form."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from caluma_async.errors import Refused
from caluma_async.form import versions
from caluma_async.form.definitions import catalogues
from caluma_async.form.models import FormQuestion, Question
from caluma_async.form.structure.dependencies import dependencies


def forms_around(*, questions: Collection[str] = (), forms: Collection[str] = ()) -> set[str]:
    """These forms, those that have one of these questions, and those around: one statement per level."""
    found = set(forms)
    if questions:
        found |= set(FormQuestion.objects.filter(question__in=questions).values_list("form_id", flat=True))
    level = set(found)
    while level:
        encloses = Q(question__type=Question.TYPE_FORM, question__sub_form__in=level) | Q(
            question__type=Question.TYPE_TABLE, question__row_form__in=level
        )
        around = set(FormQuestion.objects.filter(encloses).values_list("form_id", flat=True))
        level = around - found
        found |= level
    return found


def refuse_circles(*, questions: Collection[str] = (), forms: Collection[str] = ()) -> None:
    """Refuse forms that contain each other, and these questions if they depend on themselves in the end.

    For verbs that change a question, or which questions a form has: call it after they wrote, within their
    transaction. `questions` are those that changed, came or went; `forms` those that they came into. Raises `Refused`
    that tells the chain. A few statements, however many forms are around.
    """
    concerned = forms_around(questions=questions, forms=forms)
    for catalogue in catalogues(concerned, versions.current()).values():
        chain = dependencies(catalogue).circle
        if chain and not (questions and set(chain).isdisjoint(questions)):
            told = " → ".join(f"'{slug}'" for slug in chain)
            raise Refused(f"In the form '{catalogue.root.slug}' the questions {told} depend on each other.")
