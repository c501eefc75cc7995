"""Stands for `caluma.caluma_core`."""

__all__: list[str] = []
