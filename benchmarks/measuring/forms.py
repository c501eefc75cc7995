"""What it takes to evaluate a document of 60 questions and 20 rows, beside what 100 bare statements take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import connection

from caluma_async.form.calculation import recalculate
from caluma_async.form.models import Document
from caluma_async.form.verbs import SaveDocumentIntegerAnswer
from caluma_async.graphql.context import Context
from caluma_async.graphql.database import on_callers_thread
from caluma_async.graphql.execution import Asked, execute
from caluma_async.graphql.schema import schema
from caluma_async.identity import ANONYMOUS
from caluma_async.testing.permit_form import make_permit, make_permit_form
from caluma_async.verbs import run

BARE = 100
PAGE = """
query ($id: ID!) {
  node(id: $id) {
    ... on Document {
      id meta modifiedContentAt
      form { ...questions name description }
      answers { edges { node { ...answer ... on TableAnswer { rows: value {
        id form { slug questions { edges { node { id slug label isHidden isRequired } } } }
        answers { edges { node { ...answer } } }
      } } } } }
    }
  }
}
fragment questions on Form {
  id slug meta questions { edges { node { ...question ... on FormQuestion { subForm {
    id slug meta questions { edges { node { ...question } } }
  } } } } }
}
fragment question on Question {
  __typename id slug label infoText isHidden isRequired meta
  ... on ChoiceQuestion { options { edges { node { id slug label isHidden } } } }
  ... on TableQuestion { rowForm { id slug } }
}
fragment answer on Answer {
  __typename id question { id slug }
  ... on StringAnswer { stringValue: value }
  ... on IntegerAnswer { integerValue: value }
  ... on FloatAnswer { floatValue: value }
}
"""
VALIDITY = "query ($id: ID!) { documentValidity(id: $id) { edges { node { isValid errors { slug } } } } }"


def measure(seconds: float) -> dict[str, float]:
    """Median milliseconds of each, and the number of their statements."""
    make_permit_form()
    document = make_permit()
    recalculate(document.pk, ANONYMOUS)
    amounts = iter(range(1_000_000))

    def save() -> None:
        run(SaveDocumentIntegerAnswer(ANONYMOUS, document=document.pk, question="amount", value=next(amounts)))

    measured = {
        "bare": lambda: _bare(document.pk),
        "validity": lambda: _valid(document),
        "integer": save,
        "page": lambda: _asked(PAGE, document),
    }
    times: dict[str, list[float]] = {name: [] for name in measured}
    counts = {f"{name}_statements": _statements(act) for name, act in measured.items()}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:  # in turn: the machine may be busier at one time than at another
        for name, act in measured.items():
            begun = time.perf_counter()
            act()
            times[name].append((time.perf_counter() - begun) * 1_000)
    return {**{name: statistics.median(each) for name, each in times.items()}, **counts}


def _bare(key: UUID) -> None:
    with connection.cursor() as cursor:
        for _ in range(BARE):
            cursor.execute("SELECT id FROM form_document WHERE id = %s", [key])
            cursor.fetchall()


def _asked(query: str, document: Document) -> Any:
    with on_callers_thread():
        answered = async_to_sync(execute)(schema, Asked(query=query, variables={"id": str(document.pk)}), Context())
    if "errors" in answered.body:
        raise RuntimeError(answered.body["errors"])
    return answered.body["data"]


def _valid(document: Document) -> None:
    node = _asked(VALIDITY, document)["documentValidity"]["edges"][0]["node"]
    if not node["isValid"]:
        raise RuntimeError(f"the document is not valid: {node['errors']}")


def _statements(act: Callable[[], None]) -> int:
    act()  # what is kept is there afterwards
    number = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal number
        number += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        act()
    return number
