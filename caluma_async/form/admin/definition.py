"""What is asked: forms, questions, options, which form has what, and the default answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from caluma_async.form.admin.copying import CopyForm, CopyingAdmin
from caluma_async.form.admin.values import NumberField, value_field, value_of
from caluma_async.form.models import KINDS, Form, FormQuestion, Option, Question
from caluma_async.form.models.definition import Configured
from caluma_async.form.values import is_empty
from caluma_async.form.verbs import AddFormQuestion, RemoveFormQuestion, ReorderFormQuestions, SaveForm, SaveOption
from caluma_async.form.verbs import forms as form_verbs
from caluma_async.form.verbs.defaults import WITHOUT_DEFAULT, RemoveDefaultAnswer, save_default_verb
from caluma_async.form.verbs.options import CopyOption
from caluma_async.form.verbs.questions import SAVE_QUESTION, CopyQuestion
from caluma_async.identity import User
from caluma_async.verbs import Verb, run
from caluma_async.verbs.admin import STAMPS, LinesField, RemovingAdmin, VerbForm, acting_user


class FormForm(VerbForm):
    """What a form can be given."""

    class Meta:
        model = Form
        fields: ClassVar = ["slug", "name", "description", "meta", "is_published", "is_archived"]

    def verb(self) -> Verb[Any]:
        """Saves the form."""
        return SaveForm(self.user, **{"slug": self.instance.pk, **self.given()})


class ChangedFormForm(FormForm):
    """What a form that is there can be given: the order of its questions too."""

    questions = LinesField(
        required=False,
        help_text="Their slugs, one a line, in their order. Form questions put them in and take them out.",
    )
    beside = ("questions",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        links = self.instance.form_questions.order_by("-sort", "pk")
        self.initial["questions"] = [link.question_id for link in links]

    def further(self) -> Sequence[Verb[Any]]:
        """Puts the questions into another order."""
        if "questions" not in self.changed_data:
            return ()
        return [ReorderFormQuestions(self.user, form=self.instance.pk, questions=self.cleaned_data["questions"])]


class CopyFormForm(CopyForm):
    """How a copy of a form is called."""

    copies = form_verbs.CopyForm

    class Meta:
        model = Form
        fields: ClassVar = ["slug", "name"]


@admin.register(Form)
class FormAdmin(CopyingAdmin):
    """Forms."""

    form = FormForm
    changing = ChangedFormForm
    copying = CopyFormForm
    list_display = ("slug", "name", "is_published", "is_archived", "modified_at", "modified_by_user")
    list_filter = ("is_published", "is_archived")
    search_fields = ("slug", "name", "description")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """A slug is never changed."""
        return (*(("slug",) if obj else ()), "source", "copy_link", *STAMPS)


CONFIGURED: Final = tuple(name for name, value in vars(Question).items() if isinstance(value, Configured))
_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {}, False)


def _one_of(*names: str) -> forms.ChoiceField:
    return forms.ChoiceField(choices=[(name, name or "—") for name in ("", *names)], required=False)


class QuestionForm(VerbForm):
    """What a question can be given; which of it belongs to its type, the verb of the type says."""

    options = LinesField(required=False, help_text="Their slugs, one a line, in the order in which they are offered.")
    min_length = forms.IntegerField(required=False)
    max_length = forms.IntegerField(required=False)
    min_value = NumberField(required=False)
    max_value = NumberField(required=False)
    step = NumberField(required=False)
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
            links = self.instance.question_options.order_by("-sort", "pk")
            self.initial.update({name: getattr(self.instance, name) for name in CONFIGURED})
            self.initial["options"] = [link.option_id for link in links]

    def verb(self) -> Verb[Any]:
        """The verb for this type of question."""
        given = {"slug": self.instance.pk, **self.given()}
        save = SAVE_QUESTION[given.pop("type", self.instance.type)]
        known = {"slug", *save.cleaners}
        return save(self.user, **{name: value for name, value in given.items() if name in known or value not in _EMPTY})


class ChangedQuestionForm(QuestionForm):
    """What a question that is there can be given: a default answer too, in a field that its type wants."""

    beside = ("default_value",)
    called: ClassVar = {"value": "default_value"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "default_value" in self.fields:
            self.initial["default_value"] = value_of(self.instance.default_answer)

    def further(self) -> Sequence[Verb[Any]]:
        """Gives the question its default answer, or takes it away."""
        if "default_value" not in self.changed_data:
            return ()
        value = self.cleaned_data["default_value"]
        if is_empty(value):
            return [RemoveDefaultAnswer(self.user, question=self.instance.pk)]
        return [save_default_verb(self.instance)(self.user, question=self.instance.pk, value=value)]


class CopyQuestionForm(CopyForm):
    """How a copy of a question is called."""

    copies = CopyQuestion

    class Meta:
        model = Question
        fields: ClassVar = ["slug", "label"]


@admin.register(Question)
class QuestionAdmin(CopyingAdmin):
    """Questions."""

    form = QuestionForm
    changing = ChangedQuestionForm
    copying = CopyQuestionForm
    list_display = ("slug", "label", "type", "is_required", "is_hidden", "is_archived")
    list_filter = ("type", "is_archived")
    search_fields = ("slug", "label")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Slug and type are never changed here."""
        return (*(("slug", "type") if obj else ()), "default_answer", "source", "copy_link", *STAMPS)

    def changing_form(self, request: HttpRequest, obj: Question) -> type[VerbForm]:
        """With a field for the default answer, if there can be one."""
        if obj.type in WITHOUT_DEFAULT or obj.type not in KINDS or not self.has_change_permission(request, obj):
            return self.changing
        field = value_field(obj, acting_user(request), obj.default_answer)
        field.label = "Default answer"
        return type(self.changing.__name__, (self.changing,), {"default_value": field})


class OptionForm(VerbForm):
    """What an option can be given."""

    class Meta:
        model = Option
        fields: ClassVar = ["slug", "label", "is_hidden", "is_archived", "meta"]

    def verb(self) -> Verb[Any]:
        """Saves the option."""
        return SaveOption(self.user, **{"slug": self.instance.pk, **self.given()})


class CopyOptionForm(CopyForm):
    """How a copy of an option is called."""

    copies = CopyOption

    class Meta:
        model = Option
        fields: ClassVar = ["slug", "label"]


@admin.register(Option)
class OptionAdmin(CopyingAdmin):
    """Options."""

    form = changing = OptionForm
    copying = CopyOptionForm
    list_display = ("slug", "label", "is_archived")
    list_filter = ("is_archived",)
    search_fields = ("slug", "label")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """A slug is never changed."""
        return (*(("slug",) if obj else ()), "source", "copy_link", *STAMPS)


class FormQuestionForm(VerbForm):
    """Which question comes to the end of which form."""

    class Meta:
        model = FormQuestion
        fields: ClassVar = ["form", "question"]

    def verb(self) -> Verb[Any]:
        """Adds the question."""
        return AddFormQuestion(self.user, **{name: self.cleaned_data[name] for name in ("form", "question")})


@admin.register(FormQuestion)
class FormQuestionAdmin(RemovingAdmin):
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

    def removal(self, user: User, obj: FormQuestion) -> RemoveFormQuestion:
        """The verb that removes it."""
        return RemoveFormQuestion(user, form=obj.form_id, question=obj.question_id)
