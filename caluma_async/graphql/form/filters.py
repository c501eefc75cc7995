"""What the connections of forms, questions and options can be filtered by."""

from __future__ import annotations

from typing import Any

import strawberry
from django.db.models import Exists, OuterRef, Q

from caluma_async.form.models import Document, Form, FormQuestion, Option, Question
from caluma_async.graphql.context import Context
from caluma_async.graphql.filters.conditions import equals, means_for_user, refers, refers_to_any
from caluma_async.graphql.filters.meta import Inverted, MetaFilters, in_words, reads
from caluma_async.graphql.form.visible_fields import visible_options, visible_questions
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.relay import key_of


def _has_questions() -> Any:
    """The form has at least one of these questions."""

    def meaning(values: list[str], context: Context) -> Q:
        keys = [key_of(value, Question, "questions") for value in values]
        wanted = visible(Question, context).filter(pk__in=keys)
        return Q(Exists(FormQuestion.objects.filter(form=OuterRef("pk"), question__in=wanted)))

    return means_for_user(meaning)


def _in_no_form() -> Any:
    """The question is in none of these forms."""

    def meaning(values: list[str], context: Context) -> Q:
        keys = [key_of(value, Form, "excludeForms") for value in values]
        unwanted = visible(Form, context).filter(pk__in=keys)
        return ~Q(Exists(FormQuestion.objects.filter(question=OuterRef("pk"), form__in=unwanted)))

    return means_for_user(meaning)


@strawberry.input
class FormFilterSetType(MetaFilters):
    """A filter of forms: one key, and perhaps `invert`."""

    slugs: list[str | None] | None = refers_to_any(Form, "slug", "slugs")
    name: str | None = reads("name")
    description: str | None = reads("description")
    is_published: bool | None = equals("is_published")
    is_archived: bool | None = equals("is_archived")
    questions: list[str | None] | None = _has_questions()
    search: str | None = in_words("slug", "name", "description")


@strawberry.input
class QuestionFilterSetType(MetaFilters):
    """A filter of questions: one key, and perhaps `invert`."""

    slugs: list[str | None] | None = refers_to_any(Question, "slug", "slugs")
    label: str | None = reads("label")
    is_required: str | None = equals("is_required")
    is_hidden: str | None = equals("is_hidden")
    is_archived: bool | None = equals("is_archived")
    sub_form: strawberry.ID | None = refers(Form, "sub_form", "subForm")
    row_form: strawberry.ID | None = refers(Form, "row_form", "rowForm")
    visible_in_document: strawberry.ID | None = visible_questions()
    exclude_forms: list[strawberry.ID | None] | None = _in_no_form()
    search: str | None = in_words("slug", "label")


@strawberry.input
class OptionFilterSetType(MetaFilters):
    """A filter of options: one key, and perhaps `invert`."""

    slug: str | None = refers(Option, "slug", "slug")
    label: str | None = reads("label")
    visible_in_document: strawberry.ID | None = visible_options()
    is_archived: bool | None = equals("is_archived")
    search: str | None = in_words("slug", "label")


@strawberry.input
class DynamicOptionFilterSetType(Inverted):
    """A filter of chosen dynamic options: one key, and perhaps `invert`."""

    question: strawberry.ID | None = refers(Question, "question", "question")
    document: strawberry.ID | None = refers(Document, "document", "document")
