"""What was answered, as data: the documents of a family with their answers. Where it comes from is not known here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerData:
    """One answer: `value` as expressions read it (dates as ISO text, files as names), `rows` in order."""

    id: UUID
    value: Any = None
    rows: tuple[UUID, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentData:
    """One document; its answers by question."""

    id: UUID
    form: str
    answers: Mapping[str, AnswerData] = field(default_factory=dict)


def _nowhere() -> Mapping[str, Any]:
    return {"case": None, "workItem": None}


@dataclass(frozen=True, kw_only=True)
class Family:
    """A root document and those of its rows.

    `surroundings` gives, when it is asked, what `info.case` and `info.workItem` are.
    """

    root: UUID
    documents: Mapping[UUID, DocumentData]
    surroundings: Callable[[], Mapping[str, Any]] = _nowhere
