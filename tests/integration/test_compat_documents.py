"""A site's module that works with documents through Caluma's names runs unchanged."""

from __future__ import annotations

import pytest
from django.http import HttpRequest

from caluma_async.access.site import Rules, SiteAccess
from caluma_async.errors import NotAllowed
from caluma_async.form.models import Document
from caluma_async.form.verbs import SaveDocumentStringAnswer
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_question, make_task
from caluma_async.verbs import run
from tests.integration.compat_modules import legacy_module
from tests.integration.documents_stage import families, value_of

pytestmark = pytest.mark.django_db

CLERK = User("ada", groups=["clerks"])


@pytest.fixture(autouse=True)
def _species() -> None:
    make_question("species", form="survey")


def test_documents_are_made_answered_and_copied_under_the_known_names() -> None:
    task = make_task("survey", type="complete_task_form", form="survey")
    with legacy_module("tree_survey") as module:
        document, copy = module.survey(task, CLERK, "oak")
        assert module.noted == [("oak", True)] * 2
        assert Document.objects.create_document_for_task(make_task("plain"), CLERK) is None  # type: ignore[attr-defined]
        joined = document.copy(family=copy, user=CLERK)
    document.refresh_from_db()
    assert (document.meta, document.created_by_user) == ({"surveyed": True}, "ada")
    assert (copy.source, value_of(copy, "species")) == (document, "oak")
    assert (families()[joined.pk], joined.family) == (copy.pk, copy)


def test_a_permission_that_was_written_for_calumas_mutation_holds() -> None:
    document = make_document("survey")
    with legacy_module("tree_survey") as module:
        access = SiteAccess(Rules(permissions=[module.Surveyors], visibilities=[]), HttpRequest())
        for user, allowed in ((CLERK, False), (User("eva", groups=["surveyors"]), True)):
            verb = SaveDocumentStringAnswer(user, access=access, document=document, question="species", value="oak")
            if allowed:
                run(verb)
            else:
                with pytest.raises(NotAllowed):
                    run(verb)
    assert value_of(document, "species") == "oak"
