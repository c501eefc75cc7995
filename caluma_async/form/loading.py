"""Structures out of the tables: a handful of statements, however many questions, rows and documents there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from caluma_async.errors import NotFound
from caluma_async.expressions import afford
from caluma_async.form import versions
from caluma_async.form.definitions import catalogues
from caluma_async.form.models import Answer, AnswerDocument, Document, File, Question
from caluma_async.form.structure import AnswerData, Catalogue, DocumentData, Family, Structure
from caluma_async.form.surroundings import Around

LOADING: Final = 7_000
"""The steps that it counts for in a request, however many documents are loaded together."""


def structure(document: UUID) -> Structure:
    """The structure of the family that a document (its key) belongs to; `NotFound` if there is none such."""
    for found in structures([document]).values():
        return found
    raise NotFound(f"There is no document {document}.")


def structures(documents: Collection[UUID]) -> dict[UUID, Structure]:
    """The structures of the families that these documents belong to, by the keys of their roots.

    Four statements at most, plus those of `catalogues` for forms that are not kept. The database is not asked again
    but for the case and work item around the documents, two statements more, once an expression reads them.
    """
    families = Document.objects.filter(pk__in=documents).order_by().values("family")
    return of_families(Document.objects.filter(family__in=families))


def of_families(members: QuerySet[Document]) -> dict[UUID, Structure]:
    """As `structures`; `members` are all documents of some families."""
    afford(LOADING)
    rows = list(members.order_by("pk").values_list("pk", "form_id", "family_id", versions.stamp()))
    forms = {family: form for key, form, family, _ in rows if key == family}
    if not forms:
        return {}
    by_form = catalogues(set(forms.values()), rows[0][3])
    answers = _answers(list(forms), by_form.values())
    documents: dict[UUID, dict[UUID, DocumentData]] = defaultdict(dict)
    for key, form, family, _ in rows:
        documents[family][key] = DocumentData(id=key, form=form, answers=answers.get(key, {}))
    around = Around(list(forms))
    return {root: Structure(by_form[form], _family(root, documents[root], around)) for root, form in forms.items()}


def _family(root: UUID, documents: Mapping[UUID, DocumentData], around: Around) -> Family:
    return Family(root=root, documents=documents, surroundings=lambda: around.of(root))


def _answers(roots: Sequence[UUID], forms: Iterable[Catalogue]) -> dict[UUID, dict[str, AnswerData]]:
    """All answers in the families of these roots, by document and question."""
    types = {question.type for form in forms for question in form.questions.values()}
    rows = _rows(roots) if Question.TYPE_TABLE in types else {}
    files = _files(roots) if Question.TYPE_FILES in types else {}
    found: dict[UUID, dict[str, AnswerData]] = defaultdict(dict)
    answers = Answer.objects.filter(document__family__in=roots)
    for key, document, question, value, date in answers.values_list(
        "pk", "document_id", "question_id", "value", "date"
    ):
        found[document][question] = AnswerData(
            id=key, value=_value(value, date, files.get(key)), rows=tuple(rows.get(key, ()))
        )
    return found


def _value(value: Any, date: Any, files: Sequence[str] | None) -> Any:
    if date is not None:
        return date.isoformat()
    return list(files) if files is not None else value


def _rows(roots: Sequence[UUID]) -> Mapping[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = defaultdict(list)
    links = AnswerDocument.objects.filter(answer__document__family__in=roots, document__family__in=roots)
    for answer, document in links.order_by("-sort", "pk").values_list("answer_id", "document_id"):
        found[answer].append(document)
    return found


def _files(roots: Sequence[UUID]) -> Mapping[UUID, list[str]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    files = File.objects.filter(answer__document__family__in=roots)
    for answer, name in files.order_by("created_at", "pk").values_list("answer_id", "name"):
        found[answer].append(name)
    return found
