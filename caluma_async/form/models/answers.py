"""What was answered: documents, the answers in them, and what answers consist of besides a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import models

from caluma_async.form.files.blobs import Blob
from caluma_async.form.models.definition import Form, Question
from caluma_async.records import LocalizedField, UUIDRecord

KINDS: Final[Mapping[str, str]] = {
    Question.TYPE_TEXT: "string",
    Question.TYPE_TEXTAREA: "string",
    Question.TYPE_CHOICE: "string",
    Question.TYPE_DYNAMIC_CHOICE: "string",
    Question.TYPE_INTEGER: "integer",
    Question.TYPE_FLOAT: "float",
    Question.TYPE_CALCULATED_FLOAT: "float",
    Question.TYPE_DATE: "date",
    Question.TYPE_MULTIPLE_CHOICE: "list",
    Question.TYPE_DYNAMIC_MULTIPLE_CHOICE: "list",
    Question.TYPE_TABLE: "table",
    Question.TYPE_FILES: "files",
}
"""The kind of answer that questions of a type have; those of other types have none."""

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField


class DocumentManager(models.Manager["Document"]):
    """Documents; a class of its own, for modules that find more methods here than ours need."""


class Document(UUIDRecord):
    """The answers to one form; the rows of a table are documents of the same family."""

    objects = DocumentManager()

    form = models.ForeignKey(Form, on_delete=models.PROTECT, related_name="documents")
    family = models.ForeignKey("self", on_delete=models.CASCADE, related_name="+")
    source = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="copies")
    meta = models.JSONField(default=dict, blank=True)

    class Meta(UUIDRecord.Meta):
        abstract = False


class Answer(UUIDRecord):
    """One answer; without a document it is the default answer of its question."""

    # the look-up by document is the unique constraint's
    document = models.ForeignKey(
        Document, null=True, blank=True, on_delete=models.CASCADE, related_name="answers", db_index=False
    )
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="answers")
    value = models.JSONField(null=True, blank=True)
    date = models.DateField(null=True, blank=True)
    meta = models.JSONField(default=dict, blank=True)
    documents: models.ManyToManyField[Document, AnswerDocument] = models.ManyToManyField(
        Document, through="AnswerDocument", related_name="+"
    )

    class Meta(UUIDRecord.Meta):
        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "question"], name="one_answer_per_document"),
        ]

    @property
    def kind(self) -> str:
        """What sort of answer it is: the type of its question tells."""
        return KINDS[self.question.type]


class AnswerDocument(UUIDRecord):
    """That a document is a row of a table answer; the highest sort comes first."""

    # the look-up by answer is the unique constraint's
    answer = models.ForeignKey(Answer, on_delete=models.CASCADE, db_index=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE)
    sort = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-sort"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["answer", "document"], name="one_row_per_document")]


class FirstName(_CharField):
    """The name that a file is created with."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if add and not getattr(model_instance, self.attname):
            setattr(model_instance, self.attname, getattr(model_instance, "name"))  # noqa: B009 - any file has one
        return super().pre_save(model_instance, add)


class File(UUIDRecord):
    """One file of a files answer. What was uploaded for it is kept elsewhere, under its key and its first name."""

    answer = models.ForeignKey(Answer, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    stored_name = FirstName(max_length=255, default="", blank=True, editable=False)

    @property
    def blob(self) -> Blob:
        """What was uploaded for it, or will be."""
        return Blob(self.pk, self.stored_name or self.name)

    class Meta(UUIDRecord.Meta):
        abstract = False


class DynamicOption(UUIDRecord):
    """A choice of a data source as it was when somebody chose it: its label is never asked for again."""

    slug = models.CharField(max_length=255)
    label = LocalizedField()
    # the look-up by document is the unique constraint's
    document = models.ForeignKey(Document, on_delete=models.CASCADE, db_index=False)
    question = models.ForeignKey(Question, on_delete=models.CASCADE)

    class Meta(UUIDRecord.Meta):
        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "question", "slug"], name="one_dynamic_option_per_choice"),
        ]
