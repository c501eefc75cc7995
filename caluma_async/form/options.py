"""Choices: whether they are offered, and the dynamic ones that were chosen, recorded with their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caluma_async.errors import InvalidInput
from caluma_async.form.data_sources import BaseDataSource, data_source, label_of
from caluma_async.form.models import Document, DynamicOption, Question
from caluma_async.identity import User
from caluma_async.records import LocalizedText
from caluma_async.verbs import bulk, inputs

Labels = Mapping[str, LocalizedText]
"""The labels of choices, by slug."""


def chosen(value: Any) -> list[str]:
    """The slugs that the answer to a choice names, each once, in order."""
    slugs = [value] if isinstance(value, str) else value or []
    return list(dict.fromkeys(slugs))


def refuse_others(value: Any, offered: Sequence[str]) -> None:
    """Raise `InvalidInput` for choices that are not among those offered."""
    unknown = [slug for slug in chosen(value) if slug not in offered]
    if unknown:
        listed = ", ".join(map(inputs.shown, unknown))
        raise InvalidInput(f"{listed} cannot be chosen here.")


def dynamic_labels(
    value: Any, question: Question, document: Document | None, user: User, context: Any, known: Labels | None = None
) -> dict[str, LocalizedText]:
    """The labels of the choices out of a data source; raises `InvalidInput` for those that it does not accept.

    `known`: all labels that there are, where the caller has asked for them already.
    """
    found: dict[str, Any] = {slug: (known or {}).get(slug, False) for slug in chosen(value)}
    if known is None:
        source = data_source(question.data_source)
        found = {slug: source.validate_answer_value(slug, document, question, user, context) for slug in found}
    unknown = [slug for slug, label in found.items() if label is False or label is None]
    if unknown:
        raise InvalidInput(f"{', '.join(map(inputs.shown, unknown))} cannot be chosen here.")
    return {slug: label_of(label) for slug, label in found.items()}


def offered(question: Question, user: User, context: Any) -> Labels | None:
    """What the data source of the question offers; `None` if it decides by code of its own on what is accepted."""
    source = data_source(question.data_source)
    if type(source).validate_answer_value is not BaseDataSource.validate_answer_value:
        return None
    return dict(source.choices(user, question, context))


def record(document: Document, question: Question, labels: Labels, user: User) -> None:
    """Keep exactly these choices for the question in the document: three statements at most.

    For use inside of a verb, whenever an answer to a dynamic question is saved, emptied or removed. A choice that is
    recorded already keeps its label.
    """
    kept = {option.slug: option for option in DynamicOption.objects.filter(document=document, question=question)}
    bulk.delete([option for slug, option in kept.items() if slug not in labels])
    new = [
        DynamicOption(document=document, question=question, slug=slug, label=label)
        for slug, label in labels.items()
        if slug not in kept
    ]
    for option in new:
        option.stamp(user)
    bulk.insert(new)
