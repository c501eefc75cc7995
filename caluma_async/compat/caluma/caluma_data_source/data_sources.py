"""Stands for `caluma.caluma_data_source.data_sources`."""

from caluma_async.form.data_sources import BaseDataSource

__all__ = ["BaseDataSource"]
