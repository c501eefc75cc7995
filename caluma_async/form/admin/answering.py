"""The forms on which questions are answered: one for each kind of answer. Default answers are given on them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.core.files.uploadedfile import UploadedFile

from caluma_async.form.admin.values import value_field, value_of
from caluma_async.form.document_api import ANSWERING
from caluma_async.form.files.blobs import Blob
from caluma_async.form.files.folder import Folder
from caluma_async.form.files.limits import too_large, wrong_type
from caluma_async.form.files.storage import storage
from caluma_async.form.models import KINDS, Answer, File
from caluma_async.form.verbs import SaveDocument
from caluma_async.form.verbs.defaults import save_default_verb
from caluma_async.identity import User
from caluma_async.verbs import Verb, run
from caluma_async.verbs.admin import LinesField, VerbForm


def answering(answer: Answer, user: User, **given: Any) -> Verb[Answer]:
    """The verb that gives this answer, by the type of its question; without a document, the default answer."""
    question = answer.question
    if answer.document_id is None:
        return save_default_verb(question)(user, question=question.pk, **given)
    verb = ANSWERING[KINDS.get(question.type, "string")]
    return verb(user, document=answer.document_id, question=question.pk, **given)


class _WithoutInstance(VerbForm):
    """The verb alone says what is saved: nothing is put into the instance, nor validated there."""

    def _post_clean(self) -> None:
        """Nothing."""


class ChoosingForm(_WithoutInstance):
    """Which question is answered in which document; the answer is another page's."""

    class Meta:
        model = Answer
        fields: ClassVar = ["document", "question"]
        help_texts: ClassVar = {"document": "Without a document, it is the default answer of the question."}

    def verb(self) -> Verb[Answer]:
        """The one that would give an empty answer."""
        return answering(Answer(**self.cleaned_data), self.user)


class AnswerForm(_WithoutInstance):
    """The value of an answer, and its meta."""

    answer: ClassVar[Answer]

    class Meta:
        model = Answer
        fields: ClassVar = ["meta"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "instance": self.answer})
        if not self.answer._state.adding:
            self.initial["value"] = value_of(self.answer)

    def verb(self) -> Verb[Answer]:
        """Saves the answer."""
        return answering(self.answer, self.user, **self.said())

    def said(self) -> dict[str, Any]:
        """The input: the value always, for it would be emptied without."""
        more = {"meta": self.cleaned_data["meta"]} if "meta" in self.changed_data else {}
        return {"value": self.wanted(), **more}

    def wanted(self) -> Any:
        """The value that is typed, or just the one that is there."""
        return self.cleaned_data["value"] if "value" in self.changed_data else self.initial.get("value")

    def carry_out(self) -> Answer:
        """Run the verb."""
        return run(self.verb())


class RowsForm(AnswerForm):
    """The rows of a table: documents."""

    known_rows = LinesField(required=False, widget=forms.HiddenInput)
    add_row = forms.BooleanField(required=False, label="One more row", help_text="A new document at the end.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["known_rows"] = self.initial.get("value")

    def said(self) -> dict[str, Any]:
        """Besides, which rows were on the page: others may have come meanwhile."""
        known = {} if self.answer.document_id is None else {"known_rows": self.cleaned_data["known_rows"]}
        return {**super().said(), **known}

    def carry_out(self) -> Answer:
        """With a new row, if one is wanted."""
        if not self.cleaned_data["add_row"]:
            return super().carry_out()
        row = run(SaveDocument(self.user, form=self.answer.question.row_form_id))
        return run(answering(self.answer, self.user, **{**self.said(), "value": [*(self.wanted() or ()), row.pk]}))


class ManyFilesInput(forms.ClearableFileInput):
    """An input that takes several files at once."""

    allow_multiple_selected = True


class UploadsField(forms.FileField):
    """Several uploads."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        """Each checked as one upload is, and whether the storage takes it."""
        uploads = [super(UploadsField, self).clean(each, initial) for each in data or ()]
        for upload in uploads:
            _refuse_unfit(upload)
        return uploads


def _refuse_unfit(upload: UploadedFile[Any]) -> None:
    if isinstance(storage(), Folder):
        kind = Blob(UUID(int=0), str(upload.name)).content_type
        if complaint := too_large(upload.size or 0) or wrong_type([kind]):
            raise forms.ValidationError(f"{upload.name}: {complaint}")


class FilesForm(AnswerForm):
    """The files of an answer: those that are there, by name, and more to upload."""

    there: ClassVar[Sequence[File]] = ()
    uploads = UploadsField(required=False, label="More files")
    called: ClassVar[Mapping[str, str]] = {"value": "uploads"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update({_name_of(file): file.name for file in self.there})

    def wanted(self) -> list[dict[str, Any]]:
        """The files, as the verb wants them. One that came after the page was opened stays."""
        named = {file.pk: self._typed(file) for file in self.there}
        kept = [{"id": key, "name": name} for key, name in named.items() if name]
        return [*kept, *({"name": upload.name} for upload in self.cleaned_data["uploads"])]

    def carry_out(self) -> Answer:
        """Put what was uploaded where it belongs, too: without that, nothing is saved."""
        answer = super().carry_out()
        new = File.objects.filter(answer=answer).exclude(pk__in=[file.pk for file in self.there]).order_by("pk")
        for file, upload in zip(new, self.cleaned_data["uploads"], strict=True):
            storage().put(file.blob, upload)
        return answer

    def _typed(self, file: File) -> str:
        name = _name_of(file)
        return str(self.cleaned_data[name] if self.add_prefix(name) in self.data else file.name)


def answer_form(answer: Answer, user: User) -> type[AnswerForm]:
    """The form for this answer."""
    kind = KINDS[answer.question.type]
    if kind == "files":
        return _made(FilesForm, answer, **_there(answer))
    base = RowsForm if kind == "table" else AnswerForm
    field = value_field(answer.question, user, answer)
    field.label = str(answer.question.label) or answer.question.pk
    return _made(base, answer, value=field)


def _made(base: type[AnswerForm], answer: Answer, **more: Any) -> type[AnswerForm]:
    return type(base.__name__, (base,), {"answer": answer, **more})


def _there(answer: Answer) -> dict[str, Any]:
    """The files that there are, each with a field for its name."""
    files = list(File.objects.filter(answer=answer).order_by("created_at", "pk"))
    help_text = "Another name renames it; without a name it is removed."
    fields = {
        _name_of(file): forms.CharField(required=False, label=file.name, help_text=help_text, max_length=255)
        for file in files
    }
    return {"there": files, **fields}


def _name_of(file: File) -> str:
    return f"file_{file.pk.hex}"
