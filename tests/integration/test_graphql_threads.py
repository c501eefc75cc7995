"""The schema with its real threads: a case from its start to its end, and requests beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from caluma_async.graphql.context import Context
from caluma_async.graphql.database import threads
from caluma_async.graphql.execution import Asked, execute
from caluma_async.graphql.schema import schema
from caluma_async.testing.factories import make_case, make_task, make_workflow
from tests.api import nodes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    threads.close()


async def ask(document: str, **variables: Any) -> Any:
    """The data of an answer without errors."""
    answered = await execute(schema, Asked(query=document, variables=variables), Context())
    assert "errors" not in answered.body, answered.body
    return answered.body["data"]


def test_a_case_runs_from_its_start_to_its_end() -> None:
    make_task("decide")
    make_workflow("approval", start=["review"], flows={"review": "'decide'|task"})
    ready = "{ allWorkItems(filter: [{status: READY}]) { edges { node { id task { slug } } } } }"
    complete = "mutation ($id: ID!) { completeWorkItem(input: {id: $id}) { workItem { status case { status } } } }"

    async def run() -> tuple[list[str], list[Any]]:
        await ask('mutation { saveCase(input: {workflow: "approval"}) { case { id } } }')
        done, answers = [], []
        while items := nodes((await ask(ready))["allWorkItems"]):
            done.append(items[0]["task"]["slug"])
            answers.append((await ask(complete, id=items[0]["id"]))["completeWorkItem"]["workItem"])
        return done, answers

    done, answers = asyncio.run(run())
    assert done == ["review", "decide"]
    assert answers == [
        {"status": "COMPLETED", "case": {"status": "RUNNING"}},
        {"status": "COMPLETED", "case": {"status": "COMPLETED"}},
    ]


def test_requests_beside_each_other_keep_their_own_languages() -> None:
    make_task("review", name={"en": "Review", "de": "Prüfung"})
    make_case("w", ready=["review"])
    document = """query ($f: [TaskFilterSetType]) { allTasks(filter: $f) { edges { node { name } } }
        allCases { edges { node { workItems { edges { node { task { name } } } } } } } }"""

    async def one(language: str, name: str) -> str:
        with translation.override(language):
            answer = await ask(document, f=[{"name": name}])
        (case,) = nodes(answer["allCases"])
        assert nodes(case["workItems"]) == [{"task": {"name": name}}]
        return str(nodes(answer["allTasks"])[0]["name"])

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(one(*[("en", "Review"), ("de", "Prüfung")][number % 2]) for number in range(20)))

    assert asyncio.run(all_of_them()) == ["Review", "Prüfung"] * 10
