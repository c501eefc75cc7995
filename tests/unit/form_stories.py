"""Made-up forms and documents for property tests: every expression reads only questions that were made before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.unit.form_reference import NONE, Question, Term

KINDS = ("text", "text", "integer", "integer", "calculated", "choice", "table", "form")
TEXTS = (None, "", "x", "y")
NUMBERS = (None, 0, 1, 2, 7)
CHOICES = (None, "x", "y", "z")
MOST_ROWS = 3
MOST_DEPTH = 3


Around = tuple[Question, ...]
"""The form questions and tables around a place."""


@dataclass
class Known:
    """A question that was made before."""

    question: Question
    around: Around

    def is_seen(self, around: Around) -> bool:
        """Whether its name stands for it there: it lies outwards, or in a sub form of the root."""
        return self.around == around[: len(self.around)] or all(each["type"] == "form" for each in self.around)


@dataclass
class Story:
    """Forms by slug, the root's being `main`, and a document."""

    forms: dict[str, list[Question]] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)


class Making:
    """One story in the making."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.known: list[Known] = []
        self.forms: dict[str, list[Question]] = {}
        self.number = 0

    def form(self, slug: str, depth: int = 0, around: Around = ()) -> None:
        """A form and all below it."""
        self.forms[slug] = []
        most = 6 if depth == 0 else 3
        self.forms[slug] += [self.question(depth, around) for _ in range(self.draw(st.integers(1, most)))]

    def question(self, depth: int, around: Around) -> Question:
        kind = self.draw(st.sampled_from(KINDS if depth < MOST_DEPTH else KINDS[:6]))
        self.number += 1
        made: Question = {"slug": f"q{self.number}", "type": kind}
        made["is_hidden"], made["is_required"] = self.rule(around), self.rule(around)
        if kind == "integer":
            made["most"] = self.draw(st.sampled_from((1, 5)))
        if kind == "calculated":
            made["calculation"] = self.sum(around)
        if kind == "choice":
            made["options"] = [(slug, self.rule(around)) for slug in CHOICES[1:3]]
        self.known.append(Known(made, around))
        if kind in {"table", "form"}:
            made["form"] = f"form-{made['slug']}"
            self.form(made["form"], depth + 1, (*around, made))
        return made

    def rule(self, around: Around, depth: int = 0) -> Term:
        """A term that is true or false; mostly false, or all would be hidden."""
        if not self.known or self.draw(st.integers(0, 2)) == 0:
            return ("literal", self.draw(st.sampled_from((False, False, False, True))))
        choice = self.draw(st.integers(0, 5 if depth < 2 else 3))
        if choice <= 1:
            return ("==", self.read(around, ("text", "choice")), ("literal", self.draw(st.sampled_from(TEXTS[2:]))))
        if choice <= 3:
            return (">", self.sum(around, depth), ("literal", self.draw(st.integers(0, 4))))
        if choice == 4:
            return ("not", self.rule(around, depth + 1))
        symbol = self.draw(st.sampled_from(("&&", "||")))
        return (symbol, self.rule(around, depth + 1), self.rule(around, depth + 1))

    def sum(self, around: Around, depth: int = 0) -> Term:
        """A term that is a number."""
        choice = self.draw(st.integers(0, 5 if depth < 2 else 3))
        if choice <= 1:
            return self.read(around, ("integer", "calculated"))
        if choice <= 3:
            return self.of_table(around)
        return ("+", self.sum(around, depth + 1), self.sum(around, depth + 1))

    def read(self, around: Around, kinds: tuple[str, ...]) -> Term:
        """The answer to a question; one that cannot be seen from there has a default."""
        found = [each for each in self.known if each.question["type"] in kinds]
        default = self.draw(st.sampled_from(TEXTS if "text" in kinds else NUMBERS))
        if not found or self.draw(st.integers(0, 9)) == 0:
            return ("answer", "nowhere", default)
        one = self.draw(st.sampled_from(found))
        return ("answer", one.question["slug"], NONE if one.is_seen(around) and self.draw(st.booleans()) else default)

    def of_table(self, around: Around) -> Term:
        tables = [each for each in self.known if each.question["type"] == "table" and each.question not in around]
        found = [each for each in tables if each.is_seen(around)]
        if not found:
            return ("literal", self.draw(st.integers(0, 3)))
        table = self.draw(st.sampled_from(found)).question
        columns = [each.question for each in self.known if each.around and each.around[-1] == table]
        numbers = [each["slug"] for each in columns if each["type"] in {"integer", "calculated"}]
        if not numbers or self.draw(st.booleans()):
            return ("length", table["slug"])
        return ("sum", table["slug"], self.draw(st.sampled_from(numbers)))

    def document(self, slug: str) -> dict[str, Any]:
        """A document of a form."""
        answers: dict[str, Any] = {}
        for question in self.forms[slug]:
            if question["type"] == "form":
                answers |= self.document(question["form"])
            elif question["type"] != "calculated" and self.draw(st.integers(0, 4)):
                answers[question["slug"]] = self.answer(question)
        return answers

    def answer(self, question: Question) -> Any:
        if question["type"] == "table":
            return [self.document(question["form"]) for _ in range(self.draw(st.integers(0, MOST_ROWS)))]
        values: tuple[Any, ...] = {"text": TEXTS, "integer": NUMBERS, "choice": CHOICES}[question["type"]]
        return self.draw(st.sampled_from(values))


@st.composite
def stories(draw: Any) -> Story:
    """Forms and a document."""
    making = Making(draw)
    making.form("main")
    return Story(making.forms, making.document("main"))
