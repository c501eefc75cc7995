"""The verb that answers a question for files: which files there are. What is uploaded for them is kept elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from caluma_async.form import answer_inputs
from caluma_async.form.events import post_create_file, post_remove_file, pre_create_file, pre_remove_file
from caluma_async.form.models import Answer, File
from caluma_async.form.verbs.answers import SaveDocumentAnswer
from caluma_async.verbs import bulk, inputs


class SaveDocumentFilesAnswer(SaveDocumentAnswer):
    """Say which files an answer has: those without `id` are new, those with it stay, perhaps under another `name`."""

    async_twin = "asave_answer"
    kind = "files"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.files}

    files: Sequence[File]
    """The files that are there."""

    def load(self) -> Answer | None:
        """Besides what every answer needs, look up its files."""
        answer = super().load()
        self.files = [] if answer is None else list(File.objects.filter(answer=answer).order_by("created_at", "pk"))
        return answer

    def check_value(self) -> None:
        """Files that are named by key must be this answer's."""
        there = {file.pk for file in self.files}
        for wanted in self.changes["value"]:
            if wanted["id"] is not None and wanted["id"] not in there:
                raise self.refused("value", f"There is no file {wanted['id']} in the answer.")
        names = {file.pk: file.name for file in self.files}
        self.check_as([wanted["name"] or names[wanted["id"]] for wanted in self.changes["value"]])

    def previous(self) -> Any:
        """The names of the files until now."""
        return None if self.answer is None else [file.name for file in self.files]

    def assign(self, answer: Answer, value: Any) -> None:
        """The value is in its files."""

    def write_parts(self, answer: Answer) -> Collection[UUID]:
        """Remove, rename and add files."""
        wanted = {each["id"]: each["name"] for each in self.changes["value"] if each["id"] is not None}
        remove_files(self, answer, [file for file in self.files if file.pk not in wanted])
        self._rename([file for file in self.files if wanted.get(file.pk) not in (None, file.name)], wanted)
        self._create(answer, [each["name"] for each in self.changes["value"] if each["id"] is None])
        return ()

    def _rename(self, files: Sequence[File], names: Mapping[Any, str]) -> None:
        for file in files:
            file.name = names[file.pk]
            file.stamp(self.user)
        bulk.update_each(files, ["name"])

    def _create(self, answer: Answer, names: Sequence[str]) -> None:
        files = []
        for name in names:
            data = {"name": name}
            self.emit(pre_create_file, document=answer.document, answer=answer, validated_data=data)
            file = File(answer=answer, name=data["name"])
            file.stamp(self.user)
            files.append(file)
        bulk.insert(files)
        for file in files:
            self.emit(post_create_file, file=file, answer=answer, document=answer.document)


def remove_files(verb: Any, answer: Answer, files: Sequence[File]) -> None:
    """Remove files of an answer."""
    told = {"document": answer.document, "answer": answer}
    for file in files:
        verb.emit(pre_remove_file, file=file, **told)
    bulk.delete(files)
    for file in files:
        verb.emit(post_remove_file, document=answer.document, question=answer.question, file_id=file.pk, name=file.name)
