"""The verbs on default answers: what new documents have as answers from the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import Model

from caluma_async.errors import InvalidInput, Refused
from caluma_async.form import answer_inputs, families
from caluma_async.form.events import (
    post_remove_default_answer,
    post_save_default_answer,
    pre_remove_default_answer,
    pre_save_default_answer,
)
from caluma_async.form.models import KINDS, Answer, AnswerDocument, Document, Question
from caluma_async.form.validation import check_answer
from caluma_async.verbs import bulk, inputs
from caluma_async.verbs.looking import LookingVerb, R

WITHOUT_DEFAULT: Final = frozenset(
    {
        Question.TYPE_DYNAMIC_CHOICE,
        Question.TYPE_DYNAMIC_MULTIPLE_CHOICE,
        Question.TYPE_FILES,
        Question.TYPE_CALCULATED_FLOAT,
    }
)
"""Types of questions that are answered, but not from the start."""


class _OnQuestion(LookingVerb[R]):
    """Something with the default answer of a question."""

    references = ("question",)
    question: Question
    answer: Answer | None

    def load(self) -> Model | None:
        """Lock the question: its default answer is changed one verb at a time."""
        rows = Question.objects.filter(pk=self.slug("question", Question))
        if self.access.restricts(Question):
            rows = Question.objects.filter(pk__in=self.visible(rows).values("pk"))
        self.question = self.found("question", rows.select_for_update(no_key=True))
        self.answer = self.question.default_answer
        return self.question

    def previous(self) -> Any:
        """The value until now; of a table the keys of its rows."""
        if self.answer is None:
            return None
        if KINDS.get(self.question.type) == "table":
            return [link.document_id for link in families.rows_of(self.answer.pk)]
        return answer_inputs.stored(self.answer)


class SaveDefaultAnswer(_OnQuestion[Answer]):
    """Give a `question` its default answer, or change the one that it has. Documents that are there stay as they are.

    Never run itself: what is declared for it holds for every kind of answer. A `value` that is left out, or null,
    empties the answer; options that are hidden may be chosen too.
    """

    kind: ClassVar[str]
    """The kind of answer, as `KINDS` has them."""

    def check(self) -> None:
        """The value must be one that the question takes."""
        super().check()
        self.changes = {"value": self.cleaners["value"]("value", None), **self.changes}
        kind = self.question.type
        if kind in WITHOUT_DEFAULT or kind not in KINDS:
            message = f"The question '{self.question.pk}' is of type {kind}: it has no default answer."
            raise inputs.refusal("question", message, of=type(self).__name__)
        if KINDS[kind] != self.kind:
            verb = f"SaveDefault{KINDS[kind].title()}Answer"
            message = f"The question '{self.question.pk}' is of type {kind}: {verb} gives it its default answer."
            raise inputs.refusal("question", message, of=type(self).__name__)
        self.check_value()

    def check_value(self) -> None:
        """The value must be one that the question takes."""
        try:
            check_answer(self.question, self.changes["value"], None, self.user)
        except InvalidInput as complaint:
            complaint.field = complaint.field or "value"
            raise

    def write(self) -> Answer:
        """Save the answer, and that it is the question's."""
        created, previous = self.answer is None, self.previous()
        given = {"answer": self.answer, "question": self.question, "validated_data": self.changes}
        if self.emit(pre_save_default_answer, **given):
            self.data = {**self.changes, "question": self.question}
            self.check()
        answer = self._save(self.answer or Answer(question=self.question))
        self.write_parts(answer)
        told = {"question": self.question, "created": created, "previous": previous}
        self.emit(post_save_default_answer, answer=answer, **told)
        return answer

    def assign(self, answer: Answer, value: Any) -> None:
        """Put the value into the answer."""
        answer.value = value

    def write_parts(self, answer: Answer) -> None:
        """Write what the answer consists of besides its value."""

    def _save(self, answer: Answer) -> Answer:
        self.assign(answer, self.changes["value"])
        if "meta" in self.changes:
            answer.meta = self.changes["meta"]
        answer.stamp(self.user)
        if not answer._state.adding:
            answer.save(update_fields={"value", "date", *(self.changes.keys() & {"meta"})})
            return answer
        answer.save(force_insert=True)
        self.question.default_answer = answer
        self.question.stamp(self.user)
        self.question.save(update_fields=["default_answer"])
        return answer


class SaveDefaultStringAnswer(SaveDefaultAnswer):
    """Give a question for a text or one choice its default answer."""

    async_twin = "asave_default_answer"
    kind = "string"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.string}


class SaveDefaultIntegerAnswer(SaveDefaultAnswer):
    """Give a question for a whole number its default answer."""

    async_twin = "asave_default_answer"
    kind = "integer"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.integer}


class SaveDefaultFloatAnswer(SaveDefaultAnswer):
    """Give a question for a number its default answer."""

    async_twin = "asave_default_answer"
    kind = "float"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.number}


class SaveDefaultDateAnswer(SaveDefaultAnswer):
    """Give a question for a date its default answer."""

    async_twin = "asave_default_answer"
    kind = "date"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.date}

    def assign(self, answer: Answer, value: Any) -> None:
        """Put the day into its own column."""
        answer.date = value


class SaveDefaultListAnswer(SaveDefaultAnswer):
    """Give a question for several choices its default answer."""

    async_twin = "asave_default_answer"
    kind = "list"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.texts}


class SaveDefaultTableAnswer(SaveDefaultAnswer):
    """Say which documents are the rows that a table has from the start; new documents get copies of them."""

    async_twin = "asave_default_answer"
    kind = "table"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**answer_inputs.COMMON, "value": answer_inputs.documents}

    def check_value(self) -> None:
        """The rows must be documents of the table's form that are not rows of another answer."""
        wanted: Sequence[UUID] = self.changes["value"]
        families.lock(Document.objects.filter(pk__in=wanted))
        forms = dict(self.visible(Document.objects.filter(pk__in=wanted)).values_list("pk", "form_id"))
        others = AnswerDocument.objects.filter(document__in=wanted).exclude(answer=self.answer)
        taken = {*others.values_list("document_id", flat=True), *(each.pk for each in families.owned(wanted))}
        for key in wanted:
            if key not in forms:
                raise self._refused(f"There is no document {key}.")
            if forms[key] != self.question.row_form_id:
                raise self._refused(f"The document {key} is of the form '{forms[key]}', not of the table's.")
            if key in taken:
                raise self._refused(f"The document {key} belongs to something else already.")

    def assign(self, answer: Answer, value: Any) -> None:
        """The value is in its rows."""

    def write_parts(self, answer: Answer) -> None:
        """Let rows go, which stay as documents, take new ones in, and put all in order."""
        wanted: Sequence[UUID] = self.changes["value"]
        there = {link.document_id: link for link in families.rows_of(answer.pk)}
        bulk.delete([link for key, link in there.items() if key not in wanted])
        new: list[AnswerDocument] = []
        moved: list[AnswerDocument] = []
        for sort, key in zip(range(len(wanted), 0, -1), wanted, strict=True):
            link = there.get(key) or AnswerDocument(answer=answer, document_id=key)
            if link.sort != sort:
                link.sort = sort
                link.stamp(self.user)
                (new if link._state.adding else moved).append(link)
        bulk.update_each(moved, ["sort"])
        bulk.insert(new)

    def _refused(self, message: str) -> InvalidInput:
        return inputs.refusal("value", message, of=type(self).__name__)


SAVE_DEFAULT: Final[Mapping[str, type[SaveDefaultAnswer]]] = {
    verb.kind: verb
    for verb in (
        SaveDefaultStringAnswer,
        SaveDefaultIntegerAnswer,
        SaveDefaultFloatAnswer,
        SaveDefaultDateAnswer,
        SaveDefaultListAnswer,
        SaveDefaultTableAnswer,
    )
}
"""The verb for each kind of answer."""


def save_default_verb(question: Question) -> type[SaveDefaultAnswer]:
    """The verb that gives a question of that type its default answer; `Refused` where there is none."""
    verb = None if question.type in WITHOUT_DEFAULT else SAVE_DEFAULT.get(KINDS.get(question.type, ""))
    if verb is None:
        raise Refused(f"The question '{question.pk}' is of type {question.type}: it has no default answer.")
    return verb


class RemoveDefaultAnswer(_OnQuestion[Question]):
    """Take the default answer of a `question` away; nothing, where it has none. The rows of a table stay as documents.

    Documents that are there stay as they are.
    """

    async_twin = "aremove_default_answer"

    def write(self) -> Question:
        """Delete it."""
        if self.answer is None:
            return self.question
        previous = self.previous()
        self.emit(pre_remove_default_answer, question=self.question, answer=self.answer)
        self.question.default_answer = None
        self.question.stamp(self.user)
        self.question.save(update_fields=["default_answer"])
        bulk.delete([*families.rows_of(self.answer.pk), self.answer])
        self.emit(post_remove_default_answer, question=self.question, previous=previous)
        return self.question
