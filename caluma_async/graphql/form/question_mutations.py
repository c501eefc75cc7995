"""The mutations of questions."""

from __future__ import annotations

import strawberry

from caluma_async.form.verbs import questions as verbs
from caluma_async.graphql.form import question_inputs as inputs
from caluma_async.graphql.form.questions import Question
from caluma_async.graphql.verbs import Payload, mutation


@strawberry.type
class QuestionPayload(Payload):
    """The question that was saved."""

    question: Question | None


@strawberry.type
class SaveTextQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveTextareaQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveIntegerQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveFloatQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveDateQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveChoiceQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveMultipleChoiceQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveDynamicChoiceQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveDynamicMultipleChoiceQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveTableQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveFormQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveFilesQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveStaticQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveCalculatedFloatQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class SaveActionButtonQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class CopyQuestionPayload(QuestionPayload):
    """As `QuestionPayload`."""


@strawberry.type
class QuestionMutations:
    """What can be done with questions."""

    copy_question: CopyQuestionPayload | None = mutation(verbs.CopyQuestion, inputs.CopyQuestionInput, "question")
    save_text_question: SaveTextQuestionPayload | None = mutation(
        verbs.SaveTextQuestion, inputs.SaveTextQuestionInput, "question"
    )
    save_textarea_question: SaveTextareaQuestionPayload | None = mutation(
        verbs.SaveTextareaQuestion, inputs.SaveTextareaQuestionInput, "question"
    )
    save_integer_question: SaveIntegerQuestionPayload | None = mutation(
        verbs.SaveIntegerQuestion, inputs.SaveIntegerQuestionInput, "question"
    )
    save_float_question: SaveFloatQuestionPayload | None = mutation(
        verbs.SaveFloatQuestion, inputs.SaveFloatQuestionInput, "question"
    )
    save_date_question: SaveDateQuestionPayload | None = mutation(
        verbs.SaveDateQuestion, inputs.SaveDateQuestionInput, "question"
    )
    save_choice_question: SaveChoiceQuestionPayload | None = mutation(
        verbs.SaveChoiceQuestion, inputs.SaveChoiceQuestionInput, "question"
    )
    save_multiple_choice_question: SaveMultipleChoiceQuestionPayload | None = mutation(
        verbs.SaveMultipleChoiceQuestion, inputs.SaveMultipleChoiceQuestionInput, "question"
    )
    save_dynamic_choice_question: SaveDynamicChoiceQuestionPayload | None = mutation(
        verbs.SaveDynamicChoiceQuestion, inputs.SaveDynamicChoiceQuestionInput, "question"
    )
    save_dynamic_multiple_choice_question: SaveDynamicMultipleChoiceQuestionPayload | None = mutation(
        verbs.SaveDynamicMultipleChoiceQuestion, inputs.SaveDynamicMultipleChoiceQuestionInput, "question"
    )
    save_table_question: SaveTableQuestionPayload | None = mutation(
        verbs.SaveTableQuestion, inputs.SaveTableQuestionInput, "question"
    )
    save_form_question: SaveFormQuestionPayload | None = mutation(
        verbs.SaveFormQuestion, inputs.SaveFormQuestionInput, "question"
    )
    save_files_question: SaveFilesQuestionPayload | None = mutation(
        verbs.SaveFilesQuestion, inputs.SaveFilesQuestionInput, "question"
    )
    save_static_question: SaveStaticQuestionPayload | None = mutation(
        verbs.SaveStaticQuestion, inputs.SaveStaticQuestionInput, "question"
    )
    save_calculated_float_question: SaveCalculatedFloatQuestionPayload | None = mutation(
        verbs.SaveCalculatedFloatQuestion, inputs.SaveCalculatedFloatQuestionInput, "question"
    )
    save_action_button_question: SaveActionButtonQuestionPayload | None = mutation(
        verbs.SaveActionButtonQuestion, inputs.SaveActionButtonQuestionInput, "question"
    )
