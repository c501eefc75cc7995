"""Stands for `caluma.caluma_data_source`."""

__all__: list[str] = []
