"""The engine and the data that the tests of expressions share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from caluma_async.errors import InvalidExpression
from caluma_async.expressions import Jexl


def task(slug: str) -> str:
    return f"task:{slug.lower()}"


def answer(slug: str, default: Any = None) -> Any:
    return default


def unknown(slug: Any) -> Any:
    raise InvalidExpression(f'there is no "{slug}".')


JEXL = Jexl(transforms={"task": task, "tasks": list, "answer": answer, "unknown": unknown})
CONTEXT: dict[str, Any] = {
    "a": 1,
    "t": "text",
    "rows": [{"n": 1, "k": "x"}, {"n": 2, "k": "y"}, {"n": None}],
    "info": {"case": {"group": "admin", "groups": ["admin", "staff"]}},
    "truth": False,
    "trueish": "a name",
    "object": object(),
}


def evaluate(text: str) -> Any:
    return JEXL.evaluate(text, CONTEXT)


def refusal(text: str) -> InvalidExpression:
    with pytest.raises(InvalidExpression) as caught:
        evaluate(text)
    return caught.value


class Lazy(Mapping[str, Any]):
    """A mapping that computes what is asked for, and remembers what that was."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        self.asked.append(name)
        return f"value of {name}"

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)
