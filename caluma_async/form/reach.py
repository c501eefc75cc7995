"""Which questions a document of a form answers: those of the form and, recursively, of its sub forms."""

from __future__ import annotations

from collections.abc import Iterable

from caluma_async.form.models import FormQuestion, Question


def questions_of(forms: Iterable[str]) -> dict[str, Question]:
    """The questions by slug: a statement per level of sub forms."""
    found: dict[str, Question] = {}
    level, known = set(forms), set(forms)
    while level:
        links = FormQuestion.objects.filter(form__in=level).select_related("question").order_by("form", "-sort")
        questions = [link.question for link in links]
        found |= {question.slug: question for question in questions}
        level = {each.sub_form_id for each in questions if each.sub_form_id is not None} - known
        known |= level
    return found
