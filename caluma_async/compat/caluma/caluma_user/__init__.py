"""Stands for `caluma.caluma_user`."""

__all__: list[str] = []
