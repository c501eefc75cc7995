"""What a list of rows, as a client saves it, means for a table in which others have been at work meanwhile. No SQL.

A list says nothing about when its client read the table, so it is taken as the smallest change that explains it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

K = TypeVar("K")


@dataclass(frozen=True, kw_only=True)
class Rows(Generic[K]):
    """What becomes of a table: its rows in their order, and those that leave it."""

    order: Sequence[K]
    dropped: Sequence[K]


def explained(
    present: Sequence[tuple[K, datetime]],
    wanted: Sequence[K],
    known: Collection[K] | None = None,
    hidden: Collection[K] = (),
) -> Rows[K]:
    """The rows that a table has after a list of `wanted` ones was saved.

    `present` are the rows in their order, each with when it came into the table; rows that came together have the same
    time; those that are `hidden` from the client stay. Another row that is not wanted leaves the table if its client
    has seen it:

    - where `known` says which rows the client knew: if it is one of them;
    - else, if the list is empty; or names a row that came at the same time or later; or would change nothing otherwise.

    Rows that stay without being named keep their place behind the one before them.
    """
    listed = set(wanted)
    missing = [(key, came) for key, came in present if key not in listed and key not in hidden]
    if known is not None:
        dropped = [key for key, _ in missing if key in known]
    else:
        named = [came for key, came in present if key in listed]
        dropped = [key for key, came in missing if named and came <= max(named)]
        if not dropped and list(wanted) == [key for key, _ in present if key in listed]:
            dropped = [key for key, _ in missing]
    return Rows(order=_with_kept([key for key, _ in present], wanted, set(dropped)), dropped=dropped)


def _with_kept(present: Sequence[K], wanted: Sequence[K], dropped: Collection[K]) -> list[K]:
    """The wanted rows, and behind the one before it each that stays without being named."""
    kept: dict[K | None, list[K]] = {}
    listed, before = set(wanted), None
    for key in present:
        if key in listed:
            before = key
        elif key not in dropped:
            kept.setdefault(before, []).append(key)
    order = list(kept.get(None, ()))
    for key in wanted:
        order += [key, *kept.get(key, ())]
    return order
