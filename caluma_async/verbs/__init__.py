"""The frame of every verb: one transaction, one lock, one order of checks. What a verb does is the domains' own."""

from caluma_async.verbs.base import Verb, arun, run

__all__ = ["Verb", "arun", "run"]
