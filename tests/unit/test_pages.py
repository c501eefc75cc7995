"""What the arguments of a connection ask for."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from caluma_async.errors import InvalidInput
from caluma_async.graphql.pages import Page, Rows, cursor_at, page, place_of


def test_nothing_asked_for_is_everything() -> None:
    assert page() == Page()
    assert page(first=None, last=None, before=None, after=None, offset=None).is_everything
    assert page(offset=0).is_everything


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"first": 3}, Page(0, 3)),
        ({"first": 0}, Page(0, 0)),
        ({"offset": 4, "first": 3}, Page(4, 7)),
        ({"after": cursor_at(4), "first": 3}, Page(5, 8)),
        ({"after": cursor_at(4), "offset": 2}, Page(7)),
        ({"before": cursor_at(4)}, Page(0, 4)),
        ({"before": cursor_at(4), "first": 2}, Page(0, 2)),
        ({"before": cursor_at(4), "after": cursor_at(8)}, Page(9, 9)),
        ({"before": cursor_at(4), "last": 2}, Page(0, 4, 2)),
        ({"last": 2}, Page(0, None, 2)),
    ],
)
def test_a_page_lies_where_its_arguments_say(asked: dict[str, Any], wanted: Page) -> None:
    assert page(**asked) == wanted


def test_the_last_ones_are_counted_from_the_end() -> None:
    assert Page(0, None, 2).within(10) == Page(8, 10)
    assert Page(0, 50, 2).within(10) == Page(8, 10)
    assert Page(9, None, 5).within(10) == Page(9, 10)
    assert Page(0, 5, 2).within(10) == Page(3, 5)
    assert Page(2, 4).within(10) == Page(2, 4)


@pytest.mark.parametrize("name", ["first", "last", "offset"])
def test_a_negative_number_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{name}: -1 is negative") as caught:
        page(**{name: -1})
    assert caught.value.field == name


@pytest.mark.parametrize("name", ["first", "last"])
def test_a_page_that_is_too_large_is_refused(name: str, settings: Any) -> None:
    settings.GRAPHQL_MAX_ROWS = 5
    assert page(**{name: 5})
    with pytest.raises(InvalidInput, match="6 rows are more than the 5"):
        page(**{name: 6})


def test_no_cursor_is_asked_for_by_an_empty_one() -> None:
    assert page(first=2, before="", after="") == page(first=2)


@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%%%",
        "äöü",
        *(
            base64.b64encode(text).decode()
            for text in (b"arrayconnection:-1", b"5", b"\xff", b"arrayconnection:x", b"arrayconnection:9999999999999")
        ),
    ],
)
def test_what_is_no_cursor_is_refused_by_name(name: str, cursor: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{name}: .* is no cursor") as caught:
        page(**{name: cursor})
    assert caught.value.field == name


def test_a_cursor_names_its_place() -> None:
    assert place_of(cursor_at(41), "after") == 41
    assert base64.b64decode(cursor_at(41)) == b"arrayconnection:41"


def test_rows_know_where_they_lie() -> None:
    rows = Rows(["a", "b"], 3, has_next_page=True)
    assert [(edge.node, edge.cursor) for edge in rows.edges] == [("a", cursor_at(3)), ("b", cursor_at(4))]
    assert rows.page_info.has_previous_page
    assert (rows.start_cursor, rows.end_cursor) == (cursor_at(3), cursor_at(4))


def test_no_rows_have_no_cursors() -> None:
    assert (Rows().start_cursor, Rows().end_cursor) == (None, None)
