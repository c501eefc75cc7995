"""The form domain in Django's admin: forms are saved through their verb; the rest can be looked at."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from caluma_async.form.models import (
    Answer,
    AnswerDocument,
    Document,
    DynamicOption,
    File,
    Form,
    FormQuestion,
    HistoryEntry,
    Option,
    Question,
    QuestionOption,
    Recalculation,
)
from caluma_async.form.verbs import SaveForm
from caluma_async.verbs import Verb
from caluma_async.verbs.admin import STAMPS, ReadOnlyAdmin, VerbAdmin, VerbForm


class FormForm(VerbForm):
    """What a form can be given."""

    class Meta:
        model = Form
        fields: ClassVar = ["slug", "name", "description", "meta", "is_published", "is_archived"]

    def verb(self) -> Verb[Any]:
        """Saves the form."""
        return SaveForm(self.user, **{"slug": self.instance.pk, **self.given()})


@admin.register(Form)
class FormAdmin(VerbAdmin):
    """Forms."""

    form = FormForm
    list_display = ("slug", "name", "is_published", "is_archived", "modified_at", "modified_by_user")
    list_filter = ("is_published", "is_archived")
    search_fields = ("slug", "name", "description")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """A slug is never changed."""
        return (*(("slug",) if obj else ()), "source", *STAMPS)


@admin.register(Question)
class QuestionAdmin(ReadOnlyAdmin):
    """Questions."""

    list_display = ("slug", "label", "type", "is_required", "is_hidden", "is_archived")
    list_filter = ("type", "is_archived")
    search_fields = ("slug", "label")


@admin.register(Option)
class OptionAdmin(ReadOnlyAdmin):
    """Options."""

    list_display = ("slug", "label", "is_archived")
    list_filter = ("is_archived",)
    search_fields = ("slug", "label")


@admin.register(FormQuestion)
class FormQuestionAdmin(ReadOnlyAdmin):
    """Which questions forms have."""

    list_display = ("id", "form", "question", "sort")
    list_select_related = ("form", "question")
    search_fields = ("id", "form__slug", "question__slug")


@admin.register(QuestionOption)
class QuestionOptionAdmin(ReadOnlyAdmin):
    """Which options questions offer."""

    list_display = ("id", "question", "option", "sort")
    list_select_related = ("question", "option")
    search_fields = ("id", "question__slug", "option__slug")


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    """Documents."""

    list_display = ("id", "form", "created_at", "created_by_user")
    list_filter = ("form",)
    list_select_related = ("form",)
    search_fields = ("^id", "form__slug")
    show_full_result_count = False


@admin.register(Answer)
class AnswerAdmin(ReadOnlyAdmin):
    """Answers."""

    list_display = ("id", "document", "question", "value", "date")
    list_filter = ("question__type",)
    list_select_related = ("document", "question")
    search_fields = ("^id", "^document__id", "question__slug")
    show_full_result_count = False


@admin.register(AnswerDocument)
class AnswerDocumentAdmin(ReadOnlyAdmin):
    """Which documents are rows of table answers."""

    list_display = ("id", "answer", "document", "sort")
    list_select_related = ("answer", "document")
    search_fields = ("^id", "^answer__id", "^document__id")
    show_full_result_count = False


@admin.register(File)
class FileAdmin(ReadOnlyAdmin):
    """Files."""

    list_display = ("id", "name", "answer", "created_at", "created_by_user")
    list_select_related = ("answer",)
    search_fields = ("^id", "name", "^answer__id")
    show_full_result_count = False


@admin.register(DynamicOption)
class DynamicOptionAdmin(ReadOnlyAdmin):
    """Choices of data sources that were made."""

    list_display = ("id", "slug", "label", "question", "document")
    list_select_related = ("question", "document")
    search_fields = ("^id", "slug", "^document__id", "question__slug")
    show_full_result_count = False


@admin.register(Recalculation)
class RecalculationAdmin(ReadOnlyAdmin):
    """What is still to be calculated anew because forms changed, and how far that has come."""

    list_display = ("id", "forms", "done", "total", "created_at", "created_by_user", "started_at", "finished_at")
    search_fields = ("^id", "forms")
    show_full_result_count = False


@admin.register(HistoryEntry)
class HistoryEntryAdmin(ReadOnlyAdmin):
    """What was."""

    list_display = ("id", "date", "type", "model", "object_id", "user_id")
    list_filter = ("model", "type")
    search_fields = ("=id", "object_id", "parent_id")
    show_full_result_count = False
