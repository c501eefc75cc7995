"""When and by whom what is in documents was changed last: the newest of their answers tells."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from caluma_async.form.models import Answer, Document, Question
from caluma_async.graphql.context import Context
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.loaders import loaded, visible
from caluma_async.graphql.selection import ResolveInfo

Key = tuple[UUID, bool]
"""A document, and whether it is a root: a root's content includes that of its rows."""


def of_newest_answer(name: str) -> Any:
    """A field that answers an attribute of the newest answer. What is calculated does not count."""

    def resolve(source: Document, info: ResolveInfo, /, **_: Any) -> Awaitable[Any]:
        return loaded(info, (source.pk, source.pk == source.family_id), lambda: _Loading(name, info.context))

    return answered_by(resolve, reads=["family_id"])


class _Loading:
    """Called with many documents: two statements at most."""

    def __init__(self, name: str, context: Context) -> None:
        self._name = name
        self._context = context

    def __call__(self, keys: Sequence[Key]) -> list[Any]:
        found: dict[Key, Any] = {}
        for is_root, path in _PATHS.items():
            documents = [key for key, root in keys if root is is_root]
            if documents:
                found |= {(key, is_root): value for key, value in self._newest(documents, path)}
        return [found.get(key) for key in keys]

    def _newest(self, documents: Sequence[UUID], path: str) -> Any:
        answers = visible(Answer, self._context).filter(**{f"{path}__in": documents})
        place = Window(RowNumber(), partition_by=F(path), order_by=[F("modified_at").desc(), F("pk").desc()])
        counted = answers.exclude(question__type=Question.TYPE_CALCULATED_FLOAT).annotate(place=place)
        return counted.filter(place=1).values_list(path, self._name)


_PATHS: Final = {True: "document__family_id", False: "document_id"}
