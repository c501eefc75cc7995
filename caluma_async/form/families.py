"""The statements that verbs run on families of documents: lock, look up, find what belongs to what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db.models import FilteredRelation, Q, QuerySet

from caluma_async.compiled import Compiled
from caluma_async.form import versions
from caluma_async.form.models import AnswerDocument, Document, Question

MOST_LOCKS: Final = 5
"""How often a lock is taken anew because the document came into another family while it was waited for."""
MOVING: Final = "The document is being moved from one table to another; try again later."


def lock(documents: QuerySet[Document]) -> dict[UUID, str]:
    """Wait until no other verb works on the families of these documents; their roots, each with its form.

    Several are locked in the order of their keys, so that two verbs never wait for each other. A document may have
    come into another family meanwhile: the caller looks whether it is one of those that were locked.
    """
    return dict(_roots(documents.order_by().values("family")))


def _roots(families: QuerySet[Any, Any]) -> QuerySet[Document, Any]:
    # not the key: rows elsewhere that refer to it need not wait. SQLite leaves it out: BEGIN IMMEDIATE locks the file
    roots = Document.objects.select_for_update(no_key=True).filter(pk__in=families)
    return roots.order_by("pk").values_list("pk", "form_id")


def with_version(documents: QuerySet[Document]) -> QuerySet[Document]:
    """Documents with `forms_version`, the stamp of what is asked."""
    return documents.annotate(forms_version=versions.stamp())


lock_family_of: Final = Compiled(lambda key: _roots(Document.objects.filter(pk=key).values("family")))
"""As `lock`, by the key of one document, for those who may see every document."""

document_by_key: Final = Compiled(lambda key: with_version(Document.objects.filter(pk=key)))
"""The document, as `with_version` gives it, for those who may see every document."""


def _question_with_answer(question: str, document: UUID) -> QuerySet[Question]:
    given: Any = FilteredRelation("answers", condition=Q(answers__document=document))
    joined: Any = Question.objects.filter(pk=question).annotate(given=given)  # the type checker knows no such relations
    found: QuerySet[Question] = joined.select_related("given")
    return found


question_with_answer: Final = Compiled(_question_with_answer)
"""A question (its slug) with `given`, the answer to it in a document, if there is one."""


def rows_of(answer: UUID) -> list[AnswerDocument]:
    """The rows of a table answer in their order, each with its document."""
    return list(AnswerDocument.objects.filter(answer=answer).select_related("document").order_by("-sort", "pk"))


class Tree:
    """Which documents of some families are rows of which others: one statement, however deep."""

    def __init__(self, families: Collection[UUID]) -> None:
        self._below: dict[UUID, list[UUID]] = defaultdict(list)
        links = AnswerDocument.objects.filter(answer__document__family__in=families)
        for owner, row in links.values_list("answer__document_id", "document_id"):
            self._below[owner].append(row)

    def of(self, root: UUID) -> Iterator[UUID]:
        """The document itself and all rows below it."""
        waiting, known = [root], {root}
        while waiting:
            key = waiting.pop()
            yield key
            new = [row for row in self._below[key] if row not in known]
            known.update(new)
            waiting += new


def subtrees(roots: Collection[Document]) -> dict[UUID, list[Document]]:
    """For each of the documents: itself and all rows below it: two statements, however many there are."""
    families = {root.family_id for root in roots}
    tree = Tree(families)
    known = {document.pk: document for document in Document.objects.filter(family__in=families)}
    known |= {root.pk: root for root in roots}
    return {root.pk: [known[key] for key in tree.of(root.pk) if key in known] for root in roots}


def owned(documents: Iterable[UUID]) -> list[Document]:
    """Those of the documents that something of a higher floor, such as a case, has for its own."""
    has_owner = Q()
    for name in owners():
        has_owner |= Q(**{f"{name}__isnull": False})
    found = Document.objects.filter(has_owner, pk__in=list(documents)) if has_owner else Document.objects.none()
    return list(found.order_by("pk"))


@cache
def owners() -> Sequence[str]:
    """The relations by which one object has one document: the tables themselves tell, whoever made them."""
    return [str(relation.get_accessor_name()) for relation in Document._meta.related_objects if relation.one_to_one]
