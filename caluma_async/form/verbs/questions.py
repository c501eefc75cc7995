"""The verbs that make, change and copy questions: one for each type of question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from django.db.models import Model

from caluma_async.errors import InvalidInput, Refused
from caluma_async.form import families
from caluma_async.form.around import forms_around, forms_with
from caluma_async.form.circles import refuse_circles
from caluma_async.form.data_sources import data_sources
from caluma_async.form.events import post_save_question, pre_save_question
from caluma_async.form.expressions import unknown_question
from caluma_async.form.format_validators import format_validators
from caluma_async.form.models import Answer, Document, Form, Option, Question, QuestionOption
from caluma_async.form.models.definition import Configured
from caluma_async.form.recalculation import schedule
from caluma_async.form.structure import formula
from caluma_async.form.verbs import question_fields as fields
from caluma_async.form.verbs.saving import Copy, SaveAndTell
from caluma_async.form.verbs.sorting import sort
from caluma_async.verbs import bulk, inputs

OF_TYPES: Final[Mapping[str, Any]] = {
    "configuration": dict,
    "format_validators": list,
    "data_source": lambda: None,
    "row_form": lambda: None,
    "sub_form": lambda: None,
    "calc_expression": lambda: None,
}
"""Columns that mean something for some types only, and how they are emptied."""

REACHING: Final = ("type", "is_hidden", "calc_expression", "row_form_id", "sub_form_id")
"""Columns that calculated answers depend on, in the end."""


class SaveQuestion(SaveAndTell[Question]):
    """Create or change a question by its slug. Never run itself: what is declared for it holds for every type.

    A question of another type becomes one of this type, as long as nobody has answered it.
    """

    model = Question
    noun = "question"
    before, after = pre_save_question, post_save_question
    needed: ClassVar[tuple[str, ...]] = ("label",)
    type: ClassVar[str]
    becomes: bool
    """Whether there is a question of another type."""
    reaches: bool
    """Whether calculated answers may change with it."""
    bounds: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Pairs of fields: the first may not be more than the second."""

    def load(self) -> Model | None:
        """Lock the row, if there is one; where the type changes, the documents too: nobody answers it meanwhile."""
        super().load()
        self.becomes = self.record is not None and self.record.type != self.type
        if self.becomes:
            families.lock(Document.objects.filter(form__in=forms_around(forms_with([self.slug]))))
        return self.record

    def check(self) -> None:
        """Refuse what the type does not allow."""
        self._refuse_lost_answers()
        super().check()
        self._refuse_bounds()
        self._refuse_format_validators()

    def needed_now(self) -> Iterable[str]:
        """A question that becomes one of another type needs what that has of its own."""
        return [name for name in self.needed if name not in fields.SHOWN] if self.becomes else super().needed_now()

    def write_parts(self, record: Question) -> None:
        """See that no question depends on itself, in the end."""
        if self.becomes and "options" not in self.many:
            bulk.delete(record.question_options.all())
        expressions = [self.changes.get(name) or "" for name in ("is_hidden", "calc_expression")]
        if any(formula(text).reads for text in expressions) or self.changes.keys() & {"row_form", "sub_form"}:
            refuse_circles([record.pk])
        if self.reaches:
            schedule(self.user, questions=[record.pk])

    def _assign(self, record: Question) -> list[str]:
        before = [getattr(record, name) for name in REACHING]
        columns = self._assigned(record)
        self.reaches = not record._state.adding and before != [getattr(record, name) for name in REACHING]
        return columns

    def _assigned(self, record: Question) -> list[str]:
        columns: set[str] = set()
        if self.record is None or self.becomes:
            columns |= self._become(record)
        for name in super()._assign(record):
            columns.add("configuration" if isinstance(getattr(Question, name), Configured) else name)
        return sorted(columns)

    def _become(self, record: Question) -> set[str]:
        """Make it one of this type; the columns that this changes."""
        for name, empty in OF_TYPES.items():
            setattr(record, name, empty())
        record.type = self.type
        return {"type", *OF_TYPES}

    def _refuse_lost_answers(self) -> None:
        if self.becomes and Answer.objects.filter(question=self.slug).exists():
            kind = self.record.type if self.record else ""
            raise Refused(
                f"{self.subject} is of the type {kind} and has answers; it cannot become {self.type} any more."
            )

    def _refuse_bounds(self) -> None:
        for least, most in self.bounds:
            low, high = self._will_be(least), self._will_be(most)
            if low is not None and high is not None and low > high:
                name = inputs.camel(least)
                message = f"{name} ({low}) must not be more than {inputs.camel(most)} ({high})."
                raise inputs.refusal(name, message, of=self.subject)

    def _refuse_format_validators(self) -> None:
        for slug in self.changes.get("format_validators", ()):
            found = format_validators.find(slug)
            message = ""
            if found is None:
                message = f"There is no format validator {inputs.shown(slug)}."
            elif self.type not in found.allowed_question_types:
                message = f"The format validator {inputs.shown(slug)} is not for questions of the type {self.type}."
            if message:
                raise inputs.refusal("formatValidators", message, of=self.subject)

    def _will_be(self, name: str) -> Any:
        before = None if self.becomes else getattr(self.record, name, None)
        return self.changes.get(name, before)


class SaveTextQuestion(SaveQuestion):
    """Create or change a question for a text."""

    async_twin = "asave_text_question"
    type = Question.TYPE_TEXT
    cleaners = fields.TEXT
    bounds = (("min_length", "max_length"),)


class SaveTextareaQuestion(SaveQuestion):
    """Create or change a question for a text of several lines."""

    async_twin = "asave_textarea_question"
    type = Question.TYPE_TEXTAREA
    cleaners = fields.TEXT
    bounds = (("min_length", "max_length"),)


class SaveIntegerQuestion(SaveQuestion):
    """Create or change a question for a whole number."""

    async_twin = "asave_integer_question"
    type = Question.TYPE_INTEGER
    cleaners = fields.INTEGER
    bounds = (("min_value", "max_value"),)


class SaveFloatQuestion(SaveQuestion):
    """Create or change a question for a number."""

    async_twin = "asave_float_question"
    type = Question.TYPE_FLOAT
    cleaners = fields.FLOAT
    bounds = (("min_value", "max_value"),)


class SaveDateQuestion(SaveQuestion):
    """Create or change a question for a date."""

    async_twin = "asave_date_question"
    type = Question.TYPE_DATE
    cleaners = fields.FORMATTED


class SaveFilesQuestion(SaveQuestion):
    """Create or change a question for files."""

    async_twin = "asave_files_question"
    type = Question.TYPE_FILES
    cleaners = fields.FORMATTED


class _WithOptions(SaveQuestion):
    """Offers options: those of the input replace the ones that there are, in the order of the input."""

    cleaners = fields.CHOICE
    needed = ("label", "options")
    many = ("options",)

    def check(self) -> None:
        """The options must exist."""
        super().check()
        self.existing("options", Option)

    def write_parts(self, record: Question) -> None:
        """Tie the options to the question."""
        super().write_parts(record)
        if "options" in self.changes:
            self._tie(record, [option.pk for option in self.changes["options"]])

    def _set_many(self, record: Question) -> None:
        """The options have an order: `write_parts` writes them."""

    def _tie(self, record: Question, options: list[str]) -> None:
        there = {} if self.record is None else {each.option_id: each for each in record.question_options.all()}
        bulk.delete([each for option, each in there.items() if option not in options])
        links = [there.get(option) or offer(record.pk, option, 0) for option in options]
        sort(links, self.user)


class SaveChoiceQuestion(_WithOptions):
    """Create or change a question for one of its options."""

    async_twin = "asave_choice_question"
    type = Question.TYPE_CHOICE


class SaveMultipleChoiceQuestion(_WithOptions):
    """Create or change a question for any number of its options."""

    async_twin = "asave_multiple_choice_question"
    type = Question.TYPE_MULTIPLE_CHOICE


class _WithDataSource(SaveQuestion):
    """Offers what a data source gives."""

    cleaners = fields.DYNAMIC
    needed = ("label", "data_source")

    def check(self) -> None:
        """The data source must be one that the site lists."""
        super().check()
        name = self.changes.get("data_source")
        if name is not None and data_sources.find(name) is None:
            raise inputs.refusal("dataSource", f"There is no data source {inputs.shown(name)}.", of=self.subject)


class SaveDynamicChoiceQuestion(_WithDataSource):
    """Create or change a question for one of the choices of a data source."""

    async_twin = "asave_dynamic_choice_question"
    type = Question.TYPE_DYNAMIC_CHOICE


class SaveDynamicMultipleChoiceQuestion(_WithDataSource):
    """Create or change a question for any number of the choices of a data source."""

    async_twin = "asave_dynamic_multiple_choice_question"
    type = Question.TYPE_DYNAMIC_MULTIPLE_CHOICE


class SaveTableQuestion(SaveQuestion):
    """Create or change a question for rows, which are documents of the `row_form`."""

    async_twin = "asave_table_question"
    type = Question.TYPE_TABLE
    cleaners = fields.TABLE
    needed = ("label", "row_form")

    def check(self) -> None:
        """The form must exist."""
        super().check()
        self.existing("row_form", Form)


class SaveFormQuestion(SaveQuestion):
    """Create or change a question in whose place the questions of the `sub_form` are asked."""

    async_twin = "asave_form_question"
    type = Question.TYPE_FORM
    cleaners = fields.FORM
    needed = ("label", "sub_form")

    def check(self) -> None:
        """The form must exist."""
        super().check()
        self.existing("sub_form", Form)


class SaveStaticQuestion(SaveQuestion):
    """Create or change a text among the questions."""

    async_twin = "asave_static_question"
    type = Question.TYPE_STATIC
    cleaners = fields.STATIC


class SaveCalculatedFloatQuestion(SaveQuestion):
    """Create or change a question that its `calc_expression` answers."""

    async_twin = "asave_calculated_float_question"
    type = Question.TYPE_CALCULATED_FLOAT
    cleaners = fields.CALCULATED

    def check(self) -> None:
        """The questions that the expression names must exist."""
        super().check()
        expression = self.changes.get("calc_expression")
        named = [slug for slug in formula(expression or "").names if slug != self.slug]
        known = self._find(Question, filter(inputs.is_slug, named))
        complaint: InvalidInput | None = None
        for slug in reversed(named):
            complaint = complaint if slug in known else unknown_question(str(expression), slug)
        if complaint is not None:
            raise inputs.together({"calcExpression": complaint}, of=self.subject)


class SaveActionButtonQuestion(SaveQuestion):
    """Create or change a button that completes or skips the work item of the document."""

    async_twin = "asave_action_button_question"
    type = Question.TYPE_ACTION_BUTTON
    cleaners = fields.BUTTON
    needed = ("label", "action", "color", "validate_on_enter", "show_validation")


SAVE_QUESTION: Final[Mapping[str, type[SaveQuestion]]] = {
    verb.type: verb
    for verb in (
        SaveTextQuestion,
        SaveTextareaQuestion,
        SaveIntegerQuestion,
        SaveFloatQuestion,
        SaveDateQuestion,
        SaveFilesQuestion,
        SaveChoiceQuestion,
        SaveMultipleChoiceQuestion,
        SaveDynamicChoiceQuestion,
        SaveDynamicMultipleChoiceQuestion,
        SaveTableQuestion,
        SaveFormQuestion,
        SaveStaticQuestion,
        SaveCalculatedFloatQuestion,
        SaveActionButtonQuestion,
    )
}
"""The verb for each type of question."""


class CopyQuestion(Copy[Question]):
    """Make a question out of another one: of the same type, with the same options, which both share.

    It is in no form yet, and has no default answer.
    """

    async_twin = "acopy_question"
    model = Question
    noun = "question"
    before, after = pre_save_question, post_save_question
    needed = ("source", "label")
    copied = (
        "type",
        "info_text",
        "placeholder",
        "hint_text",
        "static_content",
        "is_required",
        "is_hidden",
        "configuration",
        "meta",
        "format_validators",
        "data_source",
        "calc_expression",
        "row_form_id",
        "sub_form_id",
    )
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        "label": inputs.needed_localized,
        "source": inputs.reference,
    }

    def write_parts(self, copy: Question) -> None:
        """Offer the same options."""
        links = [offer(copy.pk, each.option_id, each.sort) for each in self.source.question_options.all()]
        for link in links:
            link.stamp(self.user)
        bulk.insert(links)


def offer(question: str, option: str, sort: int) -> QuestionOption:
    """That a question offers an option, not yet written."""
    return QuestionOption(id=f"{question}.{option}", question_id=question, option_id=option, sort=sort)
