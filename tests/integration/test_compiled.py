"""Queries that are compiled once give what Django's own give, with other values and in other threads."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import Q, QuerySet

from caluma_async.compiled import Compiled
from caluma_async.testing.factories import make_case, make_task, make_work_item
from caluma_async.workflow.models import Task, WorkItem

pytestmark = pytest.mark.django_db


def test_a_query_is_built_once_and_asked_with_other_values() -> None:
    built: list[Any] = []

    def build(case: UUID, status: str) -> QuerySet[WorkItem]:
        built.append(case)
        return WorkItem.objects.filter(case=case, status=status).select_related("task", "case").order_by("pk")

    query = Compiled(build)
    first, second = make_case("a", ready=["x", "y"]), make_case("b", ready=["x"])
    make_work_item(second, "y", status="completed", meta={"a": [1]})
    assert query(first.pk, "ready") == list(WorkItem.objects.filter(case=first).order_by("pk"))
    [found] = query(second.pk, "completed")
    assert (found.meta, found.task.pk, found.case, found.closed_at is None) == ({"a": [1]}, "y", second, False)
    assert query(uuid4(), "ready") == []
    assert len(built) == 1


def test_a_list_of_values_may_have_any_length() -> None:
    query = Compiled(lambda slugs, other: Task.objects.filter(Q(pk__in=slugs) | Q(pk=other)).order_by("pk"))
    for slug in "abcd":
        make_task(slug)
    assert [task.pk for task in query(("a", "b"), "d")] == ["a", "b", "d"]
    assert [task.pk for task in query(("c", "d"), "a")] == ["a", "c", "d"]
    assert [task.pk for task in query(("c",), "c")] == ["c"]
    assert [task.pk for task in query(("d", "d", "d"), "gone")] == ["d"]


def test_values_alone_can_be_asked_for() -> None:
    query = Compiled(lambda slug: Task.objects.filter(pk=slug).values_list("pk", flat=True))
    make_task("a")
    assert (query("a"), query("b")) == (["a"], [])


@pytest.mark.django_db(transaction=True)
def test_threads_use_their_own_connections() -> None:
    query = Compiled(lambda slug: Task.objects.filter(pk=slug))
    for number in range(8):
        make_task(f"task-{number}")
    query("task-0")
    found: dict[int, list[str]] = {}

    def ask(number: int) -> None:
        found[number] = [task.pk for _ in range(20) for task in query(f"task-{number}")]
        connection.close()

    threads = [threading.Thread(target=ask, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {number: [f"task-{number}"] * 20 for number in range(8)}
