"""What the rules of forms say, written down once more: recursively, without JEXL, without keeping anything.

A question is a dict, a form a list of them, a document a dict of answers in which a table holds its row documents. An
expression is a tuple; `text` writes it as JEXL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Question = dict[str, Any]
Forms = Mapping[str, list[Question]]
Term = tuple[Any, ...]
Step = tuple[str, dict[str, Any], Question | None]
"""A form, the document in which it is asked, and the question around it."""
Place = tuple[Step, ...]

NONE = object()


def text(term: Term) -> str:
    """The term as JEXL."""
    match term:
        case ("literal", value):
            return repr(value) if not isinstance(value, bool) else str(value).lower()
        case ("answer", name, default):
            given = "" if default is NONE else "nothing" if default is None else repr(default)
            return f"'{name}'|answer" + (f"({given})" if given else "")
        case ("length", name):
            return f"('{name}'|answer|length)"
        case ("sum", name, column):
            return f"('{name}'|answer|mapby('{column}')|sum)"
        case ("not", inner):
            return f"!({text(inner)})"
        case (symbol, left, right):
            return f"({text(left)} {symbol} {text(right)})"
    raise AssertionError(term)


def names(term: Term) -> list[str]:
    """The questions that a term names by `answer`."""
    if term[0] in {"answer", "length", "sum"}:
        return [term[1]]
    return [name for part in term[1:] if isinstance(part, tuple) for name in names(part)]


class Reference:
    """A document by the rules."""

    def __init__(self, forms: Forms, document: dict[str, Any]) -> None:
        self.forms = forms
        self.root: Place = (("main", document, None),)

    def fields(self, place: Place | None = None) -> Iterator[tuple[Place, Question]]:
        """Every question of every form, with its place, in order."""
        place = place or self.root
        for question in self.forms[place[-1][0]]:
            yield place, question
            for inner in self.inside(place, question):
                yield from self.fields(inner)

    def inside(self, place: Place, question: Question) -> list[Place]:
        document = place[-1][1]
        if question["type"] == "form":
            return [(*place, (question["form"], document, question))]
        if question["type"] == "table":
            return [(*place, (question["form"], row, question)) for row in document.get(question["slug"]) or []]
        return []

    def hidden(self, place: Place, question: Question) -> bool:
        around = place[-1][2]
        if around is not None and self.hidden(place[:-1], around):
            return True
        if self.all_named_are_empty(place, question["is_hidden"]):
            return True
        return bool(self.worth(place, question["is_hidden"]))

    def required(self, place: Place, question: Question) -> bool:
        if question["type"] == "form" or self.hidden(place, question):
            return False
        if self.all_named_are_empty(place, question["is_required"]):
            return False
        return bool(self.worth(place, question["is_required"]))

    def all_named_are_empty(self, place: Place, term: Term) -> bool:
        found = [each for each in (self.find(place, name) for name in names(term)) if each is not None]
        return bool(found) and all(self.hidden(*each) or self.content(*each) in (None, "", []) for each in found)

    def find(self, place: Place, name: str) -> tuple[Place, Question] | None:
        for end in range(len(place), 0, -1):
            for question in self.forms[place[end - 1][0]]:
                if question["slug"] == name:
                    return place[:end], question
        return self.find_below(self.root, name)

    def find_below(self, place: Place, name: str) -> tuple[Place, Question] | None:
        for question in self.forms[place[-1][0]]:
            if question["type"] == "form":
                (inner,) = self.inside(place, question)
                own = [each for each in self.forms[question["form"]] if each["slug"] == name]
                found = (inner, own[0]) if own else self.find_below(inner, name)
                if found:
                    return found
        return None

    def content(self, place: Place, question: Question) -> Any:
        """What was answered, hidden or not; a calculated one is what it should be."""
        if question["type"] == "calculated":
            return self.number(place, question)
        if question["type"] == "form":
            return {"some": "thing"}
        return place[-1][1].get(question["slug"])

    def number(self, place: Place, question: Question) -> Any:
        value = self.worth(place, question["calculation"])
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def visible_options(self, place: Place, question: Question) -> list[str]:
        return [slug for slug, term in question["options"] if not self.worth(place, term)]

    def wrong(self, place: Place, question: Question) -> bool:
        """Whether a document is invalid because of this field."""
        if self.hidden(place, question):
            return False
        value = self.content(place, question)
        if value in (None, "", []):
            return self.required(place, question)
        if question["type"] == "integer":
            return bool(value > question["most"])
        return question["type"] == "choice" and value not in self.visible_options(place, question)

    def worth(self, place: Place, term: Term) -> Any:
        match term:
            case ("literal", value):
                return value
            case ("answer", name, default):
                return self.answer(place, name, default)
            case ("length", name):
                return len(self.answer(place, name, NONE))
            case ("sum", name, column):
                return sum(value for value in self.column(place, name, column) if isinstance(value, int))
            case ("not", inner):
                return not self.worth(place, inner)
            case ("&&", left, right):
                return self.worth(place, left) and self.worth(place, right)
            case ("||", left, right):
                return self.worth(place, left) or self.worth(place, right)
            case ("==", left, right):
                return self.worth(place, left) == self.worth(place, right)
            case (">", left, right):
                return (self.worth(place, left) or 0) > (self.worth(place, right) or 0)
            case ("+", left, right):
                return (self.worth(place, left) or 0) + (self.worth(place, right) or 0)
        raise AssertionError(term)

    def answer(self, place: Place, name: str, default: Any) -> Any:
        found = self.find(place, name)
        if found is None:
            assert default is not NONE, name
            return default
        value = None if self.hidden(*found) else self.content(*found)
        if value in (None, "", []):
            return default if default is not NONE else [] if found[1]["type"] == "table" else None
        return value

    def column(self, place: Place, name: str, column: str) -> Sequence[Any]:
        found = self.find(place, name)
        if found is None or self.hidden(*found):
            return []
        return [
            None if self.hidden(row, question) else self.content(row, question)
            for row in self.inside(*found)
            for question in self.forms[row[-1][0]]
            if question["slug"] == column
        ]
