"""The verbs of the form domain: their classes are what permissions are declared for, and what events call sender."""

from caluma_async.form.verbs.answers import (
    SaveDocumentAnswer,
    SaveDocumentDateAnswer,
    SaveDocumentFloatAnswer,
    SaveDocumentIntegerAnswer,
    SaveDocumentListAnswer,
    SaveDocumentStringAnswer,
)
from caluma_async.form.verbs.documents import CopyDocument, RemoveDocument, SaveDocument
from caluma_async.form.verbs.file_lists import SaveDocumentFilesAnswer
from caluma_async.form.verbs.forms import SaveForm
from caluma_async.form.verbs.removing import RemoveAnswer
from caluma_async.form.verbs.tables import SaveDocumentTableAnswer

__all__ = [
    "CopyDocument",
    "RemoveAnswer",
    "RemoveDocument",
    "SaveDocument",
    "SaveDocumentAnswer",
    "SaveDocumentDateAnswer",
    "SaveDocumentFilesAnswer",
    "SaveDocumentFloatAnswer",
    "SaveDocumentIntegerAnswer",
    "SaveDocumentListAnswer",
    "SaveDocumentStringAnswer",
    "SaveDocumentTableAnswer",
    "SaveForm",
]
