"""Requests come first: whether any is under way in this process, for work that can wait a moment."""

from __future__ import annotations

from typing import Final


class Requests:
    """How many HTTP requests are under way; each is a `with` block on the event loop's thread."""

    def __init__(self) -> None:
        self._number = 0

    @property
    def are_under_way(self) -> bool:
        """Whether anybody waits for an answer."""
        return self._number > 0

    def __enter__(self) -> None:
        self._number += 1

    def __exit__(self, *_: object) -> None:
        self._number -= 1


requests: Final = Requests()
