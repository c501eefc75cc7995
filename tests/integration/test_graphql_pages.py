"""Pages of connections: at the root, and below many parents at once."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from caluma_async.graphql.pages import cursor_at
from caluma_async.testing.factories import make_case, make_flow, make_task, make_work_item, make_workflow
from caluma_async.workflow.models import WorkItem
from tests.api import ask, nodes, outcome, refusal, statements

pytestmark = pytest.mark.django_db

TASKS = ["a", "b", "c", "d", "e"]
ROOT = """query ($first: Int, $last: Int, $before: String, $after: String, $offset: Int) {
    page: allWorkItems(first: $first, last: $last, before: $before, after: $after, offset: $offset) {
        totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor node { task { slug } } }
    } }"""
BELOW = """query ($first: Int, $last: Int, $before: String, $after: String, $offset: Int) {
    allCases { edges { node {
        page: workItems(first: $first, last: $last, before: $before, after: $after, offset: $offset) {
            totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            edges { cursor node { task { slug } } }
        } } } } }"""

PAGES: list[tuple[dict[str, Any], str, bool, bool]] = [
    # asked for, tasks, has next, has previous
    ({}, "abcde", False, False),
    ({"first": None}, "abcde", False, False),
    ({"first": 0}, "", True, False),
    ({"first": 2}, "ab", True, False),
    ({"first": 5}, "abcde", False, False),
    ({"first": 50}, "abcde", False, False),
    ({"first": 2, "after": cursor_at(1)}, "cd", True, True),
    ({"first": 2, "after": cursor_at(2)}, "de", False, True),
    ({"after": cursor_at(3)}, "e", False, True),
    ({"after": cursor_at(9)}, "", False, True),
    ({"offset": 3}, "de", False, True),
    ({"offset": 1, "first": 2}, "bc", True, True),
    ({"offset": 1, "after": cursor_at(0), "first": 2}, "cd", True, True),
    ({"last": 2}, "de", False, True),
    ({"last": 0}, "", False, True),
    ({"last": 50}, "abcde", False, False),
    ({"last": 2, "before": cursor_at(3)}, "bc", True, True),
    ({"last": 2, "before": cursor_at(50)}, "de", False, True),
    ({"before": cursor_at(2)}, "ab", True, False),
    ({"before": cursor_at(0)}, "", True, False),
    ({"first": 4, "last": 2}, "cd", True, True),
    ({"first": 1, "before": cursor_at(3), "after": cursor_at(0)}, "b", True, True),
]


def check(page: dict[str, Any], tasks: str, has_next: bool, has_previous: bool) -> None:
    """The page has these tasks, which stand where they do among all."""
    assert "".join(node["task"]["slug"] for node in nodes(page)) == tasks
    assert page["totalCount"] == 5
    assert [edge["cursor"] for edge in page["edges"]] == [cursor_at(TASKS.index(task)) for task in tasks]
    info = page["pageInfo"]
    assert info["startCursor"] == (cursor_at(TASKS.index(tasks[0])) if tasks else None)
    assert info["endCursor"] == (cursor_at(TASKS.index(tasks[-1])) if tasks else None)
    if tasks:
        assert (info["hasNextPage"], info["hasPreviousPage"]) == (has_next, has_previous)


@pytest.mark.parametrize(("asked", "tasks", "has_next", "has_previous"), PAGES)
def test_a_page_of_all(asked: dict[str, Any], tasks: str, has_next: bool, has_previous: bool) -> None:
    make_case(ready=TASKS)
    check(ask(ROOT, **asked)["page"], tasks, has_next, has_previous)


@pytest.mark.parametrize(("asked", "tasks", "has_next", "has_previous"), PAGES)
def test_a_page_below_each_parent(asked: dict[str, Any], tasks: str, has_next: bool, has_previous: bool) -> None:
    make_workflow("w")
    for _ in range(3):
        make_case("w", ready=TASKS)
    make_case("w")
    *full, empty = [node["page"] for node in nodes(ask(BELOW, **asked)["allCases"])]
    for page in full:
        check(page, tasks, has_next, has_previous)
    assert empty["edges"] == []
    assert empty["totalCount"] == 0
    assert not empty["pageInfo"]["hasNextPage"]


def test_walking_from_page_to_page_meets_every_row_once() -> None:
    make_case(ready=TASKS)
    WorkItem.objects.update(created_at=WorkItem.objects.earliest("created_at").created_at)
    seen, cursor = [], None
    while True:
        page = ask(ROOT, first=2, after=cursor)["page"]
        seen += [node["task"]["slug"] for node in nodes(page)]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == TASKS


def test_the_total_counts_what_the_filter_leaves() -> None:
    case = make_case(ready=["a", "b"])
    make_work_item(case, "a", status="completed")
    document = """{ allWorkItems(first: 1, filter: {status: READY}) { totalCount }
        allCases { edges { node {
            workItems(first: 1, filter: {status: READY}) { totalCount edges { cursor } } } } } }"""
    answer = ask(document)
    assert answer["allWorkItems"] == {"totalCount": 2}
    assert nodes(answer["allCases"])[0]["workItems"]["totalCount"] == 2


def test_the_total_alone_is_one_statement() -> None:
    make_case(ready=TASKS)
    assert statements("{ allWorkItems { totalCount } }") == 1
    assert ask("{ allWorkItems(first: 2) { totalCount } }")["allWorkItems"] == {"totalCount": 5}


def test_a_connection_of_which_nothing_but_its_type_is_wanted_costs_nothing() -> None:
    assert statements("{ allWorkItems { __typename } }") == 0


def test_a_flow_that_several_tasks_share_has_one_place() -> None:
    for number in range(2):
        workflow = make_workflow(f"w{number}")
        make_flow(workflow, ["a", "b", "c"], "'d'|task")
        make_flow(workflow, ["d"], "'e'|task")
        make_flow(workflow, ["e"], "'a'|task")
    document = """query ($first: Int, $last: Int, $offset: Int) { allWorkflows { edges { node {
        flows(first: $first, last: $last, offset: $offset) {
            totalCount pageInfo { hasNextPage } edges { cursor node { next tasks { slug } } } }
    } } } }"""

    def flows(**asked: int) -> list[Any]:
        return [node["flows"] for node in nodes(ask(document, **asked)["allWorkflows"])]

    for found in flows(first=2):
        assert found["totalCount"] == 3
        assert found["pageInfo"] == {"hasNextPage": True}
        assert [edge["cursor"] for edge in found["edges"]] == [cursor_at(0), cursor_at(1)]
        first, second = nodes(found)
        assert first == {"next": "'d'|task", "tasks": [{"slug": "a"}, {"slug": "b"}, {"slug": "c"}]}
        assert second == {"next": "'e'|task", "tasks": [{"slug": "d"}]}
    assert [[node["next"] for node in nodes(found)] for found in flows(last=1)] == [["'a'|task"]] * 2
    assert [[node["next"] for node in nodes(found)] for found in flows(offset=1)] == [["'e'|task", "'a'|task"]] * 2
    assert [len(nodes(found)) for found in flows()] == [3, 3]


def test_more_rows_than_allowed_are_an_error_never_a_cut(settings: Any) -> None:
    make_case(ready=TASKS)
    settings.GRAPHQL_MAX_ROWS = 4
    error = refusal("{ allWorkItems { edges { node { id } } } }")
    assert error["message"].startswith("allWorkItems has more than 4 rows: ask for pages")
    assert error["extensions"] == {"code": "invalid", "field": "first"}
    before = refusal("query ($c: String) { allWorkItems(before: $c) { edges { node { id } } } }", c=cursor_at(5))
    assert before["message"].startswith("allWorkItems has more than 4 rows")
    assert len(nodes(ask("{ allWorkItems(first: 4) { edges { node { id } } } }")["allWorkItems"])) == 4
    assert ask("{ allWorkItems { totalCount } }")["allWorkItems"]["totalCount"] == 5
    settings.GRAPHQL_MAX_ROWS = 5
    assert len(nodes(ask("{ allWorkItems { edges { node { id } } } }")["allWorkItems"])) == 5


@pytest.mark.parametrize("asked", ["", "(offset: 0, before: $c)"])
def test_the_limit_holds_for_each_parent_by_itself(asked: str, settings: Any) -> None:
    make_workflow("w")
    make_case("w", ready=TASKS)
    make_case("w", ready=["a", "b", "c", "d"])
    settings.GRAPHQL_MAX_ROWS = 4
    variable = "query ($c: String)" if asked else ""
    below = f"workItems{asked} {{ totalCount edges {{ cursor }} }}"
    document = f"{variable} {{ allCases {{ edges {{ node {{ {below} }} }} }} }}"
    error = refusal(document, c=cursor_at(90)) if asked else refusal(document)
    assert error["message"].startswith("workItems has more than 4 rows")
    assert error["path"] == ["allCases", "edges", 0, "node", "workItems"]


def test_a_request_has_a_limit_for_all_its_connections_together(settings: Any) -> None:
    make_workflow("w")
    make_case("w", ready=TASKS)
    document = "{ allCases { edges { node { workItems { edges { node { case { workItems { totalCount } } } } } } } } }"
    # one case and what is below it, five work items and what is below the case of each
    settings.GRAPHQL_MAX_NODES = 12
    assert ask(document)
    settings.GRAPHQL_MAX_NODES = 11
    error = refusal(document)
    assert error["message"].startswith("The request asks for more than 11 objects")
    settings.GRAPHQL_MAX_NODES = 4
    assert refusal(document)["message"].startswith("The request asks for more than 4 objects")


def test_objects_in_lists_of_lists_of_lists_count_more_for_their_numbers_multiply(settings: Any) -> None:
    make_workflow("w")
    make_case("w", ready=TASKS)
    asked = "{ node { case { workItems { edges { node { id } } } } } }"
    document = f"{{ allCases {{ edges {{ node {{ workItems {{ edges {asked} }} }} }} }} }}"
    # twelve as above, and five times five that count twice
    settings.GRAPHQL_MAX_NODES = 12 + 50
    assert ask(document)
    settings.GRAPHQL_MAX_NODES = 12 + 49
    assert refusal(document)["message"].startswith("The request asks for more than 61 objects")


def test_what_is_asked_for_beyond_that_limit_is_null_and_one_error_says_why(settings: Any) -> None:
    make_workflow("w")
    make_case("w", ready=TASKS)
    asked = "{ node { case { workItems { totalCount } } } }"
    document = f"{{ allCases {{ edges {{ node {{ workItems {{ edges {asked} }} }} }} }} }}"
    settings.GRAPHQL_MAX_NODES = 8
    answer = outcome(document).body
    edges = answer["data"]["allCases"]["edges"][0]["node"]["workItems"]["edges"]
    assert [edge["node"]["case"]["workItems"] for edge in edges] == [None] * 5
    assert len(answer["errors"]) == 1


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("first: -1", "first"),
        ("last: -1", "last"),
        ("offset: -1", "offset"),
        ("first: 10001", "first"),
        ("last: 10001", "last"),
        ('after: "x"', "after"),
        ('before: "x"', "before"),
        (f'after: "{base64.b64encode(b"arrayconnection:-5").decode()}"', "after"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_by_name(asked: str, field: str) -> None:
    make_case(ready=["a"])
    root = refusal(f"{{ allWorkItems({asked}) {{ edges {{ cursor }} }} }}")
    assert root["extensions"] == {"code": "invalid", "field": field}
    below = refusal(f"{{ allCases {{ edges {{ node {{ workItems({asked}) {{ edges {{ cursor }} }} }} }} }} }}")
    assert below["extensions"] == {"code": "invalid", "field": field}
    assert below["path"] == ["allCases", "edges", 0, "node", "workItems"]


def test_lists_below_many_parents_keep_their_order() -> None:
    for name in "dcba":
        make_task(name)
    make_workflow("w", start=["a", "b", "c", "d"])
    found = nodes(ask("{ allWorkflows { edges { node { startTasks { slug } } } } }")["allWorkflows"])
    assert found == [{"startTasks": [{"slug": "d"}, {"slug": "c"}, {"slug": "b"}, {"slug": "a"}]}]
