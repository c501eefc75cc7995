"""The case and the work item around a document, as expressions read them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.form.loading import structure, structures
from caluma_async.form.models import Document
from caluma_async.form.structure import formula
from caluma_async.testing.factories import make_case, make_document, make_question, make_work_item

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forms() -> None:
    make_question("name", form="plan")


def worth(document: Document, text: str) -> Any:
    of = structure(document.pk)
    (field,) = of.fields()
    return of.evaluate(formula(text), field, "test")


def test_a_document_of_a_case() -> None:
    root = make_case("building", document=make_document("permit"), meta={"level": 0})
    parent = make_work_item(root, "inquire", meta={"why": "so"})
    document = make_document("plan")
    make_case("inquiry", parent_work_item=parent, document=document, meta={"level": 1})
    assert worth(document, "[info.case.workflow, info.case.form, info.case.meta.level]") == ["inquiry", "plan", 1]
    assert worth(document, "[info.case.root.workflow, info.case.root.form, info.case.root.meta.level]") == [
        "building",
        "permit",
        0,
    ]
    assert worth(document, "[info.workItem.task, info.workItem.meta.why]") == ["inquire", "so"]


def test_a_document_of_a_root_case_has_no_work_item() -> None:
    document = make_document("plan")
    make_case("building", document=document)
    assert worth(document, "[info.workItem, info.case.root.form]") == [None, "plan"]


def test_a_document_of_a_work_item() -> None:
    document = make_document("plan")
    make_work_item(make_case("building", meta={"a": 1}), "fill", document=document, meta={"b": 2})
    assert worth(document, "[info.case.workflow, info.case.form, info.case.meta.a]") == ["building", None, 1]
    assert worth(document, "[info.workItem.task, info.workItem.meta.b]") == ["fill", 2]


def test_a_document_that_nobody_has() -> None:
    assert worth(make_document("plan"), "[info.case, info.workItem]") == [None, None]


def test_they_are_looked_up_for_all_documents_at_once_and_only_when_read() -> None:
    documents = [make_document("plan") for _ in range(6)]
    for number, document in enumerate(documents):
        if number % 2:
            make_case(document=document)
        else:
            make_work_item(document=document)
    loaded = structures([document.pk for document in documents])
    with CaptureQueriesContext(connection) as captured:
        for of in loaded.values():
            (field,) = of.fields()
            assert of.evaluate(formula("info.case.workflow && info.form"), field, "test") == "plan"
    assert len(captured) == 2
