"""The form domain in Django's admin: what is asked is saved through the verbs; what was answered can be looked at."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

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
from caluma_async.form.models.definition import Configured
from caluma_async.form.verbs import AddFormQuestion, RemoveFormQuestion, SaveForm, SaveOption
from caluma_async.form.verbs.questions import SAVE_QUESTION
from caluma_async.verbs import Verb, run
from caluma_async.verbs.admin import STAMPS, ReadOnlyAdmin, VerbAdmin, VerbForm, acting_user, shown_when_refused


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


CONFIGURED: Final = tuple(name for name, value in vars(Question).items() if isinstance(value, Configured))
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {}, False)


def _one_of(*names: str) -> forms.ChoiceField:
    return forms.ChoiceField(choices=[(name, name or "—") for name in ("", *names)], required=False)


class QuestionForm(VerbForm):
    """What a question can be given; which of it belongs to its type, the verb of the type says."""

    options = forms.ModelMultipleChoiceField(Option.objects.all(), required=False)
    min_length = forms.IntegerField(required=False)
    max_length = forms.IntegerField(required=False)
    min_value = forms.FloatField(required=False)
    max_value = forms.FloatField(required=False)
    step = forms.FloatField(required=False)
    action = _one_of("complete", "skip")
    color = _one_of("primary", "secondary", "default")
    validate_on_enter = forms.BooleanField(required=False)
    show_validation = forms.BooleanField(required=False)

    class Meta:
        model = Question
        fields: ClassVar = [
            "slug",
            "type",
            "label",
            "info_text",
            "hint_text",
            "placeholder",
            "static_content",
            "is_required",
            "is_hidden",
            "is_archived",
            "meta",
            "format_validators",
            "data_source",
            "calc_expression",
            "row_form",
            "sub_form",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            links = self.instance.question_options.order_by("-sort")
            self.initial.update({name: getattr(self.instance, name) for name in CONFIGURED})
            self.initial["options"] = [link.option_id for link in links]

    def verb(self) -> Verb[Any]:
        """The verb for this type of question."""
        given = {"slug": self.instance.pk, **self.given()}
        save = SAVE_QUESTION[given.pop("type", self.instance.type)]
        known = {"slug", *save.cleaners}
        return save(
            self.user, **{name: _whole(value) for name, value in given.items() if name in known or value not in _EMPTY}
        )


def _whole(value: Any) -> Any:
    """A number as it was meant: the page's fields for numbers give floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@admin.register(Question)
class QuestionAdmin(VerbAdmin):
    """Questions. Options are offered in the order of their slugs, unless another verb puts them into another one."""

    form = QuestionForm
    list_display = ("slug", "label", "type", "is_required", "is_hidden", "is_archived")
    list_filter = ("type", "is_archived")
    search_fields = ("slug", "label")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Slug and type are never changed here."""
        return (*(("slug", "type") if obj else ()), "source", "default_answer", *STAMPS)


class OptionForm(VerbForm):
    """What an option can be given."""

    class Meta:
        model = Option
        fields: ClassVar = ["slug", "label", "is_hidden", "is_archived", "meta"]

    def verb(self) -> Verb[Any]:
        """Saves the option."""
        return SaveOption(self.user, **{"slug": self.instance.pk, **self.given()})


@admin.register(Option)
class OptionAdmin(VerbAdmin):
    """Options."""

    form = OptionForm
    list_display = ("slug", "label", "is_archived")
    list_filter = ("is_archived",)
    search_fields = ("slug", "label")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """A slug is never changed."""
        return (*(("slug",) if obj else ()), "source", *STAMPS)


class FormQuestionForm(VerbForm):
    """Which question comes to the end of which form."""

    class Meta:
        model = FormQuestion
        fields: ClassVar = ["form", "question"]

    def verb(self) -> Verb[Any]:
        """Adds the question."""
        return AddFormQuestion(self.user, **{name: self.cleaned_data[name] for name in ("form", "question")})


@admin.register(FormQuestion)
class FormQuestionAdmin(VerbAdmin):
    """Which questions forms have."""

    form = FormQuestionForm
    list_display = ("id", "form", "question", "sort")
    list_select_related = ("form", "question")
    search_fields = ("id", "form__slug", "question__slug")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """A tie is made and taken away, not changed."""
        return (*(("form", "question", "sort") if obj else ()), *STAMPS)

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """There is no verb for it."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Run the verb; the key is that of both."""
        run(form.verb())
        obj.pk = f"{obj.form_id}.{obj.question_id}"

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As Django's permissions say."""
        return super(VerbAdmin, self).has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: FormQuestion) -> None:
        """Run the verb."""
        run(RemoveFormQuestion(acting_user(request), form=obj.form_id, question=obj.question_id))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Run the verb for each."""
        for link in queryset:
            self.delete_model(request, link)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the verb refuses is shown as a message."""
        return shown_when_refused(
            request, lambda: super(FormQuestionAdmin, self).delete_view(request, object_id, extra_context)
        )


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
