"""What evaluating a document costs in statements: the same, however many questions and rows there are."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caluma_async.form.calculation import recalculate
from caluma_async.form.models import Answer, Document
from caluma_async.form.verbs import SaveDocumentIntegerAnswer
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_task, make_work_item
from caluma_async.testing.permit_form import make_permit, make_permit_form
from caluma_async.verbs import run
from caluma_async.workflow.models import Task
from caluma_async.workflow.verbs.work_items import CompleteWorkItem
from tests.api import ask, statements

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])
VALIDITY = "query ($id: ID!) { documentValidity(id: $id) { edges { node { isValid errors { slug } } } } }"

sizes = pytest.mark.parametrize(("questions", "rows"), [(20, 20), (60, 0), (60, 20), (60, 100), (200, 20)])


@pytest.fixture
def permit(questions: int, rows: int) -> Document:
    make_permit_form(questions)
    document = make_permit(rows)
    recalculate(document.pk, ANNA)
    return document


def number(question: str) -> float:
    return float(Answer.objects.get(question=question).value)


@sizes
def test_validity(permit: Document) -> None:
    assert ask(VALIDITY, id=str(permit.pk))["documentValidity"]["edges"][0]["node"] == {"isValid": True, "errors": []}
    assert statements(VALIDITY, id=str(permit.pk)) == 4


@sizes
def test_an_integer_that_feeds_two_calculated_answers(permit: Document, rows: int) -> None:
    def save(value: int) -> None:
        run(SaveDocumentIntegerAnswer(ANNA, document=permit.pk, question="amount", value=value))

    save(1)
    with CaptureQueriesContext(connection) as captured:
        save(5)
    total = 5 + sum(range(rows))
    assert (number("total"), number("fee")) == (total, 2 * total)
    own = [each["sql"] for each in captured if "SAVEPOINT" not in str(each["sql"])]
    assert len(own) <= 8, own


@sizes
@pytest.mark.parametrize("kind", [Task.TYPE_COMPLETE_TASK_FORM, Task.TYPE_COMPLETE_WORKFLOW_FORM])
def test_completing_a_work_item_with_a_form(permit: Document, kind: str) -> None:
    make_task("fill", type=kind)
    of_task = kind == Task.TYPE_COMPLETE_TASK_FORM
    case = make_case(document=None if of_task else permit)
    item = make_work_item(case, "fill", document=permit if of_task else None)
    assert connection.features.supports_json_field  # Django asks SQLite once per connection
    with CaptureQueriesContext(connection) as captured:
        run(CompleteWorkItem(ANNA, id=item.pk))
    assert len([each for each in captured if "SAVEPOINT" not in str(each["sql"])]) == 9
