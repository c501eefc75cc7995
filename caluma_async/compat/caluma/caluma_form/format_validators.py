"""Stands for `caluma.caluma_form.format_validators`."""

from caluma_async.form.format_validators import BaseFormatValidator

__all__ = ["BaseFormatValidator"]
