"""Stands for `caluma.caluma_form.models`: its tables."""

from caluma_async.form.models import (
    Answer,
    AnswerDocument,
    Document,
    DynamicOption,
    File,
    Form,
    FormQuestion,
    Option,
    Question,
    QuestionOption,
)

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
