"""The field of a page for the value of an answer, by the type of its question. Which values fit, the verbs say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from django import forms
from django.contrib.admin import widgets

from caluma_async.errors import CalumaError
from caluma_async.form import answer_inputs, families
from caluma_async.form.data_sources import BaseDataSource, data_source, data_sources
from caluma_async.form.models import KINDS, Answer, Question, QuestionOption
from caluma_async.form.options import chosen
from caluma_async.identity import User
from caluma_async.verbs.admin import LinesField

ANSWERED: Final = frozenset(KINDS) - {Question.TYPE_CALCULATED_FLOAT}
"""Types of questions that people answer."""

_EXACT: Final = 2**53
"""Up to here, every whole number is a float of its own."""

Choices = Callable[[], list[tuple[str, str]]]


def value_of(answer: Answer | None) -> Any:
    """What is in the field: the value; of a table the keys of its rows."""
    if answer is None:
        return None
    if answer.kind == "table":
        return [link.document_id for link in families.rows_of(answer.pk)]
    return answer_inputs.stored(answer)


class TextField(forms.CharField):
    """A text with its spaces, or `None`; browsers end lines otherwise than it does."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, empty_value=None, **kwargs)

    def to_python(self, value: Any) -> str | None:
        """The text."""
        text = super().to_python(value)
        return None if text is None else text.replace("\r\n", "\n")

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the text is another one."""
        return self.to_python(initial) != self.to_python(data)


class NumberField(forms.FloatField):
    """A number as it was meant: without a fraction, a whole one."""

    def to_python(self, value: Any) -> Any:
        """The number."""
        number = super().to_python(value)
        return int(number) if number is not None and number.is_integer() and abs(number) < _EXACT else number


def value_field(question: Question, user: User, answer: Answer | None = None) -> forms.Field:
    """A field for the value of the answer that there is, or of a new one; without one, for the default answer.

    What was chosen stays among the choices, even if it is offered no more. Files have fields of their own.
    """
    kept = None if answer is None else answer.value
    match question.type:
        case Question.TYPE_CHOICE:
            return _one(_options(question, kept))
        case Question.TYPE_MULTIPLE_CHOICE:
            return _several(_options(question, kept))
        case Question.TYPE_DYNAMIC_CHOICE:
            return _one(_dynamic(question, user, kept)) if _is_listed(question) else TextField(required=False)
        case Question.TYPE_DYNAMIC_MULTIPLE_CHOICE:
            return _several(_dynamic(question, user, kept)) if _is_listed(question) else LinesField(required=False)
        case Question.TYPE_TEXT if "\n" not in str(kept):
            return TextField(required=False, widget=widgets.AdminTextInputWidget)
    return _OF_KINDS[KINDS[question.type]]()


_OF_KINDS: Final[Mapping[str, Callable[[], forms.Field]]] = {
    "string": lambda: TextField(required=False, widget=widgets.AdminTextareaWidget),
    "integer": lambda: forms.IntegerField(required=False),
    "float": lambda: NumberField(required=False),
    "date": lambda: forms.DateField(required=False, widget=widgets.AdminDateWidget),
    "table": lambda: LinesField(required=False, help_text="The keys of the rows, one a line, in their order."),
}


def _one(choices: Choices) -> forms.Field:
    return forms.TypedChoiceField(choices=lambda: [("", "—"), *choices()], empty_value=None, required=False)


def _several(choices: Choices) -> forms.Field:
    return forms.MultipleChoiceField(choices=choices, required=False, widget=forms.CheckboxSelectMultiple)


def _options(question: Question, kept: Any) -> Choices:
    @cache
    def choices() -> list[tuple[str, str]]:
        links = QuestionOption.objects.filter(question=question).select_related("option").order_by("-sort", "pk")
        return _with_kept({link.option_id: str(link.option.label) for link in links}, kept)

    return choices


def _dynamic(question: Question, user: User, kept: Any) -> Choices:
    @cache
    def choices() -> list[tuple[str, str]]:
        try:
            offered = data_source(question.data_source).choices(user, question, None)
        except CalumaError:  # the page opens all the same: the verb says what is wrong, as soon as something is chosen
            offered = []
        return _with_kept({slug: str(label) for slug, label in offered}, kept)

    return choices


def _with_kept(labels: Mapping[str, str], kept: Any) -> list[tuple[str, str]]:
    """Slugs and labels, those chosen before among them."""
    all_labels = {**labels, **{slug: slug for slug in chosen(kept) if slug not in labels}}
    return [(slug, label or slug) for slug, label in all_labels.items()]


def _is_listed(question: Question) -> bool:
    """Whether only what the data source lists may be chosen: its class may decide by code of its own."""
    found = data_sources.find(question.data_source)
    return found is None or found.validate_answer_value is BaseDataSource.validate_answer_value
