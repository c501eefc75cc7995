"""The tables of the form domain."""

from caluma_async.form.models.answers import Answer, AnswerDocument, Document, DynamicOption, File
from caluma_async.form.models.definition import Form, FormQuestion, Option, Question, QuestionOption

__all__ = [
    "Answer",
    "AnswerDocument",
    "Document",
    "DynamicOption",
    "File",
    "Form",
    "FormQuestion",
    "Option",
    "Question",
    "QuestionOption",
]
