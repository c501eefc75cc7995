"""The verb that removes an answer."""

from __future__ import annotations

from caluma_async.errors import NotFound, Refused
from caluma_async.form import answer_inputs, families
from caluma_async.form.events import post_remove_answer, pre_remove_answer
from caluma_async.form.models import Answer, Document, DynamicOption, File
from caluma_async.form.verbs.family import DocumentVerb
from caluma_async.form.verbs.file_lists import remove_files
from caluma_async.form.verbs.tables import drop_rows
from caluma_async.verbs import bulk


class RemoveAnswer(DocumentVerb[Answer]):
    """Remove an `answer`, with its files; rows of a table become documents of their own."""

    async_twin = "aremove_answer"
    removes = True
    references = ("answer",)
    answer: Answer
    document: Document

    def load(self) -> Answer:
        """Find the document, lock its family, then look the answer up."""
        key = self.key("answer", Answer)
        found = self.found("answer", self.visible(Answer.objects.filter(pk=key)))
        if found.document_id is None:
            raise Refused("This is a default answer: removeDefaultAnswer removes it.")
        try:
            self.document = self.locked("answer", found.document_id)
        except NotFound as error:
            raise self.not_found("answer", Answer) from error
        self.answer = self.found("answer", self.visible(Answer.objects.filter(pk=key)).select_related("question"))
        self.answer.document = self.document
        return self.answer

    def write(self) -> Answer:
        """Let its rows go, and remove everything else."""
        answer, question = self.answer, self.answer.question
        self.emit(pre_remove_answer, answer=answer, document=self.document, question=question)
        previous = answer_inputs.stored(answer)
        if answer.kind == "table":
            links = families.rows_of(answer.pk)
            previous = [link.document_id for link in links]
            drop_rows(self, answer, links)
        if answer.kind == "files":
            files = list(File.objects.filter(answer=answer).order_by("created_at", "pk"))
            previous = [file.name for file in files]
            remove_files(self, answer, files)
        options = DynamicOption.objects.filter(document=self.document, question=question)
        bulk.delete([*options, answer])
        self.calculate(self.document, [(self.document.pk, question.pk)])
        told = {"document": self.document, "question": question, "answer_id": answer.pk, "previous": previous}
        self.emit(post_remove_answer, **told)
        return answer
