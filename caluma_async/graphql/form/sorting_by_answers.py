"""Orders by the answer to a question: numbers as such, choices by slug, files by the name of the first one."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import F, OuterRef, Subquery

from caluma_async.errors import InvalidInput
from caluma_async.form.models import Answer, File, Question
from caluma_async.form.models.answers import KINDS
from caluma_async.graphql.context import Context
from caluma_async.graphql.filters.json import SortableAnswer
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.ordering import Reaches, Value, seen, sorts_by
from caluma_async.graphql.relay import key_of

_NOT_SORTED: Final = frozenset({"list", "table"})


def by_answer(path: str, reaches: Reaches | None = None) -> Any:
    """A key of an order: by the answer to a question, given by its slug, in the document whose key is at that path.

    A question that is not there, or that the user may not see, has no answers.
    """

    def meaning(question: str, context: Context) -> Value:
        slug = str(key_of(question, Question, "order"))
        questions = visible(Question, context).filter(pk=slug)
        asked = questions.values_list("type", flat=True).first()
        kind = None if asked is None else KINDS.get(asked, "list")
        if kind in _NOT_SORTED:
            raise InvalidInput(f"order: nothing can be sorted by the answers to {slug}.", field="order")
        answers = visible(Answer, context).filter(document=OuterRef(path), question__in=questions)
        value = _first_name(context) if kind == "files" else SortableAnswer(F("value"), F("date"))
        return seen(Subquery(answers.values(sorts_by=value)[:1]), reaches or {}, context)

    return sorts_by(meaning)


def _first_name(context: Context) -> Subquery:
    files = visible(File, context).filter(answer=OuterRef("pk")).order_by("created_at", "pk")
    return Subquery(files.values("name")[:1])
