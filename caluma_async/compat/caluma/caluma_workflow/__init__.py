"""Stands for `caluma.caluma_workflow`."""

__all__: list[str] = []
