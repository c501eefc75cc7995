"""The verbs of the form domain: their classes are what permissions are declared for, and what events call sender."""

from caluma_async.form.verbs.answers import (
    SaveDocumentAnswer,
    SaveDocumentDateAnswer,
    SaveDocumentFloatAnswer,
    SaveDocumentIntegerAnswer,
    SaveDocumentListAnswer,
    SaveDocumentStringAnswer,
)
from caluma_async.form.verbs.defaults import (
    RemoveDefaultAnswer,
    SaveDefaultAnswer,
    SaveDefaultDateAnswer,
    SaveDefaultFloatAnswer,
    SaveDefaultIntegerAnswer,
    SaveDefaultListAnswer,
    SaveDefaultStringAnswer,
    SaveDefaultTableAnswer,
)
from caluma_async.form.verbs.documents import CopyDocument, RemoveDocument, SaveDocument
from caluma_async.form.verbs.file_lists import SaveDocumentFilesAnswer
from caluma_async.form.verbs.form_questions import AddFormQuestion, RemoveFormQuestion, ReorderFormQuestions
from caluma_async.form.verbs.forms import CopyForm, SaveForm
from caluma_async.form.verbs.options import CopyOption, SaveOption
from caluma_async.form.verbs.questions import (
    CopyQuestion,
    SaveActionButtonQuestion,
    SaveCalculatedFloatQuestion,
    SaveChoiceQuestion,
    SaveDateQuestion,
    SaveDynamicChoiceQuestion,
    SaveDynamicMultipleChoiceQuestion,
    SaveFilesQuestion,
    SaveFloatQuestion,
    SaveFormQuestion,
    SaveIntegerQuestion,
    SaveMultipleChoiceQuestion,
    SaveQuestion,
    SaveStaticQuestion,
    SaveTableQuestion,
    SaveTextareaQuestion,
    SaveTextQuestion,
)
from caluma_async.form.verbs.removing import RemoveAnswer
from caluma_async.form.verbs.tables import SaveDocumentTableAnswer

__all__ = [
    "AddFormQuestion",
    "CopyDocument",
    "CopyForm",
    "CopyOption",
    "CopyQuestion",
    "RemoveAnswer",
    "RemoveDefaultAnswer",
    "RemoveDocument",
    "RemoveFormQuestion",
    "ReorderFormQuestions",
    "SaveActionButtonQuestion",
    "SaveCalculatedFloatQuestion",
    "SaveChoiceQuestion",
    "SaveDateQuestion",
    "SaveDefaultAnswer",
    "SaveDefaultDateAnswer",
    "SaveDefaultFloatAnswer",
    "SaveDefaultIntegerAnswer",
    "SaveDefaultListAnswer",
    "SaveDefaultStringAnswer",
    "SaveDefaultTableAnswer",
    "SaveDocument",
    "SaveDocumentAnswer",
    "SaveDocumentDateAnswer",
    "SaveDocumentFilesAnswer",
    "SaveDocumentFloatAnswer",
    "SaveDocumentIntegerAnswer",
    "SaveDocumentListAnswer",
    "SaveDocumentStringAnswer",
    "SaveDocumentTableAnswer",
    "SaveDynamicChoiceQuestion",
    "SaveDynamicMultipleChoiceQuestion",
    "SaveFilesQuestion",
    "SaveFloatQuestion",
    "SaveForm",
    "SaveFormQuestion",
    "SaveIntegerQuestion",
    "SaveMultipleChoiceQuestion",
    "SaveOption",
    "SaveQuestion",
    "SaveStaticQuestion",
    "SaveTableQuestion",
    "SaveTextQuestion",
    "SaveTextareaQuestion",
]
