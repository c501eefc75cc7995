"""Copies of answers with all that belongs to them: rows of tables with theirs, files, choices of data sources."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from caluma_async.form import families
from caluma_async.form.files.settling import copied
from caluma_async.form.models import Answer, AnswerDocument, Document, DynamicOption, File
from caluma_async.identity import User
from caluma_async.records import Record
from caluma_async.verbs import bulk

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Original:
    """What is to be copied: answers by the document that they are in (`None`: default answers), and what these have.

    `rows` are the documents below by their keys, `links` say of which answers, and `files` of which answers they are.
    """

    answers: Mapping[UUID | None, Sequence[Answer]]
    rows: Mapping[UUID, Document] = field(default_factory=dict)
    links: Mapping[UUID, Sequence[AnswerDocument]] = field(default_factory=dict)
    files: Mapping[UUID, Sequence[File]] = field(default_factory=dict)
    options: Mapping[UUID, Sequence[DynamicOption]] = field(default_factory=dict)

    @classmethod
    def of_document(cls, document: Document) -> Original:
        """A document with the rows below it: six statements."""
        documents = families.subtrees([document])[document.pk]
        keys = [each.pk for each in documents]
        answers = Answer.objects.filter(document__in=keys).order_by("created_at", "pk").select_related("question")
        files = File.objects.filter(answer__document__in=keys).order_by("created_at", "pk")
        return cls(
            rows={each.pk: each for each in documents},
            answers=_by(answers, "document_id"),
            links=_by(AnswerDocument.objects.filter(answer__document__in=keys).order_by("-sort", "pk"), "answer_id"),
            files=_by(files, "answer_id"),
            options=_by(DynamicOption.objects.filter(document__in=keys), "document_id"),
        )

    @classmethod
    def of_defaults(cls, questions: Collection[str]) -> Original:
        """The default answers to questions, with the rows of tables: two statements, six if there are rows."""
        answers = list(Answer.objects.filter(question__in=questions, question__default_answer=F("pk")))
        of_tables = AnswerDocument.objects.filter(answer__in=[answer.pk for answer in answers])
        tops = list(of_tables.order_by("-sort", "pk").select_related("document"))
        if not tops:
            return cls(answers={None: answers})
        below = families.subtrees([link.document for link in tops])
        rows = {row.pk: row for documents in below.values() for row in documents}
        inner = Answer.objects.filter(document__in=list(rows)).order_by("created_at", "pk")
        links = AnswerDocument.objects.filter(answer__document__in=list(rows)).order_by("-sort", "pk")
        return cls(
            answers={**_by(inner, "document_id"), None: answers}, rows=rows, links=_by([*tops, *links], "answer_id")
        )

    def only(self, questions: Collection[str]) -> Original:
        """Of the default answers, those to these questions."""
        mine = [answer for answer in self.answers.get(None, ()) if answer.question_id in questions]
        return replace(self, answers={**self.answers, None: mine})


class Copies:
    """New rows that are made of originals, written in one statement per table."""

    def __init__(self, user: User) -> None:
        self._user = user
        self.documents: list[Document] = []
        self.answers: list[tuple[Answer, Answer]] = []
        """Each answer that was copied, and its copy; likewise the following."""
        self.files: list[tuple[File, File]] = []
        self.options: list[tuple[DynamicOption, DynamicOption]] = []
        self._links: list[AnswerDocument] = []

    def add(self, original: Original, of: UUID | None, to: Document, *, sourced: bool) -> None:
        """Copy the answers of the document `of` (`None`: default answers) into the document `to`, with their rows.

        `sourced`: the rows say what they are copies of.
        """
        waiting: deque[tuple[UUID | None, Document]] = deque([(of, to)])
        while waiting:
            key, document = waiting.popleft()
            for answer in original.answers.get(key, ()):
                copy = self._answer(answer, document)
                self.files += [(file, File(answer=copy, name=file.name)) for file in original.files.get(answer.pk, ())]
                for link in original.links.get(answer.pk, ()):
                    row = self._row(original.rows[link.document_id], to, sourced)
                    self._links.append(AnswerDocument(answer=copy, document=row, sort=link.sort))
                    waiting.append((link.document_id, row))
            if key is not None:
                self.options += [(option, _option(option, document)) for option in original.options.get(key, ())]

    def write(self) -> None:
        """Write all of it: a statement per table."""
        now = timezone.now()
        tables: tuple[Sequence[Record], ...] = (
            self.documents,
            [copy for _, copy in self.answers],
            self._links,
            [copy for _, copy in self.files],
            [copy for _, copy in self.options],
        )
        for rows in tables:
            for row in rows:
                row.stamp(self._user, now)
            bulk.insert(rows)
        copied(self.files)

    def _row(self, row: Document, root: Document, sourced: bool) -> Document:
        copy = Document(
            form_id=row.form_id, family_id=root.family_id, meta=dict(row.meta), source=row if sourced else None
        )
        self.documents.append(copy)
        return copy

    def _answer(self, answer: Answer, document: Document) -> Answer:
        copy = Answer(
            document=document,
            question_id=answer.question_id,
            value=answer.value,
            date=answer.date,
            meta=dict(answer.meta),
        )
        self.answers.append((answer, copy))
        return copy


def _option(option: DynamicOption, document: Document) -> DynamicOption:
    return DynamicOption(slug=option.slug, label=option.label, question_id=option.question_id, document=document)


def _by(rows: Iterable[R], name: str) -> dict[Any, list[R]]:
    """Rows by the value of an attribute."""
    found: dict[Any, list[R]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found
