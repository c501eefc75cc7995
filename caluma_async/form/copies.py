"""Copies of answers with all that belongs to them: rows of tables with theirs, files, choices of data sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import F

from caluma_async.form import families
from caluma_async.form.models import Answer, AnswerDocument, Document, DynamicOption, File
from caluma_async.identity import User
from caluma_async.records import Record
from caluma_async.verbs import bulk


@dataclass(frozen=True, kw_only=True)
class Original:
    """What is to be copied: `answers` of one document (or of none), `rows` below them, and all that belongs to these.

    `answers`, `files` and `options` go by the document or answer that they belong to.
    """

    rows: Sequence[Document]
    answers: Mapping[UUID | None, Sequence[Answer]]
    links: Sequence[AnswerDocument]
    files: Mapping[UUID, Sequence[File]] = field(default_factory=dict)
    options: Mapping[UUID, Sequence[DynamicOption]] = field(default_factory=dict)

    @classmethod
    def of_document(cls, document: Document) -> Original:
        """A document with the rows below it: six statements."""
        documents = families.subtrees([document])[document.pk]
        keys = [each.pk for each in documents]
        answers = Answer.objects.filter(document__in=keys).order_by("created_at", "pk")
        files: dict[UUID, list[File]] = defaultdict(list)
        for file in File.objects.filter(answer__document__in=keys).order_by("created_at", "pk"):
            files[file.answer_id].append(file)
        options: dict[UUID, list[DynamicOption]] = defaultdict(list)
        for option in DynamicOption.objects.filter(document__in=keys):
            options[option.document_id].append(option)
        return cls(
            rows=documents[1:],
            answers=families.by_document(answers),
            links=list(AnswerDocument.objects.filter(answer__document__in=keys)),
            files=files,
            options=options,
        )

    @classmethod
    def of_defaults(cls, questions: Iterable[str]) -> Original:
        """The default answers to questions, with the rows of tables: two statements, five if there are rows."""
        answers = list(Answer.objects.filter(question__in=list(questions), question__default_answer=F("pk")))
        tops = list(
            AnswerDocument.objects.filter(answer__in=[answer.pk for answer in answers]).select_related("document")
        )
        if not tops:
            return cls(rows=[], answers={None: answers}, links=[])
        below = families.subtrees([link.document for link in tops])
        rows = list({row.pk: row for documents in below.values() for row in documents}.values())
        inner = Answer.objects.filter(document__in=[row.pk for row in rows]).order_by("created_at", "pk")
        links = AnswerDocument.objects.filter(answer__in=[answer.pk for answer in inner])
        return cls(rows=rows, answers={**families.by_document(inner), None: answers}, links=[*tops, *links])


class Copies:
    """New rows that are made of originals, written in one statement per table."""

    def __init__(self, user: User) -> None:
        self._user = user
        self.documents: list[Document] = []
        self.answers: list[Answer] = []
        self.links: list[AnswerDocument] = []
        self.options: list[DynamicOption] = []
        self.files: list[tuple[File, File]] = []
        """Each file that was copied, and its copy."""

    def add(self, original: Original, of: UUID | None, to: Document, *, sourced: bool) -> None:
        """Copy the answers of the document `of` (`None`: default answers) into the document `to`, with their rows.

        `sourced`: the rows say what they are copies of.
        """
        documents = {of: to}
        for row in original.rows:
            source = row if sourced else None
            documents[row.pk] = Document(
                form_id=row.form_id, family_id=to.family_id, meta=dict(row.meta), source=source
            )
        self.documents += [document for document in documents.values() if document is not to]
        answers = {
            answer.pk: self._answer(original, answer, document)
            for key, document in documents.items()
            for answer in original.answers.get(key, ())
        }
        for key, document in documents.items():
            if key is not None:
                self.options += [
                    DynamicOption(slug=each.slug, label=each.label, question_id=each.question_id, document=document)
                    for each in original.options.get(key, ())
                ]
        self.links += [
            AnswerDocument(answer=answers[link.answer_id], document=documents[link.document_id], sort=link.sort)
            for link in original.links
            if link.answer_id in answers and link.document_id in documents
        ]

    def write(self) -> None:
        """Write all of it: a statement per table."""
        rows: Sequence[Sequence[Record]] = (
            self.documents,
            self.answers,
            self.links,
            [copy for _, copy in self.files],
            self.options,
        )
        for of_table in rows:
            for row in of_table:
                row.stamp(self._user)
            bulk.insert(of_table)

    def _answer(self, original: Original, answer: Answer, document: Document) -> Answer:
        copy = Answer(
            document=document,
            question_id=answer.question_id,
            value=answer.value,
            date=answer.date,
            meta=dict(answer.meta),
        )
        self.answers.append(copy)
        self.files += [(file, File(answer=copy, name=file.name)) for file in original.files.get(answer.pk, ())]
        return copy
