"""The mutations of documents and answers: for each its verb, its input, and what it answers."""

from __future__ import annotations

import strawberry

from caluma_async.form import verbs
from caluma_async.graphql.form import document_inputs as inputs
from caluma_async.graphql.form.answers import Answer
from caluma_async.graphql.form.types import Document
from caluma_async.graphql.verbs import Payload, mutation


@strawberry.type
class DocumentPayload(Payload):
    """A document."""

    document: Document | None


@strawberry.type
class AnswerPayload(Payload):
    """An answer."""

    answer: Answer | None


@strawberry.type
class SaveDocumentPayload(DocumentPayload):
    """The document that was saved."""


@strawberry.type
class CopyDocumentPayload(DocumentPayload):
    """The copy."""


@strawberry.type
class RemoveDocumentPayload(DocumentPayload):
    """The document that was removed."""


@strawberry.type
class SaveDocumentStringAnswerPayload(AnswerPayload):
    """The answer that was saved."""


@strawberry.type
class SaveDocumentIntegerAnswerPayload(AnswerPayload):
    """The answer that was saved."""


@strawberry.type
class SaveDocumentFloatAnswerPayload(AnswerPayload):
    """The answer that was saved."""


@strawberry.type
class SaveDocumentDateAnswerPayload(AnswerPayload):
    """The answer that was saved."""


@strawberry.type
class SaveDocumentListAnswerPayload(AnswerPayload):
    """The answer that was saved."""


@strawberry.type
class SaveDocumentTableAnswerPayload(AnswerPayload):
    """The answer that was saved."""


@strawberry.type
class SaveDocumentFilesAnswerPayload(AnswerPayload):
    """The answer that was saved."""


@strawberry.type
class RemoveAnswerPayload(AnswerPayload):
    """The answer that was removed."""


@strawberry.type
class DocumentMutations:
    """What can be done with documents and answers."""

    save_document: SaveDocumentPayload | None = mutation(verbs.SaveDocument, inputs.SaveDocumentInput, "document")
    copy_document: CopyDocumentPayload | None = mutation(verbs.CopyDocument, inputs.CopyDocumentInput, "document")
    remove_document: RemoveDocumentPayload | None = mutation(
        verbs.RemoveDocument, inputs.RemoveDocumentInput, "document"
    )
    save_document_string_answer: SaveDocumentStringAnswerPayload | None = mutation(
        verbs.SaveDocumentStringAnswer, inputs.SaveDocumentStringAnswerInput, "answer"
    )
    save_document_integer_answer: SaveDocumentIntegerAnswerPayload | None = mutation(
        verbs.SaveDocumentIntegerAnswer, inputs.SaveDocumentIntegerAnswerInput, "answer"
    )
    save_document_float_answer: SaveDocumentFloatAnswerPayload | None = mutation(
        verbs.SaveDocumentFloatAnswer, inputs.SaveDocumentFloatAnswerInput, "answer"
    )
    save_document_date_answer: SaveDocumentDateAnswerPayload | None = mutation(
        verbs.SaveDocumentDateAnswer, inputs.SaveDocumentDateAnswerInput, "answer"
    )
    save_document_list_answer: SaveDocumentListAnswerPayload | None = mutation(
        verbs.SaveDocumentListAnswer, inputs.SaveDocumentListAnswerInput, "answer"
    )
    save_document_table_answer: SaveDocumentTableAnswerPayload | None = mutation(
        verbs.SaveDocumentTableAnswer, inputs.SaveDocumentTableAnswerInput, "answer"
    )
    save_document_files_answer: SaveDocumentFilesAnswerPayload | None = mutation(
        verbs.SaveDocumentFilesAnswer, inputs.SaveDocumentFilesAnswerInput, "answer"
    )
    remove_answer: RemoveAnswerPayload | None = mutation(verbs.RemoveAnswer, inputs.RemoveAnswerInput, "answer")
