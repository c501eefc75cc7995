"""Stands for `caluma.caluma_form`."""

__all__: list[str] = []
