"""Stands for `caluma.caluma_core.types`: what every type of the schema that stands for a table is derived from."""

from caluma_async.records import Record as Node

__all__ = ["Node"]
