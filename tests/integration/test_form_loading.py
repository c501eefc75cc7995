"""Structures out of the tables: of large and deep forms, and of several families at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.errors import NotFound
from caluma_async.form.loading import structure, structures
from caluma_async.form.validation import complaints
from caluma_async.identity import ANONYMOUS
from caluma_async.testing.factories import make_answer, make_document, make_file, make_form, make_question, make_table

pytestmark = pytest.mark.django_db

DEPTH = 50


def cost(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


def test_sub_forms_may_be_deep() -> None:
    for level in range(DEPTH):
        make_question(f"q-{level}", form=f"f-{level}", is_hidden=f"'q-{level - 1}'|answer != 'x'" if level else "false")
        make_question(f"to-{level}", form=f"f-{level}", type="form", sub_form=make_form(f"f-{level + 1}"))
    make_question("last", form=f"f-{DEPTH}", is_required=f"'q-{DEPTH - 1}'|answer == 'x'")
    document = make_document("f-0", answers={f"q-{level}": "x" for level in range(DEPTH)})
    assert [each.slug for each in complaints(structure(document.pk), ANONYMOUS)] == ["last"]
    assert cost(lambda: complaints(structure(document.pk), ANONYMOUS)) == 2
    document.answers.filter(question="q-7").update(value="y")
    assert complaints(structure(document.pk), ANONYMOUS) == []


def test_answers_are_read_as_expressions_want_them() -> None:
    make_question("day", form="plan", type="date")
    make_question("papers", form="plan", type="files")
    make_question("rows", form="plan", type="table", row_form=make_form("row"))
    make_question("street", form="row")
    document = make_document("plan")
    make_answer(document, "day", date=dt.date(2024, 2, 29))
    papers = make_answer(document, "papers")
    for name in ("b.pdf", "a.pdf"):
        make_file(papers, name)
    make_table(document, "rows", [{"street": "Main Street"}, {"street": "Mill Lane"}])
    of = structure(document.pk)
    assert [of.value(each) for each in of.fields() if each.slug != "rows"] == [
        "2024-02-29",
        ["b.pdf", "a.pdf"],
        "Main Street",
        "Mill Lane",
    ]


def test_rows_lead_to_the_family_that_they_are_in() -> None:
    make_question("rows", form="plan", type="table", row_form=make_form("row"))
    documents = [make_document("plan") for _ in range(3)]
    rows = [make_table(document, "rows", [{}]).documents.get() for document in documents]
    loaded = structures([rows[0].pk, rows[2].pk, documents[2].pk])
    assert loaded.keys() == {documents[0].pk, documents[2].pk}


def test_a_document_that_is_not_there_has_none() -> None:
    assert structures([uuid4()]) == {}
    with pytest.raises(NotFound):
        structure(uuid4())
