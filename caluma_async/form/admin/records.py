"""Pages to look at: what the verbs write besides forms, documents and answers, and what is noted of all of it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import get_script_prefix
from django.utils.html import format_html

from caluma_async.errors import Unavailable
from caluma_async.form.files.storage import storage
from caluma_async.form.models import AnswerDocument, DynamicOption, File, HistoryEntry, QuestionOption, Recalculation
from caluma_async.read_only import ReadOnlyAdmin


@admin.register(QuestionOption)
class QuestionOptionAdmin(ReadOnlyAdmin):
    """Which options questions offer: the page of the question says it, in their order."""

    list_display = ("id", "question", "option", "sort")
    list_select_related = ("question", "option")
    search_fields = ("id", "question__slug", "option__slug")


@admin.register(AnswerDocument)
class AnswerDocumentAdmin(ReadOnlyAdmin):
    """Which documents are rows of table answers: the page of the answer says it, in their order."""

    list_display = ("id", "answer", "document", "sort")
    list_select_related = ("answer", "document")
    search_fields = ("^id", "^answer__id", "^document__id")
    show_full_result_count = False


@admin.register(File)
class FileAdmin(ReadOnlyAdmin):
    """Files: the page of their answer names, adds and removes them."""

    readonly_fields = ("address",)
    list_display = ("id", "name", "answer", "created_at", "created_by_user")
    list_select_related = ("answer",)
    search_fields = ("^id", "name", "^answer__id")
    show_full_result_count = False

    @admin.display(description="content")
    def address(self, file: File) -> str:
        """Where it can be got, for a while."""
        return download_link(file)


def download_link(file: File) -> str:
    """A link to what was uploaded for the file, if anything was; good for a while."""
    try:
        url = storage().download_url(file.blob, file.name)
    except Unavailable as error:  # the page opens all the same
        return error.message
    ours = get_script_prefix().rstrip("/") if url.startswith("/") else ""
    return format_html('<a href="{}{}">{}</a>', ours, url, "Download")


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
