"""Stands for `caluma.caluma_form.models`: what of its tables there is."""

from caluma_async.form.models import Answer, Document, Form, FormQuestion, Option, Question, QuestionOption

__all__ = ["Answer", "Document", "Form", "FormQuestion", "Option", "Question", "QuestionOption"]
