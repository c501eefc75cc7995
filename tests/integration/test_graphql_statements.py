"""How many SQL statements a query costs depends on what it selects, never on how many rows there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from caluma_async.graphql import relations
from caluma_async.graphql.selection import Selection
from caluma_async.testing.factories import (
    make_case,
    make_document,
    make_flow,
    make_form,
    make_question,
    make_task,
    make_work_item,
    make_workflow,
)
from tests.api import ask, nodes, statements

pytestmark = pytest.mark.django_db


def cases(number: int) -> None:
    """That many cases with five work items each, that follow each other, and a child case."""
    make_form("form")
    make_task("on-form", type="complete_task_form", form="form")
    make_workflow("w", start=["a"], flows={("a", "b"): "'c'|task", "c": "'d'|task"}, redoable={"d": "'a'|task"})
    for _ in range(number):
        case = make_case("w", document=make_document("form"))
        previous = None
        for task in ("a", "b", "c", "d", "on-form"):
            previous = make_work_item(case, task, previous_work_item=previous)
        make_case("w", parent_work_item=previous)


def workflows(number: int) -> None:
    """That many workflows with flows and tasks."""
    for each in range(number):
        workflow = make_workflow(f"w{each}", start=["a", "b"], allow_forms=["f", "g"])
        make_flow(workflow, ["a", "b"], "'c'|task")
        make_flow(workflow, ["c"], "['d', 'e']|tasks")


FRAGMENTS = """query ($no: Boolean = false, $yes: Boolean!) {
    allWorkItems { edges { node { ...item case @skip(if: $yes) { workflow { slug } } } } } }
    fragment item on WorkItem { id ... on WorkItem { task { ...task } }
        previousWorkItem @include(if: $no) { id } child: childCase @include(if: $yes) { ... { workflow { slug } } } }
    fragment task on Task { slug ... on CompleteTaskFormTask { form { slug } } }"""

COSTS: list[tuple[str, int, Callable[[int], None]]] = [
    (
        "{ allWorkItems(first: 50) { edges { node { id status task { slug } case { id workflow { slug } } } } } }",
        1,
        cases,
    ),
    ("{ allWorkItems(first: 50) { totalCount edges { node { id status task { slug } case { id } } } } }", 2, cases),
    ("{ allWorkItems { totalCount edges { node { id } } } }", 1, cases),
    ("{ allWorkItems(last: 5) { totalCount edges { node { id } } } }", 2, cases),
    ("{ allCases { edges { node { workItems { edges { node { id task { slug } } } } } } } }", 2, cases),
    ("{ allCases { edges { node { workItems(first: 2) { edges { node { id task { slug } } } } } } } }", 2, cases),
    ("{ allCases { edges { node { workItems(first: 2) { totalCount edges { node { id } } } } } } }", 3, cases),
    ("{ allCases { edges { node { workItems(last: 2) { totalCount edges { node { id } } } } } } }", 3, cases),
    ("{ allCases { edges { node { workItems { totalCount } familyWorkItems { totalCount } } } } }", 3, cases),
    (
        """{ allCases { edges { node {
            ready: workItems(filter: [{status: READY}], order: [{attribute: NAME}]) { edges { node { name } } }
            done: workItems(filter: [{status: COMPLETED}, {metaValue: [{key: "a", value: 1}], invert: true}]) {
                edges { node { name } } } } } } }""",
        3,
        cases,
    ),
    (
        """{ allCases { edges { node { a: workItems(first: 1) { edges { node { case { b: workItems(offset: 1) {
            edges { node { succeedingWorkItems { edges { node { id } } } } } } } } } } } } } }""",
        4,
        cases,
    ),
    ("{ allWorkItems { edges { node { isRedoable } } } }", 2, cases),
    ("{ allWorkItems { edges { node { document { form { slug } } childCase { document { id } } } } } }", 1, cases),
    ("{ allCases { edges { node { parentWorkItem { id case { document { case { id } } } } } } } }", 1, cases),
    ("{ allWorkflows { edges { node { startTasks { slug } } } } }", 2, workflows),
    (
        "{ allWorkflows { edges { node { tasks { slug ... on CompleteTaskFormTask { form { slug } } } } } } }",
        4,
        workflows,
    ),
    ("{ allWorkflows { edges { node { flows { edges { node { next tasks { slug } } } } } } } }", 3, workflows),
    ("{ allWorkflows { edges { node { flows(first: 1) { totalCount edges { node { next } } } } } } }", 3, workflows),
    (
        "{ allWorkflows { edges { node { allowForms { edges { node { documents { totalCount } } } } } } } }",
        3,
        workflows,
    ),
]


@pytest.mark.parametrize("rows", [5, 50])
@pytest.mark.parametrize(("document", "cost", "make"), COSTS)
def test_the_cost_of_a_query_is_that_of_its_fields(
    document: str, cost: int, make: Callable[[int], None], rows: int
) -> None:
    make(rows)
    assert statements(document) == cost


@pytest.mark.parametrize("rows", [5, 50])
def test_fragments_and_conditions_are_looked_through(rows: int) -> None:
    cases(rows)
    assert statements(FRAGMENTS, yes=True) == 1
    assert statements(FRAGMENTS, yes=False) == 1
    node = nodes(ask(FRAGMENTS, yes=True)["allWorkItems"])[4]
    assert node.keys() == {"id", "task", "child"}
    assert node["task"] == {"slug": "on-form", "form": {"slug": "form"}}


def test_conditions_written_out_are_looked_at() -> None:
    cases(2)
    document = "{ allWorkItems { edges { node { id case @include(if: %s) @skip(if: %s) { id } } } } }"
    assert "case" in nodes(ask(document % ("true", "false"))["allWorkItems"])[0]
    assert "case" not in nodes(ask(document % ("false", "false"))["allWorkItems"])[0]
    assert "case" not in nodes(ask(document % ("true", "true"))["allWorkItems"])[0]


def test_fragments_that_multiply_are_not_followed_to_their_end() -> None:
    """Each spreads the next one twice: written out, these are some 2 ** 13 fields, of which no case has any."""
    make_case("w")
    fragments = "".join(
        f"fragment f{number} on Case {{ parentWorkItem {{ case {{ ...f{number + 1} }} "
        f"childCase {{ ...f{number + 1} }} }} }} "
        for number in range(13)
    )
    document = f"{{ allCases {{ edges {{ node {{ id ...f0 }} }} }} }} {fragments} fragment f13 on Case {{ id }}"
    looked_at: list[Selection] = []
    original = Selection.__init__

    def counting(self: Selection, *arguments: Any) -> None:
        looked_at.append(self)
        original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Selection, "__init__", counting)
        assert nodes(ask(document)["allCases"])[0]["parentWorkItem"] is None
    assert len(looked_at) < 100


@pytest.mark.parametrize("rows", [5, 20])
def test_one_connection_under_two_aliases_has_two_results(rows: int) -> None:
    cases(rows)
    document = """{ allCases { edges { node {
        one: workItems(first: 1) { edges { node { task { slug } } } }
        two: workItems(first: 2, order: [{attribute: SLUG, direction: DESC}]) { edges { node { task { slug } } } }
    } } } }"""
    assert statements(document) == 3
    node = nodes(ask(document)["allCases"])[0]
    assert [item["task"]["slug"] for item in nodes(node["one"])] == ["a"]
    assert [item["task"]["slug"] for item in nodes(node["two"])] == ["on-form", "d"]


@pytest.mark.parametrize("rows", [5, 20])
def test_what_is_far_away_costs_statements_of_its_own_but_not_more_with_more_rows(rows: int) -> None:
    cases(rows)
    far = "id"
    for _ in range(12):
        far = f"family {{ {far} }}"
    document = f"{{ allCases {{ edges {{ node {{ {far} }} }} }} }}"
    assert statements(document) == 2
    node = nodes(ask(document)["allCases"])[0]
    for _ in range(12):
        node = node["family"]
    assert node["id"]


def test_a_parent_met_twice_is_asked_for_once() -> None:
    cases(3)
    document = "{ allWorkItems { edges { node { case { workItems { totalCount } } } } } }"
    assert statements(document) == 2


def test_what_many_types_share_is_followed_once_however_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    possible = relations._possible

    def counted(*arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks > 100:  # a question has fourteen types: four levels would be forty thousand ways
            raise AssertionError("The ways to what is selected multiply with each level.")
        return possible(*arguments)

    monkeypatch.setattr(relations, "_possible", counted)
    make_question("q", source=make_question("of"))
    levels = 12
    document = "{ allQuestions { edges { node { slug " + "source { slug " * levels + "}" * levels + " } } } }"
    found = {node["slug"]: node["source"] for node in nodes(ask(document)["allQuestions"])}
    assert found == {"of": None, "q": {"slug": "of", "source": None}}
