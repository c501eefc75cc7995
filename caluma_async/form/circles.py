"""Whether questions depend on themselves, and forms contain themselves, in the end. Looks at what is saved."""

from __future__ import annotations

from collections.abc import Collection

from caluma_async.errors import Refused
from caluma_async.form import versions
from caluma_async.form.around import forms_with, outermost
from caluma_async.form.definitions import catalogues
from caluma_async.form.models import Question
from caluma_async.form.structure import Catalogue, FormDefinition, QuestionDefinition, formula
from caluma_async.form.structure.dependencies import Dependencies, dependencies


def refuse_circles(questions: Collection[str]) -> None:
    """Raise `Refused`, with the chain, if any of these questions depends on itself, in a form or by what it names.

    For use at the end of a verb, when everything is written: one statement per level of questions that name each other
    and of forms that contain each other, and what it takes to read the outermost forms around.
    """
    _refuse(Dependencies.of(_named(questions)))
    for catalogue in catalogues(outermost(forms_with(questions)), versions.current()).values():
        _refuse(dependencies(catalogue))


def refuse_circles_around(forms: Collection[str]) -> None:
    """As `refuse_circles`, of all that is asked in these forms and in the forms around them."""
    for catalogue in catalogues(outermost(forms), versions.current()).values():
        _refuse(dependencies(catalogue))


def _refuse(found: Dependencies) -> None:
    if found.circle:
        raise Refused(f"The questions depend on each other: {' → '.join(found.circle)}.")


def _named(questions: Collection[str]) -> Catalogue:
    """The questions and all that they name in the end, as if they were asked in one form without others in it."""
    found: dict[str, QuestionDefinition] = {}
    level = set(questions)
    while level:
        rows = Question.objects.filter(pk__in=level).values_list("pk", "type", "is_hidden", "calc_expression")
        made = [_alone(*row) for row in rows]
        found |= {each.slug: each for each in made}
        formulas = [part for each in made for part in (each.is_hidden, each.calculation) if part is not None]
        level = {name for part in formulas for name in part.names} - found.keys()
    form = FormDefinition(slug="", questions=found)
    return Catalogue(root=form, forms={"": form})


def _alone(slug: str, kind: str, is_hidden: str, expression: str | None) -> QuestionDefinition:
    is_calculated = kind == Question.TYPE_CALCULATED_FLOAT
    return QuestionDefinition(
        slug=slug,
        type=kind,
        is_hidden=formula(is_hidden),
        calculation=formula(expression or "") if is_calculated else None,
    )
