"""Stands for `caluma.caluma_form.schema`: mutations are the verbs, types are the tables."""

from caluma_async.form import verbs
from caluma_async.form.models import Answer, Document, DynamicOption, File, Form, Option, Question
from caluma_async.form.verbs import *  # noqa: F403

StringAnswer = ListAnswer = IntegerAnswer = FloatAnswer = DateAnswer = TableAnswer = FilesAnswer = Answer

__all__ = ["Answer", "Document", "DynamicOption", "File", "Form", "Option", "Question"]
__all__ += verbs.__all__
__all__ += ["DateAnswer", "FilesAnswer", "FloatAnswer", "IntegerAnswer", "ListAnswer", "StringAnswer", "TableAnswer"]
