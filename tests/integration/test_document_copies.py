"""Of any document: a copy is equal to it, and from then on each goes its own way."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from caluma_async.form.api import copy_document, remove_answer, remove_document, save_answer, save_document
from caluma_async.form.models import Answer, Document
from caluma_async.testing.factories import make_form, make_question
from caluma_async.verbs.inputs import LARGEST_INTEGER
from tests.examples import examples
from tests.integration.documents_stage import ANNA, BEN, EACH, value_of

pytestmark = pytest.mark.django_db

OPTIONS = ["red", "blue", "green"]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    "textarea": st.text("ab\n ", max_size=20),
    "integer": st.integers(-LARGEST_INTEGER, LARGEST_INTEGER),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "date": st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
    "choice": st.sampled_from(OPTIONS),
    "multiple_choice": st.lists(st.sampled_from(OPTIONS), unique=True),
    "files": st.lists(st.sampled_from(["a.pdf", "b.pdf", "c.pdf"]), unique=True),
}
flat = st.fixed_dictionaries({}, optional={kind: st.none() | values for kind, values in VALUES.items()})
trees = st.recursive(
    flat,
    lambda inner: st.tuples(flat, st.lists(inner, max_size=3)).map(lambda pair: {**pair[0], "table": pair[1]}),
    max_leaves=6,
)
"""What is answered, by question; a table has such a thing for each row."""

forms = st.lists(st.sampled_from([*VALUES, "table", "form"]), unique=True, min_size=1)
"""Which questions the form itself has; all others are in its sub form."""


def make_forms(own: list[str]) -> None:
    """The form `plan`, that is the row form of its own table, with these questions and the others in its sub form."""
    plan, sub = make_form("plan"), make_form("sub")
    make_question("form", form=plan, type="form", sub_form_id="sub")
    make_question("table", form=plan if "table" in own else sub, type="table", row_form_id="plan")
    for kind in VALUES:
        options = OPTIONS if "choice" in kind else []
        make_question(kind, form=plan if kind in own else sub, type=kind, options=options)
    for name, of in (("double", "integer"), ("rows", "table")):
        calculated = {"double": "'integer'|answer(0) * 2", "rows": "'table'|answer([])|length"}[name]
        make_question(name, form=plan if of in own else sub, type="calculated_float", calc_expression=calculated)


def grow(tree: dict[str, Any]) -> Document:
    """A document that is answered like this, by the verbs."""
    document = save_document("plan", ANNA, meta={"of": sorted(tree)})
    for question, value in tree.items():
        fill(document, question, value)
    return document


def fill(document: Document, question: str, value: Any) -> None:
    """Answer one question."""
    if question == "table":
        value = [grow(row) for row in value]
    elif question == "files":
        value = [{"name": name} for name in value or []]
    save_answer(question, document, ANNA, value, meta={"of": question})


def shown(document: Document | UUID) -> dict[str, Any]:
    """All that the document holds, rows and calculated answers included, but no keys."""
    found = Document.objects.get(pk=document.pk if isinstance(document, Document) else document)
    answers = {}
    for answer in Answer.objects.filter(document=found):
        value = value_of(found, answer.question_id)
        answers[answer.question_id] = (
            [shown(row) for row in value] if answer.question_id == "table" else value,
            answer.meta,
        )
    return {"form": found.form_id, "meta": found.meta, "answers": answers}


def change(document: Document, what: str, tree: dict[str, Any]) -> None:
    """Let something happen to the document."""
    answer = Answer.objects.filter(document=document, question__in=[*EACH, "table", "files"]).order_by("pk").first()
    if what == "remove":
        remove_document(document, BEN)
    elif what == "remove an answer" and answer is not None:
        remove_answer(answer, BEN)
    else:
        for question, value in tree.items():
            fill(document, question, value)


@given(
    own=forms,
    tree=trees,
    later=trees,
    what=st.sampled_from(["remove", "remove an answer", "answer"]),
    swapped=st.booleans(),
)
@examples(25)
def test_a_copy_is_equal_and_independent(
    own: list[str], tree: dict[str, Any], later: dict[str, Any], what: str, swapped: bool
) -> None:
    with transaction.atomic():
        make_forms(own)
        original = grow(tree)
        before = shown(original)
        copy = copy_document(original, BEN)
        assert shown(copy) == before
        assert shown(original) == before
        family = set(Document.objects.filter(family=copy).values_list("pk", flat=True))
        assert family.isdisjoint(Document.objects.filter(family=original).values_list("pk", flat=True))
        changed, kept = (copy, original) if swapped else (original, copy)
        change(changed, what, later)
        assert shown(kept) == before
        transaction.set_rollback(True)
