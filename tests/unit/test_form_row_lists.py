"""What a list of rows means for a table in which others have been at work meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from caluma_async.form.row_lists import explained

# rows that came together stand in one word, in the order in which they came: "ab c" is c after a and b
Case = tuple[str, str, str, str]

UNAMBIGUOUS: list[Case] = [
    # present, wanted, order after, dropped
    ("", "ab", "ab", ""),
    ("abc", "abc", "abc", ""),
    ("abc", "cab", "cab", ""),
    ("abc", "ac", "ac", "b"),
    ("abc", "a", "a", "bc"),
    ("abc", "", "", "abc"),
    ("abc", "adc", "adc", "b"),
    ("a b c", "", "", "abc"),
    ("a b c", "bc", "bc", "a"),
    ("a b c", "ac", "ac", "b"),
    ("a b c", "ab", "ab", "c"),
    ("a b c", "a", "a", "bc"),
    ("a b c", "cd", "cd", "ab"),
]

STALE: list[Case] = [
    # the client read before the last word came, and
    ("a b", "ac", "abc", ""),  # adds
    ("ab c", "bad", "bcad", ""),  # adds and moves
    ("ab c", "ba", "bca", ""),  # moves
    ("ab c", "a", "ac", "b"),  # takes away
    ("ab cd", "ax", "acdx", "b"),  # takes away and adds
    ("a", "b", "ab", ""),  # adds the first row, as it sees it
]


def table(text: str) -> list[tuple[str, datetime]]:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    return [(key, start + timedelta(days=day)) for day, word in enumerate(text.split()) for key in word]


@pytest.mark.parametrize(("present", "wanted", "order", "dropped"), UNAMBIGUOUS + STALE)
def test_a_list_is_the_smallest_change_that_explains_it(present: str, wanted: str, order: str, dropped: str) -> None:
    rows = explained(table(present), wanted)
    assert ("".join(rows.order), "".join(rows.dropped)) == (order, dropped)


@pytest.mark.parametrize(
    ("present", "wanted", "known", "order", "dropped"),
    [
        ("abc", "a", "abc", "a", "bc"),
        ("a b c", "a", "ab", "ac", "b"),
        ("a b c", "", "ab", "c", "ab"),
        ("a b c", "ad", "abc", "ad", "bc"),
        ("a b", "ab", "", "ab", ""),
    ],
)
def test_a_client_that_says_what_it_knew_is_taken_at_its_word(
    present: str, wanted: str, known: str, order: str, dropped: str
) -> None:
    rows = explained(table(present), wanted, known)
    assert ("".join(rows.order), "".join(rows.dropped)) == (order, dropped)


def test_saving_a_list_twice_settles_what_it_means() -> None:
    present = table("ab c")
    first = explained(present, "a")
    again = explained([row for row in present if row[0] in first.order], "a")
    assert (list(first.order), list(again.order)) == (["a", "c"], ["a"])
