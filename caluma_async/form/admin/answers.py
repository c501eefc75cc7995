"""The pages of answers: a field that the type of the question wants, and the rows and files that belong to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from caluma_async.form import families
from caluma_async.form.admin.answering import ChoosingForm, answer_form
from caluma_async.form.admin.records import download_link
from caluma_async.form.admin.values import ANSWERED
from caluma_async.form.models import KINDS, Answer, Document, File, Question
from caluma_async.form.verbs import RemoveAnswer, RemoveDefaultAnswer
from caluma_async.identity import User
from caluma_async.verbs import Verb
from caluma_async.verbs.admin import STAMPS, RemovingAdmin, acting_user, link_to

_PARTS: Final = {Question.TYPE_TABLE: ("rows",), Question.TYPE_FILES: ("contents",)}
"""What is shown besides the value."""

BREAK: Final = mark_safe("<br>")


@admin.register(Answer)
class AnswerAdmin(RemovingAdmin):
    """Answers. The page to add one asks first which question is answered, and in which document."""

    form = ChoosingForm
    list_display = ("id", "document", "question", "value", "date")
    list_filter = ("question__type",)
    list_select_related = ("document", "question")
    search_fields = ("^id", "^document__id", "question__slug")
    raw_id_fields = ("document",)
    autocomplete_fields = ("question",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Answer]:
        """With what the page is made of."""
        return super().get_queryset(request).select_related("document", "question")

    def get_form(self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form for this answer; or, before it is known which one it is, the form that asks that."""
        answer = _answer(request, obj)
        if answer is not None and answer.question.type in KINDS:
            kwargs["form"] = answer_form(answer, acting_user(request))
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """What it answers, what may be typed, what belongs to it."""
        answer = _answer(request, obj)
        if answer is None:
            return list(ChoosingForm.base_fields)
        may_type = obj is None or self.has_change_permission(request, obj)
        typed = answer_form(answer, acting_user(request)).base_fields if may_type else ("value", "date")
        return ["document", "question", *(name for name in typed if name != "meta"), "meta", *self._shown(answer)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """What it answers is never changed."""
        answer = _answer(request, obj)
        return () if answer is None else ("document", "question", *self._shown(answer))

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Calculated answers are not typed."""
        return super().has_change_permission(request, obj) and (obj is None or obj.question.type in ANSWERED)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask which answer it is; go to it, if it is there; else make it."""
        answer = _named(request)
        if answer is None and request.method == "POST" and self.has_add_permission(request):
            form = self.get_form(request)(request.POST)
            if form.is_valid():
                return HttpResponseRedirect(f"{request.path}?{_query(form.cleaned_data)}")
        if answer is not None and not answer._state.adding:
            return HttpResponseRedirect(reverse("admin:form_answer_change", args=[answer.pk]))
        setattr(request, _WANTED, answer)
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False} if answer is None else {}
        return super().add_view(request, form_url, {**one_button, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Run the verb; it says which answer it is."""
        obj.pk = form.carry_out().pk

    def removal(self, user: User, obj: Answer) -> Verb[Any]:
        """The verb that removes it."""
        if obj.document_id is None:
            return RemoveDefaultAnswer(user, question=obj.question_id)
        return RemoveAnswer(user, answer=obj.pk)

    @admin.display(description="documents of the rows")
    def rows(self, answer: Answer) -> str:
        """The rows in their order, each with what is answered in it."""
        documents = [link.document for link in families.rows_of(answer.pk)]
        said = _said(documents)
        lines = ((link_to(document), ", ".join(said[document.pk])) for document in documents)
        return format_html_join(BREAK, "{} {}", lines) if documents else "-"

    @admin.display(description="contents")
    def contents(self, answer: Answer) -> str:
        """The files, and where each can be got."""
        files = File.objects.filter(answer=answer).order_by("created_at", "pk")
        lines = [(link_to(file, file.name), download_link(file)) for file in files]
        return format_html_join(BREAK, "{}: {}", lines) if lines else "-"

    def _shown(self, answer: Answer) -> tuple[str, ...]:
        return () if answer._state.adding else (*_PARTS.get(answer.question.type, ()), *STAMPS)


_WANTED: Final = "_caluma_wanted_answer"


def _answer(request: HttpRequest, obj: Answer | None) -> Answer | None:
    """The answer that the page is about: one that is there, or one that is to be."""
    return obj or getattr(request, _WANTED, None)


def _named(request: HttpRequest) -> Answer | None:
    """The answer that the address names, which may not be there yet; `None` if it names none that people give."""
    question = Question.objects.filter(pk=request.GET.get("question", ""), type__in=ANSWERED).first()
    if question is None:
        return None
    if not request.GET.get("document"):
        return question.default_answer or Answer(question=question)
    document = _document(request.GET["document"])
    if document is None:
        return None
    found = Answer.objects.filter(document=document, question=question).first()
    return found or Answer(document=document, question=question)


def _document(key: str) -> Document | None:
    try:
        return Document.objects.filter(pk=UUID(key)).first()
    except ValueError:
        return None


def _query(chosen: dict[str, Any]) -> str:
    return urlencode({name: each.pk for name, each in chosen.items() if each is not None})


def address_to_answer(document: Document, question: str) -> str:
    """Where the question is answered in the document."""
    return f"{reverse('admin:form_answer_add')}?{urlencode({'document': document.pk, 'question': question})}"


def _said(documents: Iterable[Document]) -> defaultdict[UUID, list[str]]:
    """What is answered in some documents, by document: one statement."""
    said: defaultdict[UUID, list[str]] = defaultdict(list)
    answers = Answer.objects.filter(document__in=[each.pk for each in documents]).order_by("created_at", "pk")
    for answer in answers:
        if answer.document_id is not None:
            said[answer.document_id].append(f"{answer.question_id}: {answer.date or answer.value}")
    return said
