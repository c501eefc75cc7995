"""The workflow domain in Django's admin: whatever changes something there goes through the verbs."""

from caluma_async.workflow.admin import definition, running

__all__ = ["definition", "running"]
