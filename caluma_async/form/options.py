"""Choices: whether they are offered, and the dynamic ones that were chosen, recorded with their labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from caluma_async.errors import InvalidInput
from caluma_async.form.data_sources import BaseDataSource, data_source, data_sources, label_of
from caluma_async.form.models import Answer, Document, DynamicOption, Question
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


def copied(
    options: Iterable[tuple[DynamicOption, DynamicOption]], answers: Iterable[tuple[Answer, Answer]], user: User
) -> bool:
    """Ask the data sources what becomes of choices that were copied, and write it; whether any changed.

    `options` and `answers` are pairs of the original, answers with their questions, and its copy, which is written
    already. Three statements at most, none if no data source has an `on_copy` of its own.
    """
    pairs = {(new.document_id, new.question_id): (old, new) for old, new in answers}
    of_answers: dict[UUID, list[tuple[DynamicOption, DynamicOption]]] = defaultdict(list)
    for original, option in options:
        pair = pairs.get((option.document_id, option.question_id))
        if pair is not None:  # a choice may be kept for an answer that is gone
            of_answers[pair[1].pk].append((original, option))
    changes = [_change(old, new, of_answers[new.pk]) for old, new in pairs.values() if new.pk in of_answers]
    changed = [change for change in changes if change is not None]
    bulk.delete([option for change in changed for option in change.gone])
    made = [option for change in changed for option in change.made]
    touched = [change.answer for change in changed]
    for row in (*made, *touched):
        row.stamp(user)
    bulk.insert(made)
    bulk.update_each(touched, ["value"])
    return bool(changed)


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What a data source made of a copied answer: choices that go, and those that come in their place."""

    answer: Answer
    gone: Sequence[DynamicOption]
    made: Sequence[DynamicOption]


def _change(old: Answer, new: Answer, options: Sequence[tuple[DynamicOption, DynamicOption]]) -> _Change | None:
    found = data_sources.find(old.question.data_source)
    if found is None or found.on_copy is BaseDataSource.on_copy:
        return None
    before = {original.slug: (original.slug, original.label) for original, _ in options}
    after = {slug: found().on_copy(old, new, each) or (None, None) for slug, each in before.items()}
    if after == before:
        return None
    labels = {str(slug): label_of(label) for slug, label in after.values() if slug is not None}
    slugs = {slug: None if new_slug is None else str(new_slug) for slug, (new_slug, _) in after.items()}
    new.value = _replaced(new.value, slugs)
    document, question = new.document, old.question
    made = [DynamicOption(document=document, question=question, slug=slug, label=each) for slug, each in labels.items()]
    return _Change(answer=new, gone=[option for _, option in options], made=made)


def _replaced(value: Any, slugs: Mapping[str, str | None]) -> Any:
    """The answer to a choice with other slugs in place of its own; those that have none are left out."""
    if isinstance(value, list):
        kept = [slugs.get(each, each) for each in value]
        return list(dict.fromkeys(each for each in kept if each is not None))
    return slugs.get(value, value)
