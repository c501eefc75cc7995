"""Whether questions depend on themselves, and forms contain themselves, in the end. Looks at what is saved."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db.models import Q

from caluma_async.errors import Refused
from caluma_async.form import versions
from caluma_async.form.around import forms_with, outermost
from caluma_async.form.definitions import catalogues
from caluma_async.form.models import Question
from caluma_async.form.structure import Catalogue, FormDefinition, QuestionDefinition, formula
from caluma_async.form.structure.dependencies import circle

MOST_LEVELS: Final = 5
"""Levels of questions that name each other which are read apart; the next statement reads all that names any."""


def refuse_circles(questions: Collection[str]) -> None:
    """Raise `Refused`, with the chain, if any of these questions depends on itself, in a form or by what it names.

    For use at the end of a verb, when everything is written: one statement per level of questions that name each other,
    `MOST_LEVELS` at most, one per level of forms that contain each other, and what it takes to read the outermost ones.
    """
    _refuse(_named(questions))
    for catalogue in catalogues(outermost(forms_with(questions)), versions.current()).values():
        _refuse(catalogue)


def refuse_circles_around(forms: Collection[str]) -> None:
    """As `refuse_circles`, of all that is asked in these forms and in the forms around them."""
    for catalogue in catalogues(outermost(forms), versions.current()).values():
        _refuse(catalogue)


def _refuse(catalogue: Catalogue) -> None:
    found = circle(catalogue)
    if found:
        raise Refused(f"The questions depend on each other: {' → '.join(found)}.")


def _named(questions: Collection[str]) -> Catalogue:
    """The questions and all that they name in the end, as if they were asked in one form without others in it."""
    found: dict[str, QuestionDefinition] = {}
    asked = level = set(questions)
    for _ in range(MOST_LEVELS):
        found |= _read(Q(pk__in=level))
        level = {name for each in found.values() for name in _names(each)} - asked
        asked = asked | level
        if not level:
            break
    else:
        found |= _read(~Q(is_hidden="false", calc_expression=None))
    form = FormDefinition(slug="", questions=found)
    return Catalogue(root=form, forms={"": form})


def _read(wanted: Q) -> dict[str, QuestionDefinition]:
    rows = Question.objects.filter(wanted).values_list("pk", "type", "is_hidden", "calc_expression")
    return {row[0]: _alone(*row) for row in rows}


def _names(question: QuestionDefinition) -> set[str]:
    formulas = [part for part in (question.is_hidden, question.calculation) if part is not None]
    return {name for part in formulas for name in part.names}


def _alone(slug: str, kind: str, is_hidden: str, expression: str | None) -> QuestionDefinition:
    is_calculated = kind == Question.TYPE_CALCULATED_FLOAT
    return QuestionDefinition(
        slug=slug,
        type=kind,
        is_hidden=formula(is_hidden),
        calculation=formula(expression or "") if is_calculated else None,
    )
