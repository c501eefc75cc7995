"""Stands for `caluma.caluma_form.schema`, as far as there are forms: types are the tables."""

from caluma_async.form.models import Answer, Document, Form, Option, Question
from caluma_async.form.verbs import SaveDocument, SaveForm

__all__ = ["Answer", "Document", "Form", "Option", "Question", "SaveDocument", "SaveForm"]
