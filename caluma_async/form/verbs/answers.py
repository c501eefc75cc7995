"""The verbs that answer a question in a document. Rows of tables and files have modules of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar
from uuid import UUID

from caluma_async.errors import InvalidInput, NotFound
from caluma_async.form import answer_inputs, families, options
from caluma_async.form.definitions import catalogue
from caluma_async.form.events import post_save_answer, pre_save_answer
from caluma_async.form.models import KINDS, Answer, Document, Question
from caluma_async.form.structure.definition import DYNAMIC
from caluma_async.form.validation import check_answer
from caluma_async.form.verbs.family import DocumentVerb, version_of
from caluma_async.verbs import inputs


class SaveDocumentAnswer(DocumentVerb[Answer]):
    """Answer a `question` in a `document`, or change the answer that is there.

    A `value` that is left out, or null, empties the answer; `meta` that is left out stays. `data_source_context` is
    for data sources.
    """

    references = ("document", "question", "data_source_context")
    kind: ClassVar[str]
    """The kind of answer, as `KINDS` has them."""

    document: Document
    question: Question
    answer: Answer | None
    labels: options.Labels = MappingProxyType({})
    """Those of chosen dynamic options."""

    def load(self) -> Answer | None:
        """Lock the family of the document, then look up the answer, if there is one."""
        self.document = self.locked_document("document")
        self.answer = self.look_up()
        return self.answer

    def check(self) -> None:
        """The value must be of the right kind, and the question one of the document's."""
        super().check()
        self.changes = {"value": self.cleaners["value"]("value", None), **self.changes}
        self._refuse_other_kinds()
        if self.question.pk not in catalogue(self.document.form_id, version_of(self.document)).of_document:
            message = f"The question '{self.question.pk}' is none of the form '{self.document.form_id}'."
            raise self.refused("question", message)
        self.check_value()

    def check_value(self) -> None:
        """The value must be one that the question takes."""
        self.check_as(self.changes["value"])

    def check_as(self, value: Any) -> None:
        """A value, as it is stored, must be one that the question takes."""
        sent = self.data.get("data_source_context")
        try:
            self.labels = check_answer(self.question, value, self.document, self.user, sent)
        except InvalidInput as complaint:
            complaint.field = complaint.field or "value"
            raise

    def write(self) -> Answer:
        """Save the answer, and what depends on it."""
        created, previous = self.answer is None, self.previous()
        told = {"document": self.document, "question": self.question, "created": created, "previous": previous}
        if self.emit(pre_save_answer, answer=self.answer, validated_data=self.changes, **told):
            self.changes = inputs.clean(self.changes, self.cleaners, of=type(self).__name__)
            self.check_value()
        answer = self._save(self.answer or Answer(document=self.document, question=self.question))
        new = self.write_parts(answer)
        if self.question.type in DYNAMIC:
            options.record(self.document, self.question, self.labels, self.user)
        self.calculate(self.document, [(self.document.pk, self.question.pk)], new)
        self.emit(post_save_answer, answer=answer, **told)
        return answer

    def previous(self) -> Any:
        """The value until now."""
        return None if self.answer is None else answer_inputs.stored(self.answer)

    def assign(self, answer: Answer, value: Any) -> None:
        """Put the value into the answer."""
        answer.value = value

    def write_parts(self, answer: Answer) -> Collection[UUID]:
        """Write what the answer consists of besides its value; the documents that are new to the family."""
        return ()

    def refused(self, field: str, message: str) -> InvalidInput:
        """The error for one field of the input."""
        return inputs.refusal(field, message, of=type(self).__name__)

    def look_up(self) -> Answer | None:
        """Find the question, and the answer to it, if there is one."""
        slug = self.slug("question", Question)
        found = families.question_with_answer(slug, self.document.pk)
        if not found or (self.access.restricts(Question) and not self._sees(found[0])):
            raise self.not_found("question", Question)
        self.question = found[0]
        answer: Answer | None = getattr(self.question, "given", None)
        if answer is not None:
            if self.access.restricts(Answer) and not self._sees(answer):
                raise NotFound(f"You may not see the answer to the question '{self.question.pk}'.", field="question")
            answer.document, answer.question = self.document, self.question
        return answer

    def _sees(self, row: Question | Answer) -> bool:
        return self.visible(type(row)._default_manager.filter(pk=row.pk)).exists()

    def _refuse_other_kinds(self) -> None:
        kind = self.question.type
        if kind == Question.TYPE_CALCULATED_FLOAT:
            raise self.refused("question", f"The question '{self.question.pk}' is calculated, not answered.")
        if KINDS.get(kind) is None:
            raise self.refused("question", f"The question '{self.question.pk}' is of type {kind}: it has no answers.")
        if KINDS[kind] != self.kind:
            verb = f"SaveDocument{KINDS[kind].title()}Answer"
            message = f"The question '{self.question.pk}' is of type {kind}: {verb} answers it."
            raise self.refused("question", message)

    def _save(self, answer: Answer) -> Answer:
        self.assign(answer, self.changes["value"])
        if "meta" in self.changes:
            answer.meta = self.changes["meta"]
        answer.stamp(self.user)
        if answer._state.adding:
            answer.save(force_insert=True)
        else:
            answer.save(update_fields={"value", "date", *(self.changes.keys() & {"meta"})})
        return answer


class SaveDocumentStringAnswer(SaveDocumentAnswer):
    """Answer a question for a text or one choice."""

    async_twin = "asave_answer"
    kind = "string"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.string}


class SaveDocumentIntegerAnswer(SaveDocumentAnswer):
    """Answer a question for a whole number."""

    async_twin = "asave_answer"
    kind = "integer"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.integer}


class SaveDocumentFloatAnswer(SaveDocumentAnswer):
    """Answer a question for a number."""

    async_twin = "asave_answer"
    kind = "float"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.number}


class SaveDocumentDateAnswer(SaveDocumentAnswer):
    """Answer a question for a day."""

    async_twin = "asave_answer"
    kind = "date"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.date}

    def assign(self, answer: Answer, value: Any) -> None:
        """Put the day into its own column."""
        answer.date = value


class SaveDocumentListAnswer(SaveDocumentAnswer):
    """Answer a question for several choices."""

    async_twin = "asave_answer"
    kind = "list"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.texts}
