"""What `answer` and `info` give an expression, and where a name is looked up."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.errors import InvalidExpression
from caluma_async.form.structure import formula
from tests.unit.structure_stage import field, form, question, structure, worth

ROW = form("row", question("street"), question("number", "integer"), question("gone", is_hidden="true"))
DEEP = form("deep", question("inner"), question("same"), meta={"level": 2})
SUB = form("sub", question("part"), question("to-deep", "form", sub_form="deep"), question("same"), meta={"level": 1})
OTHER = form("other", question("far"))
MAIN = form(
    "main",
    question("name"),
    question("size", "integer"),
    question("tags", "multiple_choice", options=["a", "b"]),
    question("hidden-one", is_hidden="true"),
    question("streets", "table", row_form="row"),
    question("to-sub", "form", sub_form="sub"),
    question("to-other", "form", sub_form="other"),
    question("note", "static"),
    question("ghost", "multiple_choice", is_hidden="true", options=["a"]),
    meta={"level": 0},
)
FORMS = [MAIN, SUB, DEEP, OTHER, ROW]
ANSWERS: dict[str, Any] = {
    "name": "Anna",
    "size": 3,
    "hidden-one": "seen by none",
    "streets": [{"street": "Main Street", "number": 1, "gone": "x"}, {"street": "Mill Lane"}],
    "part": "p",
    "inner": "i",
    "same": "s",
    "far": "f",
    "ghost": ["a"],
}


@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("'name'|answer", "name", "Anna"),
        ("'size'|answer + 1", "name", 4),
        ("'tags'|answer", "name", []),
        ("'tags'|answer('none')", "name", "none"),
        ("'tags'|answer(nothing)", "name", None),
        ("'hidden-one'|answer", "name", None),
        ("'hidden-one'|answer('default')", "name", "default"),
        ("'ghost'|answer", "name", []),
        ("'note'|answer", "name", None),
        ("'note'|answer(7)", "name", 7),
        ("'nowhere'|answer('there')", "name", "there"),
        ("'nowhere'|answer(nothing)", "name", None),
        # outwards, and into all sub forms of the root, but not into rows
        ("'name'|answer", "inner", "Anna"),
        ("'part'|answer", "inner", "p"),
        ("'inner'|answer", "name", "i"),
        ("'far'|answer", "inner", "f"),
        ("'street'|answer('unseen')", "name", "unseen"),
        ("'name'|answer", "street", "Anna"),
        ("'far'|answer", "street", "f"),
        ("'number'|answer", "street", 1),
        # tables and forms
        ("'streets'|answer|mapby('street')", "name", ["Main Street", "Mill Lane"]),
        ("'streets'|answer|mapby('number')|sum", "name", 1),
        ("'streets'|answer|mapby('street', 'number')", "name", [["Main Street", 1], ["Mill Lane", None]]),
        ("'streets'|answer|mapby('gone')", "name", [None, None]),
        ("'streets'|answer|mapby('nowhere')", "name", [None, None]),
        ("'streets'|answer|length", "name", 2),
        ("'streets'|answer[.number == 1]|mapby('street')", "name", ["Main Street"]),
        ("'streets'|answer[0].street", "name", "Main Street"),
        ("'streets'|answer[1]|length", "name", 3),
        ("'to-sub'|answer.part", "name", "p"),
        ("'to-sub'|answer['to-deep'].inner", "name", "i"),
        # names that are put together
        ("('na' + 'me')|answer", "name", "Anna"),
    ],
)
def test_an_expression_reads_answers(text: str, at: str, value: Any) -> None:
    assert worth(text, FORMS, ANSWERS, at) == value


@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("form", "inner", "main"),
        ("info.form", "name", "main"),
        ("info.form", "inner", "deep"),
        ("info.formMeta.level", "inner", 2),
        ("info.parent", "name", None),
        ("info.parent.form", "name", None),
        ("info.parent.form", "inner", "sub"),
        ("info.parent.question", "inner", "to-deep"),
        ("info.parent.formMeta.level", "inner", 1),
        ("info.parent.form", "street", "main"),
        ("info.parent.question", "street", "streets"),
        ("info.form", "street", "row"),
        ("info.root.form", "inner", "main"),
        ("info.root.formMeta.level", "inner", 0),
        ("info.case", "name", None),
        ("info.case.workflow", "name", None),
        ("info.workItem.task", "name", None),
        ("info.nothing.at.all", "name", None),
    ],
)
def test_an_expression_reads_what_is_around(text: str, at: str, value: Any) -> None:
    assert worth(text, FORMS, ANSWERS, at) == value


def test_the_case_is_looked_up_when_it_is_read_and_once() -> None:
    asked: list[int] = []

    def surroundings() -> dict[str, Any]:
        asked.append(1)
        return {"case": {"workflow": "w", "meta": {"a": 1}}, "workItem": {"task": "t"}}

    of = structure(FORMS, ANSWERS, surroundings=surroundings)
    text = "info.case.workflow + info.workItem.task + info.case.meta.a|stringify"
    assert not asked
    assert of.evaluate(formula(text), field(of, "name"), "test") == "wt1"
    assert of.evaluate(formula(text), field(of, "street"), "test") == "wt1"
    assert asked == [1]


def test_a_row_reads_its_own_cells() -> None:
    of = structure(FORMS, ANSWERS)
    assert [of.evaluate(formula("'street'|answer"), field(of, "number", row), "test") for row in (0, 1)] == [
        "Main Street",
        "Mill Lane",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("'nowhere'|answer", "there is no question 'nowhere' here"),
        ("1|answer", "looks up the slug"),
        ("'a' +", "Question 'name', test"),
        ("'name'|nonsense", 'there is no transform "nonsense"'),
        ("'name'|answer * 'x'", '"*" does not work'),
    ],
)
def test_what_cannot_be_evaluated_names_question_and_expression(text: str, complaint: str) -> None:
    with pytest.raises(InvalidExpression) as caught:
        worth(text, FORMS, ANSWERS, "name")
    assert complaint.lower() in caught.value.message.lower()
    assert caught.value.message.startswith("Question 'name', test: ")
    assert caught.value.field == "name"
