"""What the guide and the README show of GraphQL runs, in that order, as it stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from caluma_async.graphql.schema import schema
from tests.api import ask, nodes, refusal

pytestmark = pytest.mark.django_db

PROJECT = Path(__file__).resolve().parents[2]
GUIDE = (PROJECT / "docs" / "guide" / "first-workflow.md").read_text()
README = (PROJECT / "README.md").read_text()


def documents(page: str) -> list[str]:
    """The GraphQL of a page, from top to bottom."""
    return re.findall(r"^```graphql\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def posted(page: str) -> list[str]:
    """The documents that a page posts by curl."""
    return [json.loads(body)["query"] for body in re.findall(r"-d '(\{.*?\})'$", page, flags=re.MULTILINE | re.DOTALL)]


TASKS, WORKFLOW, CASE, COMPLETE, TO_DO = documents(GUIDE)


def slugs(connection: dict[str, Any]) -> list[str]:
    return [node["task"]["slug"] for node in nodes(connection)]


def started() -> dict[str, Any]:
    for document in (TASKS, WORKFLOW):
        ask(document)
    case: dict[str, Any] = ask(CASE)["saveCase"]["case"]
    return case


def test_the_guide_leads_from_tasks_to_a_completed_case() -> None:
    case = started()
    assert (case["status"], slugs(case["workItems"])) == ("RUNNING", ["submit"])
    [item] = nodes(case["workItems"])
    for following in (["review"], ["archive"], []):
        answered = ask(COMPLETE, item=item["id"])["completeWorkItem"]["workItem"]
        assert answered["status"] == "COMPLETED"
        assert slugs(answered["case"]["workItems"]) == following
        [item] = nodes(answered["case"]["workItems"]) or [item]
    assert ask("{ allCases { edges { node { status meta } } } }")["allCases"]["edges"] == [
        {"node": {"status": "COMPLETED", "meta": {"reference": "2026-17"}}}
    ]


def test_the_workflow_of_the_guide_has_its_tasks() -> None:
    ask(TASKS)
    answered = ask(WORKFLOW)
    assert [task["slug"] for task in answered["second"]["workflow"]["tasks"]] == ["submit", "review", "archive"]


def test_the_guide_finds_what_is_to_be_done_by_whom() -> None:
    [item] = nodes(started()["workItems"])
    assert ask(TO_DO)["allWorkItems"]["totalCount"] == 0
    ask(COMPLETE, item=item["id"])
    found = ask(TO_DO)["allWorkItems"]
    [node] = nodes(found)
    assert (found["totalCount"], node["name"]) == (1, "Review")
    assert node["deadline"] is not None
    assert node["case"]["meta"] == {"reference": "2026-17"}


def test_a_second_completion_is_refused_as_the_guide_says() -> None:
    [item] = nodes(started()["workItems"])
    ask(COMPLETE, item=item["id"])
    assert refusal(COMPLETE, item=item["id"])["extensions"]["code"] == "refused"


def test_every_mutation_that_the_guide_names_is_there() -> None:
    kind = schema._schema.mutation_type
    assert kind is not None
    named = set(re.findall(r"`((?:save|add|remove|cancel|skip|suspend|resume|redo|reopen|create)[A-Z]\w+)`", GUIDE))
    assert len(named) > 10
    assert named <= set(kind.fields)


def test_the_requests_of_the_readme_lead_through_the_demo() -> None:
    call_command("seed_demo", "--quiet")
    start, complete = posted(README)
    [item] = nodes(ask(start)["saveCase"]["case"]["workItems"])
    assert item["status"] == "READY"
    left = [item["id"]]
    case: dict[str, Any] = {}
    while left:
        answered = ask(complete.replace("WORK_ITEM_ID", left.pop()))["completeWorkItem"]["workItem"]
        assert answered["status"] == "COMPLETED"
        case = answered["case"]
        left = [node["id"] for node in nodes(case["workItems"]) if node["status"] == "READY"]
    assert {node["status"] for node in nodes(case["workItems"])} == {"COMPLETED"}
    assert ask("{ allCases { edges { node { status } } } }")["allCases"]["edges"] == [{"node": {"status": "COMPLETED"}}]
