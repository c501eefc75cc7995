"""`visibleInContext` and `visibleInDocument`: what the expressions of a form leave visible, given what was answered."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from caluma_async.errors import InvalidInput, NotFound
from caluma_async.form.loading import structure, structures
from caluma_async.form.models import Document
from caluma_async.form.structure import Structure
from caluma_async.graphql.context import Context
from caluma_async.graphql.filters.conditions import means_among, means_for_user
from caluma_async.graphql.loaders import affordable, left, visible
from caluma_async.graphql.relay import key_of
from caluma_async.verbs.inputs import shown


def visible_answers() -> Any:
    """A key of a filter: the answer is that of a visible field."""

    def meaning(value: bool, context: Context, among: QuerySet[Any]) -> Q | None:
        if not value:
            return None
        documents = Document.objects.filter(pk__in=among.order_by().values("document"))
        of = structures([document.pk for document in affordable(documents.only("pk"), left(context))])
        shown_fields = [field for each in of.values() for field in each.fields() if not each.hidden(field)]
        return Q(pk__in=[field.answer.id for field in shown_fields if field.answer is not None])

    return means_among(meaning)


def visible_questions() -> Any:
    """A key of a filter: the document with this id has a visible field for the question."""

    def meaning(value: str, context: Context) -> Q:
        of, document = _structure(value, context)
        here = [field for field in of.fields() if field.section.document.id == document]
        return Q(pk__in={field.slug for field in here if not of.hidden(field)})

    return means_for_user(meaning)


def visible_options() -> Any:
    """A key of a filter: the option can be chosen in the document with this id. For the options of one question."""

    def meaning(value: str, context: Context, among: QuerySet[Any]) -> Q:
        annotated = "page_parent" in among.query.annotations
        questions = set(among.order_by().values_list("page_parent", flat=True)) if annotated else set()
        if len(questions) > 1 or not annotated:
            raise InvalidInput("filter: visibleInDocument is for the options of one question.", field="filter")
        of, document = _structure(value, context)
        fields = [field for slug in questions for field in of.by_key.get((document, slug), [])]
        return Q(pk__in={slug for field in fields for slug in of.visible_options(field)})

    return means_among(meaning)


def _structure(value: str, context: Context) -> tuple[Structure, Any]:
    """The structure of the family of a document that the user may see, and the document's key."""
    key = key_of(value, Document, "visibleInDocument")
    if context.access.restricts(Document) and not visible(Document, context).filter(pk=key).exists():
        raise NotFound(f"There is no document {shown(value)}.", field="filter")
    return structure(key), key  # type: ignore[arg-type]
