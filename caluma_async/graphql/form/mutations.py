"""The mutations of forms and options; all of the form domain together."""

from __future__ import annotations

import strawberry

from caluma_async.form import verbs
from caluma_async.form.models import Form as FormModel
from caluma_async.form.models import Option as OptionModel
from caluma_async.form.models import Question as QuestionModel
from caluma_async.graphql.form.options import Option
from caluma_async.graphql.form.question_mutations import QuestionMutations
from caluma_async.graphql.form.types import Form
from caluma_async.graphql.inputs import json_text, optional, reference, references
from caluma_async.graphql.scalars import JSONString, QuestionJexl
from caluma_async.graphql.verbs import Input, Payload, mutation


@strawberry.input
class SaveFormInput(Input):
    """A form, new or changed by its slug."""

    slug: str
    name: str
    description: str | None = optional()
    meta: JSONString | None = json_text()
    is_archived: bool | None = optional()
    is_published: bool | None = optional()


@strawberry.input
class CopyFormInput(Input):
    """A form made out of another one."""

    slug: str
    name: str
    description: str | None = optional()
    source: strawberry.ID = reference(FormModel)
    is_published: bool | None = optional()


@strawberry.input
class AddFormQuestionInput(Input):
    """A form, and a question that is to be in it."""

    form: strawberry.ID = reference(FormModel)
    question: strawberry.ID = reference(QuestionModel)


@strawberry.input
class RemoveFormQuestionInput(Input):
    """A form, and a question that is not to be in it."""

    form: strawberry.ID = reference(FormModel)
    question: strawberry.ID = reference(QuestionModel)


@strawberry.input
class ReorderFormQuestionsInput(Input):
    """A form, and all its questions in another order."""

    form: strawberry.ID = reference(FormModel)
    questions: list[strawberry.ID | None] = references(QuestionModel)


@strawberry.input
class SaveOptionInput(Input):
    """An option, new or changed by its slug."""

    slug: str
    label: str
    is_archived: bool | None = optional()
    is_hidden: QuestionJexl | None = optional()
    meta: JSONString | None = json_text()


@strawberry.input
class CopyOptionInput(Input):
    """An option made out of another one."""

    slug: str
    label: str
    source: strawberry.ID = reference(OptionModel)


@strawberry.type
class FormPayload(Payload):
    """The form."""

    form: Form | None


@strawberry.type
class OptionPayload(Payload):
    """The option."""

    option: Option | None


@strawberry.type
class SaveFormPayload(FormPayload):
    """As `FormPayload`."""


@strawberry.type
class CopyFormPayload(FormPayload):
    """As `FormPayload`."""


@strawberry.type
class AddFormQuestionPayload(FormPayload):
    """As `FormPayload`."""


@strawberry.type
class RemoveFormQuestionPayload(FormPayload):
    """As `FormPayload`."""


@strawberry.type
class ReorderFormQuestionsPayload(FormPayload):
    """As `FormPayload`."""


@strawberry.type
class SaveOptionPayload(OptionPayload):
    """As `OptionPayload`."""


@strawberry.type
class CopyOptionPayload(OptionPayload):
    """As `OptionPayload`."""


@strawberry.type
class FormMutations(QuestionMutations):
    """What can be done with forms, questions and options."""

    save_form: SaveFormPayload | None = mutation(verbs.SaveForm, SaveFormInput, "form")
    copy_form: CopyFormPayload | None = mutation(verbs.CopyForm, CopyFormInput, "form")
    add_form_question: AddFormQuestionPayload | None = mutation(verbs.AddFormQuestion, AddFormQuestionInput, "form")
    remove_form_question: RemoveFormQuestionPayload | None = mutation(
        verbs.RemoveFormQuestion, RemoveFormQuestionInput, "form"
    )
    reorder_form_questions: ReorderFormQuestionsPayload | None = mutation(
        verbs.ReorderFormQuestions, ReorderFormQuestionsInput, "form"
    )
    save_option: SaveOptionPayload | None = mutation(verbs.SaveOption, SaveOptionInput, "option")
    copy_option: CopyOptionPayload | None = mutation(verbs.CopyOption, CopyOptionInput, "option")
