"""Forms and documents for tests of structures: written down as nested data, no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from caluma_async.form.structure import (
    AnswerData,
    Catalogue,
    DocumentData,
    Family,
    Field,
    FormDefinition,
    OptionDefinition,
    QuestionDefinition,
    Structure,
    formula,
)

FORMULAS = ("is_hidden", "is_required", "calculation")


def question(slug: str, type: str = "text", **fields: Any) -> QuestionDefinition:  # noqa: A002 - the column's name
    """A question; expressions are given as texts, `options` as slugs or pairs of slug and `is_hidden`."""
    for name in FORMULAS:
        if name in fields:
            fields[name] = formula(fields[name])
    pairs = [option if isinstance(option, tuple) else (option, "false") for option in fields.pop("options", ())]
    options = tuple(OptionDefinition(slug=option, is_hidden=formula(text)) for option, text in pairs)
    return QuestionDefinition(slug=slug, type=type, options=options, **fields)


def calculated(slug: str, text: str, **fields: Any) -> QuestionDefinition:
    """A calculated question."""
    return question(slug, "calculated_float", calculation=text, **fields)


def form(slug: str, *questions: QuestionDefinition, meta: Mapping[str, Any] | None = None) -> FormDefinition:
    """A form with its questions in order."""
    return FormDefinition(slug=slug, meta=meta or {}, questions={each.slug: each for each in questions})


def catalogue(*forms: FormDefinition) -> Catalogue:
    """The first form is the root."""
    return Catalogue(root=forms[0], forms={each.slug: each for each in forms})


def structure(forms: Sequence[FormDefinition], answers: Mapping[str, Any] | None = None, **more: Any) -> Structure:
    """A document of the first form. A list of mappings among `answers` is a table with these rows."""
    documents: dict[UUID, DocumentData] = {}
    root = _document(forms[0].slug, answers or {}, documents)
    return Structure(catalogue(*forms), Family(root=root, documents=documents, **more))


def _document(form_slug: str, answers: Mapping[str, Any], documents: dict[UUID, DocumentData]) -> UUID:
    given = {slug: _answer(value, documents) for slug, value in answers.items()}
    made = DocumentData(id=uuid4(), form=form_slug, answers=given)
    documents[made.id] = made
    return made.id


def _answer(value: Any, documents: dict[UUID, DocumentData]) -> AnswerData:
    if isinstance(value, list) and any(isinstance(row, Mapping) for row in value):
        return AnswerData(id=uuid4(), rows=tuple(_document("row", row, documents) for row in value))
    return AnswerData(id=uuid4(), value=value)


def field(of: Structure, slug: str, row: int | None = None) -> Field:
    """The field of a question, in a row of its table if one is named."""
    found = [each for each in of.fields() if each.slug == slug]
    return found[row or 0]


def hidden(of: Structure) -> list[str]:
    """The slugs of all hidden fields, in order."""
    return [each.slug for each in of.fields() if of.hidden(each)]


def required(of: Structure) -> list[str]:
    """The slugs of all required fields, in order."""
    return [each.slug for each in of.fields() if of.required(each)]


def worth(text: str, forms: Sequence[FormDefinition], answers: Mapping[str, Any], at: str, **more: Any) -> Any:
    """What a formula comes to at the field of a question."""
    of = structure(forms, answers, **more)
    return of.evaluate(formula(text), field(of, at), "test")
