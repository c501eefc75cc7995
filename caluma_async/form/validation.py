"""Whether answers are valid: one that is about to be saved, one that is there, or all of a document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from caluma_async.errors import Busy, InvalidExpression, InvalidInput
from caluma_async.form import families, values
from caluma_async.form.format_validators import format_validators
from caluma_async.form.loading import structure
from caluma_async.form.models import Document, DynamicOption, Question, QuestionOption
from caluma_async.form.options import Labels, chosen, dynamic_labels, offered, refuse_others
from caluma_async.form.structure import Field, Structure, formula
from caluma_async.form.structure.definition import CHOICES, DYNAMIC, UNANSWERABLE
from caluma_async.identity import User
from caluma_async.records import LocalizedText

REQUIRED = "An answer is required."


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What is wrong with one answer, or that there is none: the question, the document it belongs to, what and why."""

    slug: str
    document: UUID
    message: str
    code: str = InvalidInput.code


def check_document(document: Document, user: User, context: Any = None) -> None:
    """Pass if every answer of the document's family is valid, and none is missing. Writes nothing.

    `context` is that of a verb: its `data_source_context` goes to data sources; its `validation_context` may be the
    family's structure, loaded by `loading.structure`. Raises `InvalidInput` that lists all that is wrong; its `fields`
    are slugs of questions.
    """
    _refuse(document, _structure(document.pk, {document.family_id}, context), user, context)


def check_locked(document: Document, user: User, context: Any = None) -> None:
    """As `check_document`, but no verb changes the document's family between this and the end of the transaction.

    For verbs, which have locked their case family, if they have any, before: families of documents come after it. One
    statement more. A structure that `context` has was loaded before the lock: who gives one answers for it.
    """
    for _ in range(families.MOST_LOCKS):
        roots = dict(families.lock_family_of(document.pk))
        loaded = _structure(document.pk, roots, context)
        if loaded.family.root in roots:
            return _refuse(document, loaded, user, context)
    raise Busy(families.MOVING)


def _structure(document: UUID, roots: Collection[UUID], context: Any) -> Structure:
    """The one that the context has, if it is that of one of these families, or one that is loaded now."""
    given = _given(context).get("validation_context")
    return given if isinstance(given, Structure) and given.family.root in roots else structure(document)


def _given(context: Any) -> Mapping[str, Any]:
    return context if isinstance(context, Mapping) else {}


def _refuse(document: Document, loaded: Structure, user: User, context: Any) -> None:
    found = complaints(loaded, user, _given(context).get("data_source_context"))
    if found:
        raise _refusal(document, found)


def _refusal(document: Document, found: Iterable[Complaint]) -> InvalidInput:
    fields: dict[str, str] = {}
    for complaint in found:
        fields.setdefault(complaint.slug, complaint.message)
    if set(fields.values()) == {REQUIRED}:
        listed = ", ".join(map(repr, fields))
        message = f"Document {document.pk} is not complete: the required questions {listed} have no answer."
    else:
        listed = " ".join(f"'{slug}': {complaint}" for slug, complaint in fields.items())
        message = f"Document {document.pk} is not valid. {listed}"
    return InvalidInput(message, fields=fields)


def complaints(of: Structure, user: User, context: Any = None) -> list[Complaint]:
    """All that is wrong in a family, in the order of the questions; `context` goes to data sources.

    Three statements more if visible dynamic questions or such with formats are answered. Raises `InvalidExpression`,
    naming question and expression, if one cannot be evaluated.
    """
    seen: dict[tuple[UUID, str], Field] = {}
    for field in of.fields():
        if not of.hidden(field):
            seen.setdefault(field.key, field)
    answered = [field for field in seen.values() if not of.is_empty(field)]
    check = _Check(of, user, context, answered)
    found = (check.complaint(field) for field in seen.values())
    return [complaint for complaint in found if complaint is not None]


def complaint_about(of: Structure, document: UUID, question: str, user: User, context: Any = None) -> Complaint | None:
    """What is wrong with the one answer to a question in a document, if anything."""
    fields = of.by_key.get((document, question), [])
    if not fields:
        return None
    check = _Check(of, user, context, fields[:1])
    return check.wrong(fields[0])


class _Check:
    """One look over a family: what the site's own classes want to see is loaded once, if any of them is asked."""

    def __init__(self, of: Structure, user: User, context: Any, answered: Iterable[Field]) -> None:
        self._structure = of
        self._user = user
        self._context = context
        asking = [field for field in answered if field.question.type in DYNAMIC or field.question.format_validators]
        self._questions = Question.objects.in_bulk({field.slug for field in asking}) if asking else {}
        self._documents = Document.objects.in_bulk({field.section.document.id for field in asking}) if asking else {}
        self._offered: dict[str, Labels | None] = {}
        self._recorded = self._options([field for field in asking if field.question.type in DYNAMIC])

    def complaint(self, field: Field) -> Complaint | None:
        """What is wrong with a visible field."""
        if not self._structure.is_empty(field):
            return self.wrong(field)
        if self._structure.required(field):
            return Complaint(slug=field.slug, document=field.section.document.id, message=REQUIRED)
        return None

    def wrong(self, field: Field) -> Complaint | None:
        """What is wrong with the answer that there is."""
        try:
            self._check(field)
        except InvalidExpression:  # not the answer's fault
            raise
        except InvalidInput as error:
            return Complaint(
                slug=field.slug, document=field.section.document.id, message=error.message, code=error.code
            )
        return None

    def _check(self, field: Field) -> None:
        question = field.question
        if question.type in UNANSWERABLE or question.type == Question.TYPE_TABLE:
            return
        value = self._structure.content(field)
        values.check(question.type, value, question.configuration)
        if values.is_empty(value):
            return
        if question.type in CHOICES:
            refuse_others(value, self._structure.visible_options(field))
        if question.type in DYNAMIC:
            known = self._known(field)
            dynamic_labels(value, self._question(field), self._document(field), self._user, self._context, known)
        if question.format_validators:
            _check_formats(self._question(field), value, self._document(field))

    def _known(self, field: Field) -> Labels | None:
        """What may be chosen: offered, or recorded already. Each data source is asked once per question."""
        if field.slug not in self._offered:
            self._offered[field.slug] = offered(self._question(field), self._user, self._context)
        found = self._offered[field.slug]
        return None if found is None else {**self._recorded.get(field.key, {}), **found}

    def _question(self, field: Field) -> Question:
        return self._questions[field.slug]

    def _document(self, field: Field) -> Document:
        return self._documents[field.section.document.id]

    def _options(self, fields: list[Field]) -> Mapping[tuple[UUID, str], Labels]:
        found: dict[tuple[UUID, str], dict[str, LocalizedText]] = defaultdict(dict)
        if fields:
            documents = {field.section.document.id for field in fields}
            rows = DynamicOption.objects.filter(document__in=documents, question__in={field.slug for field in fields})
            for option in rows:
                found[option.document_id, option.question_id][option.slug] = option.label
        return found


def check_answer(question: Question, value: Any, document: Document | None, user: User, context: Any = None) -> Labels:
    """Pass if the value may be saved as answer to the question in the document; `None`: as its default answer.

    For verbs, before they write: `value` as for the column, a date as `datetime.date`, files as their names. Rows of
    tables are not looked at. What stands for no answer passes. Returns the labels of dynamic choices, for
    `options.record`. Raises `InvalidInput`, or `InvalidFormat` with the words of the format.
    No statement for most types, one for choices (more where the visibility of a chosen option depends on answers), what
    the data source takes for dynamic ones.
    """
    values.check(question.type, value, question.configuration)
    if values.is_empty(value):
        return {}
    labels: Labels = {}
    if question.type in CHOICES:
        refuse_others(value, _offered(question, value, document))
    if question.type in DYNAMIC:
        labels = dynamic_labels(value, question, document, user, context)
    _check_formats(question, value, document)
    return labels


def _offered(question: Question, value: Any, document: Document | None) -> list[str]:
    """The options that may be chosen; which of those that are not chosen are visible is not found out."""
    rows = QuestionOption.objects.filter(question=question, option__in=chosen(value))
    options = {slug: formula(text) for slug, text in rows.values_list("option_id", "option__is_hidden")}
    if document is None:
        return list(options)
    if any(each.constant is None for each in options.values()):
        return _visible(question, document)
    return [slug for slug, is_hidden in options.items() if not is_hidden.constant]


def _visible(question: Question, document: Document) -> list[str]:
    of = structure(document.pk)
    fields = of.by_key.get((document.pk, question.pk), [])
    return of.visible_options(fields[0]) if fields else []


def _check_formats(question: Question, value: Any, document: Document | None) -> None:
    for slug in question.format_validators:
        found = format_validators.find(slug)
        if found is None:
            raise InvalidInput(f"There is no format validator {slug!r} any more.")
        found.validate(value, document, question)
