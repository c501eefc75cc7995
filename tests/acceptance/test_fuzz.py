"""Whatever the schema lets a client say to a running server: it is answered in words, and nothing breaks.

`FUZZ_EXAMPLES` is the number of documents per root field and mode; without it a few, the same ones every time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from caluma_async.testing.factories import make_case, make_document, make_form, make_task, make_work_item, make_workflow
from caluma_async.workflow.models import Case, Task, WorkItem
from tests.acceptance import strange
from tests.acceptance.server import Server, serving
from tests.api import gid

pytestmark = pytest.mark.django_db(transaction=True)

FEW = 6
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", FEW))
LONGEST = 30.0
"""Seconds after which an answer counts as none; most take milliseconds."""

bounded = settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES == FEW,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def names() -> strange.Names:
    """What the design and one case are called by."""
    form = make_form("leave")
    tasks = [make_task("review"), make_task("decide", is_multiple_instance=True)]
    tasks.append(make_task("fill-in", type=Task.TYPE_COMPLETE_TASK_FORM, form=form))
    next_tasks = {"review": "['decide', 'fill-in']|tasks"}
    workflow = make_workflow("approval", start=["review"], flows=next_tasks, allow_forms=[form])
    called = {"form": [form.pk], "task": [task.pk for task in tasks], "workflow": [workflow.pk, gid(workflow)]}
    return {**called, "flow": [str(workflow.flows.get().pk)], **case_names(), "slug": [task.pk for task in tasks]}


def case_names() -> dict[str, list[str]]:
    """The names of new cases and of work items in every state."""
    cases = [make_case("approval", status=status) for status in Case.STATUSES]
    cases.append(make_case("approval", document=make_document("leave"), meta={"a": 1}))
    items = [make_work_item(cases[-1], "review", status=status) for status in WorkItem.STATUSES]
    items.append(make_work_item(cases[-1], "decide"))
    items.append(make_work_item(cases[0], "review", previous_work_item=items[0]))
    cases.append(make_case("approval", parent_work_item=items[-1]))
    return {"case": [gid(case) for case in cases], "workItem": [str(item.pk) for item in items]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, EVENT_RECEIVER_MODULES="") as server:
        yield server


def own_kind(label: str) -> str:
    """What the `id` in the input of a root field is the id of."""
    return "workItem" if "WorkItem" in label else "case"


def complaint(response: httpx.Response) -> str:
    """What is wrong with an answer; nothing, if it is as the contract has it."""
    if response.status_code not in {200, 400}:
        return f"status {response.status_code}"
    body = response.json()
    errors = body.get("errors", [])
    if ("data" in body) is not (response.status_code == 200) or (response.status_code == 400 and not errors):
        return "neither data nor errors"
    if any(error.get("extensions", {}).get("code") == "internal" for error in errors):
        return "internal error"
    if any(not error["message"] or "Traceback" in error["message"] for error in errors):
        return "no sentence"
    return ""


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "misfitting"])
def test_nothing_that_a_client_can_say_breaks_the_server(
    names: dict[str, list[str]], server: Server, mode: GenerationMode
) -> None:
    strange.register(names)
    described = schemathesis.graphql.from_url(f"{server.url}/graphql")
    operations = [found.ok() for found in described.get_all_operations()]
    wrong: list[str] = []
    asked: set[str] = set()
    with httpx.Client(base_url=server.url, timeout=LONGEST) as client:

        def ask(document: str, label: str) -> None:
            response = client.post("/graphql", json={"query": document})
            if said := complaint(response):
                wrong.append(f"{said}: {document}")
            asked.add(label)

        for operation in operations:
            names.update(case_names())

            @bounded
            @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
            def check(case: Any, data: st.DataObject) -> None:
                label: str = case.operation.label
                fitting = mode is GenerationMode.POSITIVE
                ask(strange.sensible(case.body, own_kind(label), names, data) if fitting else case.body, label)

            check()
    server.stop()
    assert wrong == []
    assert asked == {operation.label for operation in operations}
    assert not re.search(r"Traceback|\b(ERROR|CRITICAL)\b", server.log), server.log[-10_000:]
