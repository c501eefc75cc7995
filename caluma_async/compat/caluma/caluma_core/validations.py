"""Stands for `caluma.caluma_core.validations`."""

from caluma_async.access.validations import BaseValidation, validation_for

__all__ = ["BaseValidation", "validation_for"]
