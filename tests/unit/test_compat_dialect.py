"""Which sender a receiver hears that was written for Caluma."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from django.utils import timezone

from caluma_async import workflow
from caluma_async.compat.dialect import CALUMA
from caluma_async.events import Event
from caluma_async.events.event import event_type
from caluma_async.keys import uuid7


def event(name: str, sender: object) -> Event:
    key = uuid7()
    return Event(
        id=key,
        type=event_type(name),
        sender=sender,
        arguments=MappingProxyType({}),
        user=None,
        context=None,
        emitted_at=timezone.now(),
        correlation_id=key,
        chain=(name,),
    )


@pytest.mark.parametrize(
    ("verb", "name", "heard"),
    [
        ("CompleteWorkItem", "pre_complete_work_item", "pre_complete_work_item"),
        ("CompleteWorkItem", "post_complete_work_item", "post_complete_work_item"),
        ("CompleteWorkItem", "pre_create_work_item", "post_complete_work_item"),
        ("CompleteWorkItem", "post_create_work_item", "post_complete_work_item"),
        ("CompleteWorkItem", "pre_complete_case", "post_complete_work_item"),
        ("CompleteWorkItem", "post_complete_case", "post_complete_work_item"),
        ("SkipWorkItem", "pre_skip_work_item", "pre_skip_work_item"),
        ("SkipWorkItem", "post_skip_work_item", "post_skip_work_item"),
        ("SkipWorkItem", "post_create_work_item", "post_skip_work_item"),
        ("SkipWorkItem", "post_complete_case", "post_skip_work_item"),
        ("SkipWorkItem", "post_cancel_case", "post_cancel_case"),
        ("SkipWorkItem", "pre_cancel_work_item", "pre_cancel_work_item"),
        ("StartCase", "pre_create_case", "pre_create_case"),
        ("StartCase", "pre_create_work_item", "pre_create_case"),
        ("StartCase", "post_create_case", "case_post_create"),
        ("SaveCase", "post_create_case", "case_post_create"),
        ("SaveCase", "post_create_work_item", "case_post_create"),
        ("CancelCase", "post_cancel_case", "post_cancel_case"),
        ("CancelCase", "post_cancel_work_item", "post_cancel_work_item"),
        ("CancelWorkItem", "pre_cancel_work_item", "pre_cancel_work_item"),
        ("SuspendCase", "post_suspend_work_item", "post_suspend_work_item"),
        ("ResumeWorkItem", "post_resume_case", "post_resume_case"),
        ("RedoWorkItem", "post_redo_work_item", "post_redo_work_item"),
        ("ReopenCase", "pre_reopen_case", "pre_reopen_case"),
    ],
)
def test_a_verb_is_heard_as_calumas_string(verb: str, name: str, heard: str) -> None:
    assert CALUMA.sender(event(name, getattr(workflow, verb))) == heard


@pytest.mark.parametrize("verb", ["CreateWorkItem", "SaveWorkItem"])
@pytest.mark.parametrize("name", ["pre_create_work_item", "post_create_work_item"])
def test_creating_a_work_item_is_heard_as_the_class(verb: str, name: str) -> None:
    assert CALUMA.sender(event(name, getattr(workflow, verb))) is getattr(workflow, verb)


@pytest.mark.parametrize("sender", ["my-import", None, dict, 3])
def test_a_sender_that_is_no_verb_is_heard_as_it_is(sender: object) -> None:
    assert CALUMA.sender(event("post_create_case", sender)) is sender


def test_a_receiver_selects_by_class() -> None:
    emitted = event("post_create_work_item", workflow.CompleteWorkItem)
    assert CALUMA.selects(workflow.CompleteWorkItem, emitted)
    assert not CALUMA.selects(workflow.SkipWorkItem, emitted)


def test_a_receiver_selects_by_an_equal_string() -> None:
    emitted = event("post_create_work_item", workflow.CompleteWorkItem)
    assert CALUMA.selects("".join(["post_complete", "_work_item"]), emitted)
    assert not CALUMA.selects("post_create_work_item", emitted)
    assert not CALUMA.selects("CompleteWorkItem", emitted)
