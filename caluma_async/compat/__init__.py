"""The names of `caluma.…` for receiver modules that were written for Caluma; what they stand for is ours.

`finder` makes the imports resolve, `dialect` says how Caluma names senders, and `caluma/` mirrors Caluma's modules.
"""

from caluma_async.compat.finder import install

__all__ = ["install"]
