"""The pages of documents, with the answers in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from caluma_async.errors import Refused
from caluma_async.form import answer_inputs, families
from caluma_async.form.admin.answers import address_to_answer
from caluma_async.form.admin.values import ANSWERED
from caluma_async.form.definitions import catalogue
from caluma_async.form.models import Answer, AnswerDocument, Document, File, Question
from caluma_async.form.values import is_empty
from caluma_async.form.verbs import CopyDocument, RemoveDocument, SaveDocument
from caluma_async.identity import User
from caluma_async.verbs.admin import STAMPS, RemovingAdmin, VerbForm, link_to, verb_action


class DocumentForm(VerbForm):
    """What a document can be given."""

    class Meta:
        model = Document
        fields: ClassVar = ["form", "meta"]

    def verb(self) -> SaveDocument:
        """Saves the document."""
        key = {} if self.instance._state.adding else {"id": self.instance.pk}
        return SaveDocument(self.user, **key, **self.given())


def copy_of(user: User, *, id: UUID) -> CopyDocument:  # noqa: A002 - as the verbs' own
    """The verb that copies a document."""
    return CopyDocument(user, source=id)


@admin.register(Document)
class DocumentAdmin(RemovingAdmin):
    """Documents."""

    form = DocumentForm
    list_display = ("id", "form", "belongs_to", "created_at", "created_by_user")
    list_filter = ("form", "created_at")
    search_fields = ("^id", "^family__id", "form__slug")
    show_full_result_count = False
    actions = (verb_action(copy_of, "Copy documents", permission="add"),)

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """The form, and whatever has the document for its own."""
        return ("form", *families.owners())

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """What the verbs keep; a new document has none of it yet."""
        return ("belongs_to", "row_of", "family", "source", "answers", *STAMPS) if obj else ()

    def removal(self, user: User, obj: Document) -> RemoveDocument:
        """The verb that removes it."""
        return RemoveDocument(user, document=obj.pk)

    @admin.display(description="belongs to")
    def belongs_to(self, document: Document) -> str:
        """What has it for its own, such as a case."""
        for name in families.owners():
            owner = getattr(document, name, None)
            if owner is not None:
                return link_to(owner, f"{owner._meta.verbose_name} {owner}")
        return "-"

    @admin.display(description="row of")
    def row_of(self, document: Document) -> str:
        """The answer to a table that it is a row of."""
        links = AnswerDocument.objects.filter(document=document).select_related("answer")
        for link in links[:1]:
            return link_to(link.answer, f"answer to '{link.answer.question_id}'")
        return "-"

    @admin.display(description="answers")
    def answers(self, document: Document) -> str:
        """Every question of the form, and what is answered: the number of statements is always the same."""
        given = {answer.question_id: answer for answer in Answer.objects.filter(document=document)}
        parts = _parts(given.values())
        lines = (
            (link_to(question), question.label, _said(document, question, given.get(question.pk), parts))
            for question in _questions(document, given)
        )
        head = format_html("<tr><th>{}</th><th>{}</th><th>{}</th></tr>", "Question", "Label", "Answer")
        body = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", lines)
        return format_html("<table><thead>{}</thead><tbody>{}</tbody></table>", head, body)


def _questions(document: Document, answered: Iterable[str]) -> list[Question]:
    """Those of the form in their order, then those of sub forms, then those that are only answered."""
    try:
        form = catalogue(document.form_id)
        asked = [*form.root.questions, *form.ways]
    except Refused:  # forms that contain each other, or too many questions: what is answered is shown all the same
        asked = []
    slugs = list(dict.fromkeys([*asked, *answered]))
    found = Question.objects.in_bulk(slugs)
    return [found[slug] for slug in slugs if slug in found]


def _said(document: Document, question: Question, answer: Answer | None, parts: Mapping[UUID, list[str]]) -> str:
    """A link to the answer, or to where it can be given; a dash where the question has none."""
    if answer is not None:
        value = ", ".join(parts[answer.pk]) if answer.pk in parts else answer_inputs.stored(answer)
        return link_to(answer, "empty" if is_empty(value) else value)
    if question.type in ANSWERED:
        return format_html('<a href="{}">{}</a>', address_to_answer(document, question.pk), "answer it")
    return "-"


def _parts(answers: Iterable[Answer]) -> Mapping[UUID, list[str]]:
    """What the answers consist of besides a value: how many rows, and which files. Two statements."""
    keys = [answer.pk for answer in answers]
    rows = AnswerDocument.objects.filter(answer__in=keys).order_by().values_list("answer").annotate(Count("pk"))
    parts = {key: [f"{number} rows" if number > 1 else "1 row"] for key, number in rows}
    for key, name in File.objects.filter(answer__in=keys).order_by("created_at", "pk").values_list("answer", "name"):
        parts.setdefault(key, []).append(name)
    return parts
