"""A module in the style of a project that has grown for years runs unchanged, and does what it did."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from caluma_async.errors import SignalHandlingError
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_form,
    make_question,
    make_task,
    make_workflow,
)
from caluma_async.workflow import api
from caluma_async.workflow.models import Case, Task, WorkItem
from tests.integration.compat_modules import legacy_module

pytestmark = pytest.mark.django_db

CLERK = User("ada", groups=["office"])
THICK, THIN = {"trunk": 80}, {"trunk": 30}
REASON = {"reason": "rotten"}


@pytest.fixture
def site() -> Iterator[Any]:
    """The module, with the two workflows that it works on."""
    make_workflow("felling", start=["register"], flows={"register": "'inspect'|task", "inspect": "'decide'|task"})
    make_task("decide")
    make_workflow("planting", start=["plant"])
    with legacy_module("felling_permits") as module:
        yield module


def begun(**meta: Any) -> Case:
    return api.start_case(workflow="felling", user=CLERK, meta=meta)


def the(case: Case, task: str) -> WorkItem:
    return WorkItem.objects.get(case=case, task_id=task)


def complete(case: Case, *tasks: str, context: Any = None) -> None:
    for task in tasks:
        api.complete_work_item(the(case, task), CLERK, context)


def test_receivers_of_a_new_case_change_what_is_saved_and_what_was_saved(site: Any) -> None:
    first, second = begun(**THICK), begun()
    assert Case.objects.get(pk=first.pk).meta == {"trunk": 80, "received": True, "number": 1}
    assert Case.objects.get(pk=second.pk).meta == {"received": True, "number": 2}


def test_one_receiver_of_many_events_gets_the_arguments_and_the_string_of_each(site: Any) -> None:
    case = begun(**THICK)
    complete(case, "register", "inspect")
    assert site.archive.received == [
        ("case", "case_post_create"),
        ("register", "case_post_create"),
        ("register", "post_complete_work_item"),
        ("inspect", "post_complete_work_item"),
        ("inspect", "post_complete_work_item"),
        ("decide", "post_complete_work_item"),
    ]


def test_a_verb_in_a_receiver_cascades_depth_first(site: Any) -> None:
    case = begun(**THIN)
    site.archive.received.clear()
    complete(case, "register")
    assert the(case, "inspect").status == WorkItem.STATUS_SKIPPED
    assert the(case, "decide").status == WorkItem.STATUS_READY
    assert site.archive.received == [
        ("register", "post_complete_work_item"),
        ("inspect", "post_complete_work_item"),
        ("inspect", "post_skip_work_item"),
        ("decide", "post_skip_work_item"),
    ]


def test_a_receiver_starts_another_case_when_one_is_completed(site: Any) -> None:
    case = begun(**THIN)
    complete(case, "register")
    complete(case, "decide", context=REASON)
    planting = Case.objects.get(workflow_id="planting")
    assert planting.meta == {"felled": str(case.pk), "received": True}
    assert the(planting, "plant").status == WorkItem.STATUS_READY
    assert ("case", "post_complete_work_item") in site.archive.received


def test_a_work_item_that_a_mutation_creates_is_told_from_one_of_the_flow_by_its_sender(site: Any) -> None:
    Task.objects.filter(pk="inspect").update(is_multiple_instance=True)
    made = api.create_work_item(make_case("felling", ready=["inspect"], meta=THIN), "inspect", CLERK)
    assert WorkItem.objects.get(pk=made.pk).status == WorkItem.STATUS_READY


def test_all_of_several_stacked_filters_have_to_hold(site: Any) -> None:
    case = begun(**THICK)
    complete(case, "register", "inspect")
    assert the(case, "inspect").meta == {"inspected-by": "ada"}


@pytest.mark.parametrize("closed", ["setting", "archive", "moved"])
def test_one_of_several_stacked_filters_without_arguments_is_enough_to_refuse(
    site: Any, closed: str, settings: Settings
) -> None:
    case = begun(**THICK)
    settings.FELLING_INSPECTIONS = closed != "setting"
    site.archive.is_open = closed != "archive"
    site.archive.is_being_moved = closed == "moved"
    complete(case, "register", "inspect")
    assert the(case, "inspect").meta == {}


def test_a_filter_compares_the_sender_with_calumas_string(site: Any) -> None:
    case = begun(**THICK)
    complete(case, "register")
    api.skip_work_item(the(case, "inspect"), CLERK)
    assert the(case, "inspect").meta == {}


def test_a_strict_receiver_of_a_pre_event_refuses(site: Any) -> None:
    case = begun(**THIN)
    complete(case, "register")
    with pytest.raises(SignalHandlingError, match="demand_a_reason"):
        complete(case, "decide")
    assert the(case, "decide").status == WorkItem.STATUS_READY
    assert Case.objects.filter(workflow_id="planting").count() == 0


def test_a_lenient_receiver_that_fails_loses_its_own_changes_only(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    case = begun(**THIN)
    complete(case, "register")
    site.archive.is_open = False
    with caplog.at_level(logging.ERROR, logger="caluma_async.events"):
        complete(case, "decide", context=REASON)
    decide = the(case, "decide")
    assert (decide.status, decide.description) == (WorkItem.STATUS_COMPLETED, {})
    assert "send_the_decision" in caplog.text
    assert "The archive does not answer." in caplog.text
    assert Case.objects.filter(workflow_id="planting").exists()


def test_a_lenient_receiver_that_succeeds_keeps_its_changes(site: Any) -> None:
    case = begun(**THIN)
    complete(case, "register")
    complete(case, "decide", context=REASON)
    assert the(case, "decide").description == {"en": "sent"}
    assert ("decision", "rotten") in site.archive.received


def test_a_receiver_of_a_django_signal_gets_the_table_as_sender(site: Any) -> None:
    form = make_form("tree")
    document = make_document(form)
    make_answer(document, make_question("trunk", form=form), 70)
    make_answer(document, make_question("species", form=form), "oak")
    document.refresh_from_db()
    assert document.meta == {"trunk": 70}


def test_a_receiver_can_be_called_like_any_function(site: Any) -> None:
    case = begun()
    case.meta = {"number": 17}
    site.renumber(case)
    assert Case.objects.get(pk=case.pk).meta == {"number": 1}


def test_an_event_with_an_invented_sender_reaches_those_who_select_it_and_those_who_select_nothing(site: Any) -> None:
    case = begun()
    site.archive.received.clear()
    number = case.meta["number"]
    case.meta["number"] = 17
    site.tell_about_imported(case, "1887/3")
    assert site.archive.received == [("imported", "1887/3"), ("case", "import-from-the-old-system")]
    assert (number, case.meta["number"]) == (1, 17)


def test_a_receiver_of_an_invented_sender_hears_no_mutation(site: Any) -> None:
    begun()
    assert "imported" not in [line for line, _ in site.archive.received]


def test_connected_receivers_hear_calumas_string_until_they_are_disconnected(site: Any) -> None:
    one, other = begun(), begun()
    site.archive.received.clear()
    site.start_watching()
    watch(one)
    site.stop_watching()
    watch(other)
    assert [line for line in site.archive.received if line[0] == "watched"] == [
        ("watched", "register", "post_resume_work_item"),
        ("watched", "register", "post_cancel_work_item"),
    ]


def watch(case: Case) -> None:
    api.suspend_work_item(the(case, "register"), CLERK)
    api.resume_work_item(the(case, "register"), CLERK)
    api.cancel_case(case, CLERK)
