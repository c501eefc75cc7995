"""What the guide shows of files, of the history and of finding by answers runs as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from caluma_async.testing.factories import make_answer, make_case, make_document, make_form, make_option, make_question
from tests.api import ask, gid, nodes
from tests.integration.test_guide_first_workflow import PROJECT, documents

pytestmark = pytest.mark.django_db

GUIDE = PROJECT / "docs" / "guide"
[SAVE] = documents((GUIDE / "files.md").read_text())
[AS_OF] = documents((GUIDE / "history.md").read_text())
HAS, SEARCH = documents((GUIDE / "finding-by-answers.md").read_text())


def test_a_file_is_announced_and_the_document_shown_as_it_was(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_STORAGE_FOLDER, settings.ENABLE_HISTORICAL_API = str(tmp_path), True
    make_question("papers", form="plan", type="files")
    document = make_document("plan")
    [file] = ask(SAVE, plan=gid(document))["saveDocumentFilesAnswer"]["answer"]["value"]
    assert (file["name"], file["uploadUrl"].split("=")[0]) == ("plan.pdf", "/files?signature")
    shown = ask(AS_OF, id=gid(document), asOf=timezone.now().isoformat())["documentAsOf"]
    [answer] = nodes(shown["historicalAnswers"])
    assert (shown["historyType"], [file["name"] for file in answer["files"]]) == ("+", ["plan.pdf"])


def test_cases_are_found_by_their_answers() -> None:
    form = make_form("building-permit")
    make_question("storeys", form=form, type="integer")
    make_question("roof", form=form, type="multiple_choice", options=[make_option("flat", label="Flat roof")])
    make_question("street", form=form)
    document = make_document(form, answers={"storeys": 3, "street": "Main Street"})
    make_answer(document, "roof", ["flat"])
    make_document(form, answers={"storeys": 3, "street": "Main Street"})
    case = make_case("permit", document=document)
    make_case("permit", document=make_document(form, answers={"storeys": 2, "street": "Main Street"}))
    for query in (HAS, SEARCH):
        assert [node["id"] for node in nodes(ask(query)["allCases"])] == [gid(case)]
