"""The verbs as Python functions, sync and async."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

import caluma_async.workflow as package
from caluma_async.errors import NotFound, SyncVerbOnEventLoop
from caluma_async.events import on
from caluma_async.events.receivers import registry
from caluma_async.testing.factories import make_case, make_form, make_task, make_work_item, make_workflow
from caluma_async.workflow import api, events
from caluma_async.workflow.models import Case, Task, Workflow, WorkItem
from tests.integration.workflow_stage import ANNA, item, statuses

FUNCTIONS = [
    "start_case",
    "save_case",
    "cancel_case",
    "suspend_case",
    "resume_case",
    "reopen_case",
    "complete_work_item",
    "skip_work_item",
    "cancel_work_item",
    "suspend_work_item",
    "resume_work_item",
    "redo_work_item",
    "create_work_item",
    "save_work_item",
]


@pytest.fixture(autouse=True)
def _own_receivers() -> Iterator[None]:
    with registry.isolated():
        yield


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_an_async_twin_with_the_same_signature(name: str) -> None:
    function, twin = getattr(api, name), getattr(api, f"a{name}")
    assert inspect.signature(function) == inspect.signature(twin)
    assert (inspect.iscoroutinefunction(function), inspect.iscoroutinefunction(twin)) == (False, True)


def test_the_functions_take_what_legacy_code_gives_them() -> None:
    def names(name: str) -> list[str]:
        return list(inspect.signature(getattr(api, name)).parameters)

    assert names("start_case") == ["workflow", "user", "form", "parent_work_item", "context", "kwargs"]
    assert names("reopen_case") == ["case", "work_items", "user", "context"]
    for name in ("complete", "skip", "cancel", "suspend", "resume", "redo"):
        assert names(f"{name}_work_item") == ["work_item", "user", "context"]
    for name in ("cancel", "suspend", "resume"):
        assert names(f"{name}_case") == ["case", "user", "context"]


@pytest.mark.django_db
def test_a_case_from_its_start_to_its_end() -> None:
    consult = make_task("consult", is_multiple_instance=True)
    workflow = make_workflow("approval", start=["review"], flows={"review": "'consult'|task"}, allow_forms=["sheet"])
    case = api.start_case(workflow, ANNA, form=make_form("sheet-2") and "sheet", meta={"x": 1})
    assert case.meta == {"x": 1}
    review = item(case, "review")
    assert api.save_work_item(review, ANNA, meta={"a": 1}) is review
    assert api.suspend_work_item(review, ANNA) is review
    assert (review.status, review.meta) == ("suspended", {"a": 1})
    assert api.resume_work_item(review.pk, ANNA).status == "ready"
    assert api.complete_work_item(review, ANNA, context={"why": "so"}) is review
    assert (review.status, review.closed_by_user) == ("completed", "anna")
    another = api.create_work_item(case, consult, ANNA, addressed_groups=["z"])
    assert another.addressed_groups == ["z"]
    assert api.skip_work_item(another, ANNA).status == "skipped"
    assert api.suspend_case(case, ANNA) is case
    assert case.status == "suspended"
    api.resume_case(case, ANNA)
    api.save_case(case, ANNA, meta={"y": 2})
    assert case.meta == {"y": 2}
    api.cancel_work_item(WorkItem.objects.get(case=case, task="consult", status="ready"), ANNA)
    api.cancel_case(str(case.pk), ANNA)
    ended = list(WorkItem.objects.filter(case=case, task="consult"))
    assert api.reopen_case(case, ended, ANNA) is case
    assert [each.status for each in ended] == ["ready", "ready"]
    assert statuses(case) == {"": "running", "review": "completed", "consult": ["ready", "ready"]}


@pytest.mark.django_db
def test_a_work_item_is_redone() -> None:
    make_workflow("approval", start=["a"], flows={"a": "'b'|task"}, redoable={"b": "'a'|task"})
    case = api.start_case("approval", ANNA)
    api.complete_work_item(item(case, "a").pk, ANNA)
    assert api.redo_work_item(item(case, "a"), ANNA).status == "ready"


@pytest.mark.django_db
def test_the_parent_of_a_child_case_is_brought_up_to_date() -> None:
    make_workflow("hearing")
    parent = make_work_item()
    child = api.start_case("hearing", ANNA, parent_work_item=parent)
    assert parent.child_case_id == child.pk
    assert parent.child_case == child


@pytest.mark.django_db
def test_what_receivers_changed_after_the_verb_is_on_the_instance() -> None:
    work_item = make_work_item()

    @on(events.post_complete_work_item, raise_exception=True)
    def note(work_item: WorkItem, **kwargs: Any) -> None:
        WorkItem.objects.filter(pk=work_item.pk).update(meta={"noted": 1})

    api.complete_work_item(work_item, ANNA)
    assert work_item.meta == {"noted": 1}
    assert api.start_case(make_workflow("empty"), ANNA).status == "running"


@pytest.mark.django_db
def test_an_instance_that_is_gone_is_not_found() -> None:
    work_item = make_work_item()
    WorkItem.objects.all().delete()
    with pytest.raises(NotFound):
        api.complete_work_item(work_item, ANNA)


@pytest.mark.django_db(transaction=True)
async def test_the_async_twins_do_the_same() -> None:
    await sync_to_async(make_task)("consult", is_multiple_instance=True)
    await sync_to_async(make_workflow)("approval", start=["a", "consult"], redoable={"b": "'a'|task"})
    await sync_to_async(make_workflow)("hearing", start=["hear"])
    case = await api.astart_case("approval", ANNA)
    first = await WorkItem.objects.aget(case=case, task="a")
    assert await api.asuspend_work_item(first, ANNA) is first
    assert (await api.aresume_work_item(first, ANNA)).status == "ready"
    assert (await api.asave_work_item(first, ANNA, name="x")).name == {"en": "x"}
    child = await api.astart_case("hearing", ANNA, parent_work_item=first)
    assert first.child_case_id == child.pk
    assert (await api.asuspend_case(child, ANNA)).status == "suspended"
    assert (await api.aresume_case(child, ANNA)).status == "running"
    assert (await api.asave_case(child, ANNA, meta={"m": 1})).meta == {"m": 1}
    assert (await api.acancel_case(child, ANNA)).status == "canceled"
    more = await api.acreate_work_item(case, "consult", ANNA)
    assert (await api.acancel_work_item(more, ANNA)).status == "canceled"
    assert (await api.acomplete_work_item(first, ANNA)).status == "completed"
    await sync_to_async(make_work_item)(case, "b", previous_work_item=first)
    assert (await api.aredo_work_item(first, ANNA)).status == "ready"
    assert (await api.askip_work_item(first, ANNA)).status == "skipped"
    await api.acancel_case(case, ANNA)
    reopened = await api.areopen_case(case, [more], ANNA)
    assert (reopened.status, more.status) == ("running", "ready")


async def test_a_sync_function_on_the_event_loop_names_its_twin() -> None:
    with pytest.raises(SyncVerbOnEventLoop, match=r"`await acomplete_work_item\(…\)`"):
        api.complete_work_item("x", ANNA)


@pytest.mark.parametrize("name", package.__all__)
def test_every_verb_can_be_imported_from_the_package_and_names_its_twin(name: str) -> None:
    verb = getattr(package, name)
    assert verb.__name__ == name
    assert verb.async_twin.startswith("a")


def test_the_package_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'EatWorkItem'"):
        _ = package.EatWorkItem  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_models_are_taken_for_keys_everywhere() -> None:
    task: Task = make_task("consult", is_multiple_instance=True)
    workflow: Workflow = make_workflow("approval", start=[task])
    case: Case = api.start_case(workflow, ANNA)
    assert api.create_work_item(case, task, ANNA).task_id == "consult"
    assert make_case(workflow).workflow_id == "approval"
