"""SIGKILL in the middle of a recalculation of many documents: the next process goes on where it stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import transaction

from caluma_async.form.models import Answer, Document, Recalculation
from caluma_async.form.recalculation import BATCH, request
from caluma_async.identity import User
from caluma_async.testing.factories import make_question
from tests.acceptance.facts import eventually
from tests.acceptance.server import ROOT, database_url
from tests.acceptance.worker import WorkerProcess

pytestmark = pytest.mark.django_db(transaction=True)


DOCUMENTS = 40 * BATCH
ANNA = User("anna")


@pytest.fixture
def documents() -> None:
    make_question("a", form="plan", type="integer")
    make_question("calc", form="plan", type="calculated_float", calc_expression="'a'|answer * 2")
    made = [Document(form_id="plan") for _ in range(DOCUMENTS)]
    for document in made:
        document.family_id = document.pk
    Document.objects.bulk_create(made)
    Answer.objects.bulk_create(
        Answer(document=document, question_id="a", value=number) for number, document in enumerate(made)
    )


def right() -> int:
    """How many documents are calculated: none of them wrongly."""
    given = dict(Answer.objects.filter(question="a").values_list("document", "value"))
    found = dict(Answer.objects.filter(question="calc").values_list("document", "value"))
    assert found == {document: given[document] * 2 for document in found}
    return len(found)


def in_the_middle() -> bool:
    """Whether some documents are calculated, and some are not."""
    return 0 < Answer.objects.filter(question="calc").count() < DOCUMENTS


@pytest.mark.usefixtures("documents")
def test_a_worker_goes_on_where_a_killed_one_stopped(tmp_path: Path) -> None:
    with transaction.atomic():
        asked = request(ANNA, ["plan"])
    environment = {"DATABASE_URL": database_url(), "EVENT_LEASE": "3"}
    first = WorkerProcess(tmp_path, **environment)
    try:
        eventually(in_the_middle, otherwise=lambda: first.log)
    finally:
        first.kill()
    eventually(lambda: Recalculation.objects.get(done__gt=0, finished_at=None).done == right())
    assert in_the_middle()
    second = WorkerProcess(tmp_path, **environment)
    try:
        eventually(lambda: Recalculation.objects.exclude(finished_at=None).exists(), otherwise=lambda: second.log)
    finally:
        second.stop()
    asked.refresh_from_db()
    assert (right(), asked.done, asked.total) == (DOCUMENTS, DOCUMENTS, DOCUMENTS)


@pytest.mark.usefixtures("documents")
def test_the_command_that_was_killed_leaves_whole_documents_and_may_be_repeated() -> None:
    command = [sys.executable, "manage.py", "recalculate", "plan"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "caluma_async.settings", "DATABASE_URL": database_url()}
    killed = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        eventually(in_the_middle)
    finally:
        killed.kill()
        killed.wait(60)
    assert 0 < right() < DOCUMENTS
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=120)
    assert right() == DOCUMENTS
    assert not Recalculation.objects.filter(finished_at=None).exists()
