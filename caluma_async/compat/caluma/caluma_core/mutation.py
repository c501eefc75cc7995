"""Stands for `caluma.caluma_core.mutation`: the class that every mutation is derived from."""

from caluma_async.verbs import Verb as Mutation

__all__ = ["Mutation"]
