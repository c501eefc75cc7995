"""What the guide to forms shows runs, in that order, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import call_command

from caluma_async.form.api import save_answer, save_document
from caluma_async.form.models import Question
from caluma_async.graphql.schema import schema
from caluma_async.identity import User
from caluma_async.workflow.transfer import exported
from tests.api import ask, nodes

pytestmark = pytest.mark.django_db

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "forms.md").read_text()
QUESTIONS, FORM, EXPRESSIONS, DEFAULT, COPY = re.findall(
    r"^```graphql\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL
)
ANNA = User("anna")


def test_the_guide_leads_to_a_form_that_can_be_filled() -> None:
    ask(QUESTIONS)
    reordered = ask(FORM)["reorderFormQuestions"]["form"]
    assert [node["slug"] for node in nodes(reordered["questions"])] == ["gardener", "mail", "size"]
    ask(EXPRESSIONS)
    assert ask(DEFAULT)["saveDefaultStringAnswer"]["answer"]["selectedOption"] == {"label": "Up to 100 m²"}
    document = save_document("allotment", ANNA)
    rent = document.answers.get(question="rent")
    assert rent.value == 50
    save_answer("size", document, ANNA, value="large")
    save_answer("shed", document, ANNA, value=10)
    rent.refresh_from_db()
    assert rent.value == 100
    assert ask(COPY)["copyForm"]["form"] == {
        "slug": "allotment-2027",
        "source": {"slug": "allotment"},
        "questions": {"totalCount": 5},
    }


def test_the_guide_names_mutations_that_there_are_and_every_one_that_saves_a_question() -> None:
    kind = schema._schema.mutation_type
    assert kind is not None
    named = set(re.findall(r"`((?:save|add|remove|reorder|copy)[A-Z]\w+)`", GUIDE))
    assert named <= set(kind.fields)
    assert {name for name in kind.fields if re.fullmatch(r"save\w+Question", name)} <= named


def test_the_guide_counts_what_the_demo_has() -> None:
    call_command("seed_demo", "--quiet")
    content = exported(["building-permit"])
    counts = ", ".join(f"{len(objects)} {kind}" for kind, objects in content.items())
    assert f"permit.json: {counts}." in GUIDE
    assert Question.objects.count() == len(content["questions"])
