"""The verbs of the form domain: their classes are what permissions are declared for, and what events call sender."""

from caluma_async.form.verbs.documents import SaveDocument
from caluma_async.form.verbs.forms import SaveForm

__all__ = ["SaveDocument", "SaveForm"]
