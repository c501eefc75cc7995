"""Stands for `caluma.caluma_data_source.utils`."""

from caluma_async.form.data_sources import data_source_cache

__all__ = ["data_source_cache"]
