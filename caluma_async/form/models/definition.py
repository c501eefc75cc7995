"""What is asked: forms, the questions in them, and the options that questions offer."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db import models

from caluma_async.records import LocalizedField, Record, SlugRecord


class Form(SlugRecord):
    """What is asked: questions in an order."""

    name = LocalizedField()
    description = LocalizedField()
    meta = models.JSONField(default=dict, blank=True)
    is_published = models.BooleanField(default=False)
    is_archived = models.BooleanField(default=False)
    questions: models.ManyToManyField[Question, FormQuestion] = models.ManyToManyField(
        "Question", through="FormQuestion", related_name="forms"
    )
    source = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="copies")

    class Meta(SlugRecord.Meta):
        abstract = False


class Configured:
    """A property that is kept in the question's configuration; `None` where it is not set."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, question: Question | None, owner: type) -> Any:
        return self if question is None else question.configuration.get(self.name)

    def __set__(self, question: Question, value: Any) -> None:
        kept = {name: each for name, each in question.configuration.items() if name != self.name}
        question.configuration = kept if value is None else {**kept, self.name: value}


class Question(SlugRecord):
    """One question; `type` says what an answer to it looks like, and which of the columns mean something."""

    TYPE_TEXT: Final = "text"
    TYPE_TEXTAREA: Final = "textarea"
    TYPE_INTEGER: Final = "integer"
    TYPE_FLOAT: Final = "float"
    TYPE_DATE: Final = "date"
    TYPE_CHOICE: Final = "choice"
    TYPE_MULTIPLE_CHOICE: Final = "multiple_choice"
    TYPE_DYNAMIC_CHOICE: Final = "dynamic_choice"
    TYPE_DYNAMIC_MULTIPLE_CHOICE: Final = "dynamic_multiple_choice"
    TYPE_TABLE: Final = "table"
    TYPE_FILES: Final = "files"
    TYPE_CALCULATED_FLOAT: Final = "calculated_float"
    TYPE_FORM: Final = "form"
    TYPE_STATIC: Final = "static"
    TYPE_ACTION_BUTTON: Final = "action_button"
    TYPES: ClassVar[tuple[str, ...]] = (
        TYPE_TEXT,
        TYPE_TEXTAREA,
        TYPE_INTEGER,
        TYPE_FLOAT,
        TYPE_DATE,
        TYPE_CHOICE,
        TYPE_MULTIPLE_CHOICE,
        TYPE_DYNAMIC_CHOICE,
        TYPE_DYNAMIC_MULTIPLE_CHOICE,
        TYPE_TABLE,
        TYPE_FILES,
        TYPE_CALCULATED_FLOAT,
        TYPE_FORM,
        TYPE_STATIC,
        TYPE_ACTION_BUTTON,
    )

    type = models.CharField(max_length=23, choices=[(name, name) for name in TYPES])
    label = LocalizedField()
    info_text = LocalizedField()
    placeholder = LocalizedField()
    hint_text = LocalizedField()
    static_content = LocalizedField()
    is_required = models.TextField(default="false", blank=True)
    is_hidden = models.TextField(default="false", blank=True)
    is_archived = models.BooleanField(default=False)
    configuration = models.JSONField(default=dict, blank=True)
    meta = models.JSONField(default=dict, blank=True)
    format_validators = models.JSONField(default=list, blank=True)
    data_source = models.CharField(max_length=255, null=True, blank=True)
    calc_expression = models.TextField(null=True, blank=True)
    options: models.ManyToManyField[Option, QuestionOption] = models.ManyToManyField(
        "Option", through="QuestionOption", related_name="questions"
    )
    row_form = models.ForeignKey(Form, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    sub_form = models.ForeignKey(Form, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="copies")
    default_answer = models.OneToOneField("Answer", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    min_length = Configured()
    max_length = Configured()
    min_value = Configured()
    max_value = Configured()
    step = Configured()
    action = Configured()
    color = Configured()
    validate_on_enter = Configured()
    show_validation = Configured()

    class Meta(SlugRecord.Meta):
        abstract = False


class FormQuestion(Record):
    """That a form has a question; the highest sort comes first."""

    id = models.CharField(primary_key=True, max_length=255, editable=False)
    form = models.ForeignKey(Form, on_delete=models.CASCADE, related_name="form_questions")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="form_questions")
    sort = models.PositiveIntegerField(default=0, db_index=True)

    class Meta:
        ordering: ClassVar = ["-sort"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["form", "question"], name="one_question_per_form")]


class Option(SlugRecord):
    """One choice of a choice question."""

    label = LocalizedField()
    is_hidden = models.TextField(default="false", blank=True)
    is_archived = models.BooleanField(default=False)
    meta = models.JSONField(default=dict, blank=True)
    source = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="copies")

    class Meta(SlugRecord.Meta):
        abstract = False


class QuestionOption(Record):
    """That a question offers an option; the highest sort comes first."""

    id = models.CharField(primary_key=True, max_length=255, editable=False)
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="question_options")
    option = models.ForeignKey(Option, on_delete=models.CASCADE, related_name="question_options")
    sort = models.PositiveIntegerField(default=0, db_index=True)

    class Meta:
        ordering: ClassVar = ["-sort"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["question", "option"], name="one_option_per_question")]


class DefinitionVersion(models.Model):
    """The one row that says whether any of these tables changed: `stamp` is another one after each change.

    The database itself writes it, by triggers (`form/versions.py`), so that no way of writing leaves it out.
    """

    stamp = models.CharField(max_length=36)

    def __str__(self) -> str:
        return self.stamp
