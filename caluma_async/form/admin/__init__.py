"""The form domain in Django's admin: whatever changes something there goes through the verbs."""

from caluma_async.form.admin import answers, definition, documents, records

__all__ = ["answers", "definition", "documents", "records"]
