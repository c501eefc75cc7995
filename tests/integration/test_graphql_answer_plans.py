"""How PostgreSQL finds answers among twenty thousand: by index, not by reading them all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.form.models import Answer, Document
from caluma_async.testing.factories import make_form, make_question, make_workflow
from caluma_async.workflow.models import Case
from tests.api import ask, nodes
from tests.integration.test_graphql_has_answer import has

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

MANY = 20_000
CASES = """query ($filter: [CaseFilterSetType]) { allCases(first: 20, filter: $filter) {
    edges { node { id document { id } } } } }"""


@pytest.fixture
def town() -> None:
    """As many cases, each with an answer: a number as text, or a list of two in every tenth."""
    form, workflow = make_form("plan"), make_workflow("permit")
    make_question("number", form=form)
    make_question("marks", form=form, type="multiple_choice")
    documents = [Document(form=form) for _ in range(MANY)]
    for document in documents:
        document.family_id = document.pk
    Document.objects.bulk_create(documents)
    answers = [Answer(document=each, question_id="number", value=f"n{place}") for place, each in enumerate(documents)]
    answers += [
        Answer(document=each, question_id="marks", value=[f"m{place % 1_000}", "all"])
        for place, each in enumerate(documents[::10])
    ]
    Answer.objects.bulk_create(answers)
    cases = [Case(workflow=workflow, document=document) for document in documents]
    for case in cases:
        case.family_id = case.pk
    Case.objects.bulk_create(cases)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE form_answer, form_document, workflow_case")


def plan(given: dict[str, Any]) -> tuple[int, str]:
    """How many cases the filter leaves, and how PostgreSQL found them."""
    with CaptureQueriesContext(connection) as captured:
        found = len(nodes(ask(CASES, filter=[given])["allCases"]))
    [statement] = [query["sql"] for query in captured.captured_queries if '"form_answer"' in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}")
        return found, "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.usefixtures("town")
def test_answers_are_found_by_index() -> None:
    for given, number in [
        (has("number", "n777"), 1),
        (has("number", ["n1", "n19999"], "IN"), 2),
        (has("marks", ["m77", "all"]), 2),
        (has("marks", ["m77"], "CONTAINS"), 2),
        (has("marks", ["m77", "m78"], "INTERSECTS"), 4),
    ]:
        found, explained = plan(given)
        assert found == number, given
        assert "answer_by_value" in explained, explained
        assert "Seq Scan on form_answer" not in explained, explained
        read = [int(count) for count in re.findall(r"shared hit=(\d+)", explained)]
        assert max(read) < MANY // 10, explained  # planning reads some, too; without the index it is several times MANY
