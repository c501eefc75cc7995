"""The tables of the form domain."""

from caluma_async.form.models.answers import (
    KINDS,
    Answer,
    AnswerDocument,
    Document,
    DocumentManager,
    DynamicOption,
    File,
)
from caluma_async.form.models.definition import (
    DefinitionVersion,
    Form,
    FormQuestion,
    Option,
    Question,
    QuestionOption,
)
from caluma_async.form.models.history import HistoryEntry
from caluma_async.form.models.recalculations import Recalculation

__all__ = [
    "KINDS",
    "Answer",
    "AnswerDocument",
    "DefinitionVersion",
    "Document",
    "DocumentManager",
    "DynamicOption",
    "File",
    "Form",
    "FormQuestion",
    "HistoryEntry",
    "Option",
    "Question",
    "QuestionOption",
    "Recalculation",
]
