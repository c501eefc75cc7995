"""Which calculated questions an answer reaches, in which order, and which questions depend on each other."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.form.structure import Structure
from caluma_async.form.structure.dependencies import dependencies
from caluma_async.form.structure.recalculating import recalculated
from tests.unit.structure_stage import calculated, catalogue, field, form, question, structure


def reads(*questions: Any, rows: tuple[Any, ...] = ()) -> dict[str, Any]:
    """By calculated question, the sorted slugs of those whose answers may change it."""
    known = dependencies(catalogue(form("main", *questions), form("row", *rows)))
    return {slug: None if found is None else sorted(found) for slug, found in known.reads.items()}


def test_what_is_named_is_read() -> None:
    assert reads(question("a"), question("b"), calculated("c", "'a'|answer + 'nowhere'|answer(1)")) == {"c": ["a"]}


def test_what_hides_something_that_is_read_is_read() -> None:
    questions = [
        question("a", is_hidden="'b'|answer"),
        question("b", is_hidden="'d'|answer"),
        question("d"),
        question("e"),
        calculated("c", "'a'|answer"),
    ]
    assert reads(*questions) == {"c": ["a", "b", "d"]}


def test_what_hides_the_form_around_a_question_is_read() -> None:
    main = form("main", question("b"), question("to-sub", "form", sub_form="sub", is_hidden="'b'|answer"))
    sub = form("sub", question("a", "integer"), calculated("c", "'a'|answer"))
    known = dependencies(catalogue(main, sub))
    assert known.reads == {"c": {"a", "b"}}


def test_what_hides_the_table_of_a_column_is_read() -> None:
    table = question("t", "table", row_form="row", is_hidden="'b'|answer")
    rows = (question("x", is_hidden="'y'|answer"), question("y"), question("z"))
    assert reads(table, question("b"), calculated("c", "'t'|answer|mapby('x')|sum"), rows=rows) == {
        "c": ["b", "t", "x", "y"]
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'t'|answer|length", ["t"]),
        ("'t'|answer|mapby('x', 'y')|flatten|sum", ["t", "x", "y"]),
        ("'t'|answer[.x > 1]|mapby('y')|sum", ["t", "x", "y", "z"]),
        ("'t'|answer[0].x", ["t", "x", "y", "z"]),
        ("'t'|answer|mapby('a'|answer)|sum", ["a", "t", "x", "y", "z"]),
        ("('' + 'a')|answer", None),
    ],
)
def test_what_is_read_of_a_table(text: str, expected: list[str] | None) -> None:
    rows = (question("x"), question("y"), question("z"))
    assert reads(question("a"), question("t", "table", row_form="row"), calculated("c", text), rows=rows) == {
        "c": expected
    }


def test_one_calculation_is_read_by_another_and_comes_before_it() -> None:
    questions = [calculated("c2", "'c1'|answer"), calculated("c1", "'a'|answer"), question("a")]
    assert reads(*questions) == {"c1": ["a"], "c2": ["c1"]}
    assert dependencies(catalogue(form("main", *questions), form("row"))).order == ("c1", "c2")


@pytest.mark.parametrize(
    ("questions", "circle"),
    [
        ([calculated("c", "'c'|answer")], ("c", "c")),
        ([calculated("c", "'d'|answer"), calculated("d", "'c'|answer")], ("c", "d", "c")),
        ([calculated("c", "'a'|answer"), question("a", is_hidden="'c'|answer > 1")], ("c", "a", "c")),
        ([question("a", is_hidden="'b'|answer"), question("b", is_hidden="'a'|answer")], ("a", "b", "a")),
        ([question("a", is_hidden="'a'|answer")], ("a", "a")),
        ([question("a"), calculated("c", "'a'|answer"), question("b", is_hidden="'c'|answer")], ()),
        ([calculated("c", "'t'|answer|mapby('x')|sum"), question("t", "table", row_form="row")], ()),
        ([calculated("c", "'t'|answer|mapby('y')|sum"), question("t", "table", row_form="row")], ("c", "y", "c")),
        ([calculated("c", "'t'|answer|length"), question("t", "table", row_form="row")], ()),
    ],
)
def test_questions_that_depend_on_each_other_are_found(questions: list[Any], circle: tuple[str, ...]) -> None:
    row = form("row", question("x"), calculated("y", "'c'|answer(1)"))
    assert dependencies(catalogue(form("main", *questions), row)).circle == circle


def numbers(of: Structure, changed: Any, new: Any = ()) -> dict[str, Any]:
    """What changes, by question."""
    return {slug: number for (_, slug), number in recalculated(of, changed, new).items()}


def changed(of: Structure, *slugs: str) -> list[Any]:
    return [field(of, slug).key for slug in slugs]


MAIN = form(
    "main",
    question("a", "integer"),
    question("b", "integer", is_hidden="'switch'|answer == 'off'"),
    question("switch"),
    calculated("total", "'sum'|answer * 10"),
    calculated("sum", "'a'|answer + 'b'|answer"),
    calculated("other", "'z'|answer"),
    question("z", "integer"),
)


def test_everything_is_calculated_in_order() -> None:
    of = structure([MAIN], {"a": 1, "b": 2, "switch": "on"})
    assert numbers(of, None) == {"sum": 3, "total": 30, "other": None}


def test_only_what_is_reached_is_calculated() -> None:
    of = structure([MAIN], {"a": 1, "b": 2, "switch": "on", "sum": 0, "total": 0, "other": 0})
    assert numbers(of, changed(of, "a")) == {"sum": 3, "total": 30}


def test_hiding_and_showing_reaches_what_read_it() -> None:
    of = structure([MAIN], {"a": 1, "b": 2, "switch": "off", "sum": 3, "total": 30, "other": 0})
    assert numbers(of, changed(of, "switch")) == {"sum": 1, "total": 10}


def test_nothing_goes_on_from_what_stayed_as_it_was() -> None:
    of = structure([MAIN], {"a": 1, "b": 2, "switch": "on", "sum": 3.0, "total": 99, "other": 0})
    assert numbers(of, changed(of, "a")) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'a'|answer / 0", None),
        ("'nowhere'|answer", None),
        ("'name'|answer", None),
        ("'a'|answer > 0", None),
        ("'a' |", None),
        ("", None),
        ("['x']", None),
        ("'a'|answer / 2", 1.5),
        ("'a'|answer * 2", 6),
        ("'h'|answer", None),
    ],
)
def test_a_calculated_answer_is_a_number_or_null(text: str, value: Any) -> None:
    main = form(
        "main",
        question("a"),
        question("name"),
        question("h", is_hidden="true"),
        calculated("c", text, is_hidden="true"),
    )
    of = structure([main], {"a": 3, "name": "Anna", "h": 8})
    assert numbers(of, None) == {"c": value}


def test_what_depends_on_itself_is_null() -> None:
    main = form(
        "main", calculated("c", "'d'|answer + 1"), calculated("d", "'c'|answer + 1"), calculated("e", "'c'|answer + 1")
    )
    of = structure([main], {"c": 1, "d": 1, "e": 1})
    assert numbers(of, None) == {"c": None, "d": None}


ROW = form(
    "row",
    question("x", "integer"),
    calculated("double", "'x'|answer * 2"),
    calculated("share", "'x'|answer / 'total'|answer"),
)
TABLE = form(
    "main",
    question("t", "table", row_form="row"),
    calculated("total", "'t'|answer|mapby('x')|sum"),
    calculated("n", "'t'|answer|length"),
)


def test_a_row_reaches_itself_and_the_outside_and_from_there_all_rows() -> None:
    rows = [{"x": at, "double": 0, "share": 0} for at in (1, 3)]
    of = structure([TABLE, ROW], {"t": rows, "total": 0, "n": 2})
    first = field(of, "x", 0).key
    assert sorted(slug for _, slug in recalculated(of, [first])) == ["double", "share", "share", "total"]
    assert recalculated(of, [first])[first[0], "double"] == 2


def test_another_row_is_not_calculated() -> None:
    rows = [{"x": at, "double": 0, "share": at / 4} for at in (1, 3)]
    of = structure([TABLE, ROW], {"t": rows, "total": 4, "n": 2})
    assert list(recalculated(of, [field(of, "x", 0).key])) == [(field(of, "x", 0).key[0], "double")]


def test_new_rows_are_calculated_and_what_reads_their_table() -> None:
    of = structure([TABLE, ROW], {"t": [{"x": 1, "double": 2, "share": 1}, {"x": 3}], "total": 1, "n": 1})
    new = field(of, "x", 1).section.document.id
    found = recalculated(of, changed(of, "t"), [new])
    assert {key[1]: value for key, value in found.items() if key[0] == new} == {"double": 6, "share": 0.75}
    assert {key[1]: value for key, value in found.items() if key[0] != new} == {"total": 4, "n": 2, "share": 0.25}


def test_one_answer_that_several_places_show_is_calculated_once() -> None:
    main = form("main", question("one", "form", sub_form="sub"), question("two", "form", sub_form="sub"))
    of = structure([main, form("sub", question("a"), calculated("c", "'a'|answer * 2"))], {"a": 2})
    assert numbers(of, None) == {"c": 4}
    assert [of.value(each) for each in of.fields() if each.slug == "c"] == [4, 4]
