"""Whatever the forms and answers: a structure says what the rules say, written down once more as plain recursion."""

from __future__ import annotations

import copy
import os
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caluma_async.form.structure import AnswerData, DocumentData, Family, Field, FormDefinition, Structure
from caluma_async.form.structure.dependencies import dependencies
from caluma_async.form.structure.recalculating import recalculated
from caluma_async.form.validation import complaints
from caluma_async.identity import ANONYMOUS
from tests.unit.form_reference import Question, Reference, text
from tests.unit.form_stories import Story, stories
from tests.unit.structure_stage import calculated, catalogue, form, question

EXAMPLES = int(os.environ.get("FORM_EXAMPLES", "100"))

thorough = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def definition(slug: str, questions: list[Question]) -> FormDefinition:
    """The form as structures know it."""
    return form(slug, *map(_question, questions))


def _question(made: Question) -> Any:
    rules: dict[str, Any] = {name: text(made[name]) for name in ("is_hidden", "is_required")}
    slug = made["slug"]
    if made["type"] == "calculated":
        return calculated(slug, text(made["calculation"]), **rules)
    if made["type"] == "table":
        return question(slug, "table", row_form=made["form"], **rules)
    if made["type"] == "form":
        return question(slug, "form", sub_form=made["form"], **rules)
    if made["type"] == "choice":
        return question(slug, "choice", options=[(each, text(term)) for each, term in made["options"]], **rules)
    configuration = {"max_value": made["most"]} if made["type"] == "integer" else {}
    return question(slug, made["type"], configuration=configuration, **rules)


class Told:
    """A story as a structure. `keys` are those of its documents, by the identity of the dicts they were told as."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.keys: dict[int, UUID] = {}
        self.kept: list[dict[str, Any]] = []
        """Documents that are gone: another one must not get their identity."""
        self.numbers: dict[tuple[UUID, str], Any] = {}
        main, *others = [definition(slug, questions) for slug, questions in story.forms.items()]
        self.catalogue = catalogue(main, *others)

    def structure(self) -> Structure:
        """As the documents are now, with the calculated answers that were put down."""
        documents: dict[UUID, DocumentData] = {}
        root = self._document(self.story.document, documents)
        return Structure(self.catalogue, Family(root=root, documents=documents))

    def _document(self, answers: dict[str, Any], documents: dict[UUID, DocumentData]) -> UUID:
        key = self.keys.setdefault(id(answers), uuid4())
        given = {slug: self._answer(value, documents) for slug, value in answers.items()}
        given |= {
            slug: AnswerData(id=uuid4(), value=number)
            for (document, slug), number in self.numbers.items()
            if document == key
        }
        documents[key] = DocumentData(id=key, form="", answers=given)
        return key

    def _answer(self, value: Any, documents: dict[UUID, DocumentData]) -> AnswerData:
        if isinstance(value, list):
            return AnswerData(id=uuid4(), rows=tuple(self._document(row, documents) for row in value))
        return AnswerData(id=uuid4(), value=value)

    def calculate(self, changed: Any = None, new: Any = ()) -> None:
        """Put down what is calculated anew."""
        self.numbers |= recalculated(self.structure(), changed, new)

    def reference(self) -> Reference:
        return Reference(self.story.forms, self.story.document)

    def expected_numbers(self) -> dict[tuple[UUID, str], Any]:
        """What all calculated answers ought to be."""
        reference = self.reference()
        return {
            (self.keys[id(place[-1][1])], made["slug"]): reference.number(place, made)
            for place, made in reference.fields()
            if made["type"] == "calculated"
        }

    def current_numbers(self) -> dict[tuple[UUID, str], Any]:
        """Those that were put down, of documents that are still there."""
        there = self.structure().family.documents
        return {key: number for key, number in self.numbers.items() if key[0] in there}


@thorough
@given(stories())
def test_hidden_required_and_valid_are_as_the_rules_say(story: Story) -> None:
    told = Told(story)
    told.calculate()
    of, reference = told.structure(), told.reference()
    fields: list[Field] = list(of.fields())
    expected = list(reference.fields())
    assert [each.slug for each in fields] == [made["slug"] for _, made in expected]
    assert [of.hidden(each) for each in fields] == [reference.hidden(*each) for each in expected]
    assert [of.required(each) for each in fields] == [reference.required(*each) for each in expected]
    choices = [each for each in expected if each[1]["type"] == "choice"]
    assert [of.visible_options(each) for each in fields if each.question.type == "choice"] == [
        reference.visible_options(*each) for each in choices
    ]
    wrong = [(told.keys[id(place[-1][1])], made["slug"]) for place, made in expected if reference.wrong(place, made)]
    assert [(each.document, each.slug) for each in complaints(of, ANONYMOUS)] == wrong


@thorough
@given(stories())
def test_what_a_field_is_worth_does_not_depend_on_what_was_asked_before(story: Story) -> None:
    told = Told(story)
    told.calculate()
    one, other = told.structure(), told.structure()
    forwards = [one.hidden(each) for each in one.fields()]
    backwards = [other.hidden(each) for each in reversed(list(other.fields()))]
    assert forwards == backwards[::-1]


@thorough
@given(stories())
def test_all_calculated_answers_are_made(story: Story) -> None:
    told = Told(story)
    told.calculate()
    assert told.numbers == told.expected_numbers()
    assert recalculated(told.structure(), None) == {}
    assert dependencies(told.catalogue).circle == ()


@thorough
@given(stories(), st.data())
def test_after_a_change_what_it_reaches_is_right_and_nothing_else_was_needed(story: Story, data: st.DataObject) -> None:
    told = Told(story)
    told.calculate()
    for _ in range(data.draw(st.integers(1, 8))):
        _change(told, data)
        assert told.current_numbers() == told.expected_numbers()


def _change(told: Told, data: st.DataObject) -> None:
    """Answer a question anew, or remove its answer; a table gets a row more or less."""
    places = [each for each in told.reference().fields() if each[1]["type"] not in {"form", "calculated"}]
    if not places:
        return
    place, made = data.draw(st.sampled_from(places))
    document, slug = place[-1][1], made["slug"]
    key = (told.keys[id(document)], slug)
    if made["type"] == "table":
        _change_rows(told, document, slug, key, data)
        return
    values = {"text": (None, "x", "y"), "integer": (None, 0, 3, 9), "choice": (None, "x", "y")}[made["type"]]
    document[slug] = data.draw(st.sampled_from(values))
    told.calculate([key])


def _change_rows(told: Told, document: dict[str, Any], slug: str, key: Any, data: st.DataObject) -> None:
    rows = document.get(slug) or []
    if rows and data.draw(st.booleans()):
        told.kept.append(rows[0])
        document[slug] = rows[1:]
        told.calculate([key])
        return
    made = copy.deepcopy(rows[0]) if rows else {}
    document[slug] = [*rows, made]
    before = set(told.keys.values())
    new = told.structure().family.documents.keys() - before
    told.calculate([key], new)
