"""Verbs at the same time: one at a time within a case family, side by side otherwise."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from caluma_async.access.base import Trusted
from caluma_async.errors import Busy, Refused
from caluma_async.events import on
from caluma_async.events.receivers import registry
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import CancelCase, CompleteWorkItem, SaveWorkItem, StartCase, events
from caluma_async.workflow.models import Case, WorkItem
from tests.integration.crowd import SECONDS, crowd
from tests.integration.workflow_stage import ANNA, item, statuses

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16
ROUNDS = 50


def told(outcomes: Sequence[Any]) -> Counter[str]:
    """How often what came out: a status, or a message."""
    return Counter(str(each) if isinstance(each, Exception) else each.status for each in outcomes)


@pytest.mark.postgres
def test_sixteen_clients_complete_one_work_item_and_one_succeeds() -> None:
    make_task("next")
    make_workflow("approval", flows={"a": "'next'|task"})
    with crowd(THREADS) as people:
        for _ in range(ROUNDS):
            case = make_case("approval", ready=["a"])
            key = item(case, "a").pk

            def complete(key: Any = key) -> WorkItem:
                return run(CompleteWorkItem(ANNA, id=key))

            outcomes = told(people.do([complete] * THREADS))
            assert outcomes == {"completed": 1, "Only ready work items can be completed.": THREADS - 1}
            assert statuses(case) == {"": "running", "a": "completed", "next": "ready"}


@pytest.mark.postgres
def test_branches_completed_at_the_same_moment_join_exactly_once() -> None:
    make_task("join")
    make_workflow("approval", flows={("a", "b"): "'join'|task"})
    with crowd(2) as people:
        for _ in range(ROUNDS):
            case = make_case("approval", ready=["a", "b"])
            keys = [item(case, "a").pk, item(case, "b").pk]
            outcomes = told(people.do([lambda key=key: run(CompleteWorkItem(ANNA, id=key)) for key in keys]))
            assert outcomes == {"completed": 2}
            assert statuses(case) == {"": "running", "a": "completed", "b": "completed", "join": "ready"}


def test_the_last_two_work_items_completed_at_the_same_moment_complete_the_case() -> None:
    make_workflow("approval")
    with crowd(2) as people:
        for _ in range(10):
            case = make_case("approval", ready=["a", "b"])
            keys = [item(case, "a").pk, item(case, "b").pk]
            people.do([lambda key=key: run(CompleteWorkItem(ANNA, id=key)) for key in keys])
            assert statuses(case) == {"": "completed", "a": "completed", "b": "completed"}


def test_a_root_canceled_while_work_below_is_completed_leaves_nothing_open() -> None:
    make_task("next")
    make_workflow("child", flows={"d": "'next'|task"})
    with crowd(2) as people:
        for _ in range(10):
            root = make_case("root", ready=["a"])
            child = make_case("child", ready=["d"], parent_work_item=item(root, "a"))
            deeds: list[Callable[[], Any]] = [
                lambda root=root: run(CancelCase(ANNA, id=root.pk)),
                lambda child=child: run(CompleteWorkItem(ANNA, id=item(child, "d").pk)),
            ]
            people.do(deeds)
            assert not WorkItem.objects.filter(case__family=root, status="ready").exists()
            assert not Case.objects.filter(family=root, status="running").exists()


def test_child_cases_of_one_parent_are_started_one_at_a_time() -> None:
    make_workflow("hearing", start=["hear"])
    parent = make_work_item()
    with crowd(4) as people:
        outcomes = told(people.do([lambda: run(StartCase(ANNA, workflow="hearing", parent_work_item=parent.pk))] * 4))
    assert outcomes == {"running": 1, "The work item has a running child case already.": 3}
    assert Case.objects.filter(workflow="hearing").count() == 1


@pytest.mark.postgres
def test_verbs_on_different_families_do_not_wait_for_each_other() -> None:
    make_task("next")
    make_workflow("approval", start=["a"], flows={"a": "'next'|task"})
    held, other = make_case("approval", ready=["a"]), make_case("approval", ready=["a"])
    inside, leave = threading.Event(), threading.Event()
    user = User("who-stays")

    with registry.isolated(), crowd(1) as people:

        @on(events.post_complete_work_item, raise_exception=True)
        def stay(user: User, **kwargs: Any) -> None:
            if user.username == "who-stays":
                inside.set()
                assert leave.wait(SECONDS)

        future = people._pool.submit(lambda: run(CompleteWorkItem(user, id=item(held, "a").pk)))
        assert inside.wait(SECONDS)
        assert run(CompleteWorkItem(ANNA, id=item(other, "a").pk)).status == "completed"
        assert run(StartCase(ANNA, workflow="approval")).status == "running"
        assert not future.done()
        leave.set()
        assert future.result(SECONDS).status == "completed"


@contextmanager
def patience(milliseconds: int) -> Iterator[None]:
    """How long this connection waits for locks."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET lock_timeout = {milliseconds}")
        else:
            cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
    try:
        yield
    finally:
        connection.close()


def test_a_verb_that_waits_too_long_says_so() -> None:
    case = make_case("approval", ready=["a"])
    key = item(case, "a").pk
    locked, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Case.objects.select_for_update().filter(pk=case.family_id))
            locked.set()
            assert leave.wait(SECONDS)

    with crowd(1) as people:
        future = people._pool.submit(hold)
        assert locked.wait(SECONDS)
        try:
            with patience(50), pytest.raises(Busy) as caught:
                run(CompleteWorkItem(ANNA, id=key))
        finally:
            leave.set()
            future.result(SECONDS)
    assert caught.value.message == "Another mutation is working on the same data; try again later."
    assert caught.value.code == Refused.code
    assert statuses(case) == {"": "running", "a": "ready"}


def _collide(times: int, state: str) -> Callable[..., Any]:
    """An execute wrapper that has the database raise an error of that state for so many updates of work items."""
    left = [times]

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if left[0] and sql.startswith('UPDATE "workflow_workitem"'):
            left[0] -= 1
            return execute(
                f"DO $$ BEGIN RAISE EXCEPTION 'collided' USING ERRCODE = '{state}'; END $$", None, False, context
            )
        return execute(sql, params, many, context)

    return wrapper


@pytest.mark.postgres
@pytest.mark.parametrize("state", ["40P01", "40001"], ids=["deadlock", "serialization failure"])
def test_a_collision_is_repeated(state: str) -> None:
    work_item = make_work_item(name={"en": "old"})
    with connection.execute_wrapper(_collide(3, state)):
        run(SaveWorkItem(ANNA, work_item=work_item.pk, name="new", meta={"a": 1}))
    work_item.refresh_from_db()
    assert (work_item.name, work_item.meta) == ({"en": "new"}, {"a": 1})


@pytest.mark.postgres
def test_a_repetition_starts_with_the_input_as_it_was_given() -> None:
    class Counting(Trusted):
        def validate(self, deed: Any, instance: Any) -> dict[str, Any]:
            return {**deed.data, "assigned_users": [*deed.data["assigned_users"], "validated"]}

    work_item = make_work_item()
    with connection.execute_wrapper(_collide(2, "40P01")):
        run(SaveWorkItem(ANNA, access=Counting(), work_item=work_item.pk, assigned_users=["ben"]))
    work_item.refresh_from_db()
    assert work_item.assigned_users == ["ben", "validated"]


@pytest.mark.postgres
def test_a_collision_that_goes_on_is_told_to_the_client() -> None:
    work_item = make_work_item()
    with connection.execute_wrapper(_collide(4, "40P01")), pytest.raises(Busy):
        run(SaveWorkItem(ANNA, work_item=work_item.pk, meta={"a": 1}))
    work_item.refresh_from_db()
    assert work_item.meta == {}


@pytest.mark.postgres
def test_a_collision_after_a_receiver_ran_is_not_repeated() -> None:
    work_item = make_work_item()
    calls: list[Any] = []
    with registry.isolated():

        @on(events.pre_complete_work_item, raise_exception=True)
        def count(work_item: WorkItem, **kwargs: Any) -> None:
            calls.append(work_item.pk)

        with connection.execute_wrapper(_collide(1, "40P01")), pytest.raises(Busy):
            run(CompleteWorkItem(ANNA, id=work_item.pk))
    assert calls == [work_item.pk]


@pytest.mark.postgres
def test_a_collision_inside_a_transaction_of_somebody_else_is_theirs_to_repeat() -> None:
    work_item = make_work_item()
    with (
        connection.execute_wrapper(_collide(1, "40P01")),
        pytest.raises(OperationalError, match="collided"),
        transaction.atomic(),
    ):
        run(SaveWorkItem(ANNA, work_item=work_item.pk, meta={"a": 1}))


@pytest.mark.postgres
def test_a_real_deadlock_is_repeated_and_both_verbs_succeed() -> None:
    first, second = make_work_item(), make_work_item()
    meeting = threading.Barrier(2, timeout=SECONDS)
    waited: set[str] = set()

    def both(one: WorkItem, other: WorkItem) -> Callable[[], Any]:
        """A verb on one work item, that touches the other one's row as well."""
        name = str(one.pk)

        class Both(SaveWorkItem):
            def write(self) -> WorkItem:
                written = super().write()
                if name not in waited:
                    waited.add(name)
                    meeting.wait()
                WorkItem.objects.filter(pk=other.pk).update(assigned_users=[name])
                return written

        return lambda: run(Both(ANNA, work_item=one.pk, meta={"saved": name}))

    with crowd(2) as people:
        outcomes = told(people.do([both(first, second), both(second, first)]))
    assert outcomes == {"ready": 2}
    for work_item in (first, second):
        work_item.refresh_from_db()
        assert work_item.meta == {"saved": str(work_item.pk)}
