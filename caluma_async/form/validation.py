"""Whether a document is complete. Asks only for what can be told without looking at other answers.

Required is a question whose `is_required` is true and whose `is_hidden` is false whatever was answered, and likewise
for what encloses it; an expression that reads answers demands nothing. Rows of tables and files are not stored yet, so
nothing demands them either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from caluma_async.errors import InvalidExpression, InvalidInput
from caluma_async.expressions import Jexl
from caluma_async.form.models import Answer, Document, FormQuestion, Question
from caluma_async.identity import User

ANSWERABLE: Final = frozenset(
    {
        Question.TYPE_TEXT,
        Question.TYPE_TEXTAREA,
        Question.TYPE_INTEGER,
        Question.TYPE_FLOAT,
        Question.TYPE_DATE,
        Question.TYPE_CHOICE,
        Question.TYPE_MULTIPLE_CHOICE,
        Question.TYPE_DYNAMIC_CHOICE,
        Question.TYPE_DYNAMIC_MULTIPLE_CHOICE,
    }
)
EMPTY: Final[tuple[Any, ...]] = (None, "", [])

_jexl = Jexl()


def check_document(document: Document, user: User) -> None:
    """Pass if every question that is certainly required is answered.

    Raises `InvalidInput` that lists the others; its `fields` are slugs of questions. One statement per level of
    sub forms and one for the answers, however many there are.
    """
    required = list(dict.fromkeys(_required(document.form_id)))
    answered = _answered(document, required) if required else set()
    missing = [slug for slug in required if slug not in answered]
    if missing:
        listed = ", ".join(repr(slug) for slug in missing)
        message = f"Document {document.pk} is not complete: the required questions {listed} have no answer."
        raise InvalidInput(message, fields=dict.fromkeys(missing, "An answer is required."))


def _required(form: str) -> Iterator[str]:
    """Slugs of the questions that are certainly required, of the form and its sub forms, level by level."""
    level, known = {form}, {form}
    while level:
        questions = _visible(level)
        answerable = [each for each in questions if each.type in ANSWERABLE]
        yield from (each.slug for each in answerable if _is_certainly(each.is_required, True))
        level = {each.sub_form_id for each in questions if each.sub_form_id is not None} - known
        known |= level


def _visible(forms: Iterable[str]) -> list[Question]:
    """The questions of the forms that are certainly not hidden."""
    links = FormQuestion.objects.filter(form__in=forms).select_related("question").order_by("form", "-sort")
    return [link.question for link in links if _is_certainly(link.question.is_hidden, False)]


def _answered(document: Document, questions: Iterable[str]) -> set[str]:
    answers = Answer.objects.filter(document=document, question__in=questions)
    return {
        slug for slug, value, date in answers.values_list("question", "value", "date") if value not in EMPTY or date
    }


def _is_certainly(expression: str, wanted: bool) -> bool:
    """Whether the expression has this truth whatever is answered; one without anything in it is false."""
    try:
        return bool(_jexl.evaluate(expression or "false", _NO_DATA)) is wanted
    except InvalidExpression:
        return False


class _NoData(dict[str, Any]):
    """A context that ends the evaluation of whoever looks into it."""

    def get(self, name: str, default: Any = None) -> Any:
        raise InvalidExpression(f"{name} is not known here.")


_NO_DATA: Final = _NoData()
