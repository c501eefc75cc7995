"""What the guide to documents shows runs, in that order, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from caluma_async.form import api, events
from caluma_async.form.models import Document
from caluma_async.graphql.schema import schema
from tests.api import ask, nodes
from tests.integration.documents_stage import ANNA

pytestmark = pytest.mark.django_db

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "documents.md").read_text()
FORM, MAKE, ANSWER, ROW, CELLS, TABLE, READ, FIND, COPY, REMOVE_ANSWER, REMOVE = re.findall(
    r"^```graphql\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL
)


@pytest.fixture
def document() -> str:
    """The document of the guide, with its answers and one row."""
    ask(FORM)
    key: str = ask(MAKE)["saveDocument"]["document"]["id"]
    answered = ask(ANSWER, document=key)
    assert answered["owner"]["answer"]["value"] == "Anna Meier"
    assert answered["reason"]["answer"]["selectedOption"] == {"slug": "storm", "label": "Storm damage"}
    row = ask(ROW)["saveDocument"]["document"]["id"]
    ask(CELLS, row=row)
    [shown] = ask(TABLE, document=key, rows=[row])["saveDocumentTableAnswer"]["answer"]["value"]
    assert (shown["id"], nodes(shown["answers"])[1]) == (row, {"girth": 120})
    return key


def read(document: str) -> dict[str, Any]:
    answers = nodes(ask(READ, document=document)["node"]["answers"])
    return {answer["question"]["slug"]: answer for answer in answers}


def test_a_document_is_filled_and_read_as_the_guide_says(document: str) -> None:
    answers = read(document)
    assert list(answers) == ["girths", "owner", "reason", "trees"]
    assert answers["girths"]["number"] == 120
    assert (answers["owner"]["text"], answers["reason"]["selectedOption"]) == ("Anna Meier", {"label": "Storm damage"})
    [row] = answers["trees"]["rows"]
    assert nodes(row["answers"])[1] == {"question": {"slug": "girth"}, "value": 120}


def test_a_document_is_found_as_the_guide_says(document: str) -> None:
    found = ask(FIND)["allDocuments"]
    assert found["totalCount"] == 1
    [node] = nodes(found)
    assert (node["id"], nodes(node["answers"])) == (document, [{"value": "Anna Meier"}])


def test_documents_and_answers_are_copied_and_removed_as_the_guide_says(document: str) -> None:
    copy = ask(COPY, document=document)["copyDocument"]["document"]
    assert (copy["source"], copy["answers"]) == ({"id": document}, {"totalCount": 4})
    ask(REMOVE_ANSWER, answer=read(document)["trees"]["id"])
    assert read(document)["girths"]["number"] == 0
    for key in (document, copy["id"]):
        ask(REMOVE, document=key)
    assert [each.form_id for each in Document.objects.all()] == ["tree"]  # the row that lost its table


def test_the_functions_of_the_guide_do_the_same(document: str) -> None:
    made = api.save_document("felling", ANNA)
    api.save_answer("owner", made, ANNA, "Anna Meier")
    assert read(str(made.pk))["owner"]["text"] == "Anna Meier"


def test_everything_that_the_guide_names_is_there() -> None:
    kind = schema._schema.mutation_type
    assert kind is not None
    named = set(re.findall(r"`((?:save|copy|remove)Document\w*)`", GUIDE))
    assert len(named) > 8
    assert named <= set(kind.fields)
    told = set(re.findall(r"`(post_\w+)`", GUIDE)) - {"post_save"}
    assert len(told) > 5
    assert [name for name in told if not hasattr(events, name)] == []
