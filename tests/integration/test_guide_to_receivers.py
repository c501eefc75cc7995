"""What the guide shows about receivers runs as it stands there."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from caluma_async.errors import SignalHandlingError
from caluma_async.events.receivers import registry
from caluma_async.form import events as form_events
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.workflow import api, events
from caluma_async.workflow.models import Case, WorkItem

pytestmark = pytest.mark.django_db

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
ADA = User("ada", groups=["office"])


def snippets(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (GUIDE / page).read_text(), flags=re.MULTILINE | re.DOTALL)


EVERY = [
    pytest.param(text, id=f"{page}-{number}")
    for page in ("receivers.md", "coming-from-caluma.md", "deliveries.md")
    for number, text in enumerate(snippets(page), start=1)
]


@contextmanager
def running(text: str) -> Iterator[dict[str, Any]]:
    """The snippet as a module of the site; its receivers are forgotten afterwards."""
    namespace: dict[str, Any] = {"__name__": "site_of_the_guide"}
    with registry.isolated():
        exec(compile(text, "guide", "exec"), namespace)  # noqa: S102 - the guide is ours
        yield namespace
    for name in [name for name in sys.modules if name.split(".")[0] == "receivers"]:
        del sys.modules[name]


def the_one_with(name: str, page: str = "receivers.md") -> str:
    [text] = [text for text in snippets(page) if f"def {name}(" in text]
    return text


@pytest.mark.parametrize("text", EVERY)
def test_a_snippet_is_a_module_that_registers_what_it_shows(text: str) -> None:
    with running(text) as module:
        registered = {receiver.function.__name__ for receiver in registry.all()}
        shown = {name for name, value in module.items() if getattr(value, "__module__", "") == module["__name__"]}
        assert registered & shown or any(name.startswith("test_") for name in shown)


def test_the_first_receiver_says_hello(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.EVENT_DISPATCH = "blocking"  # here and now, to see it
    with running(the_one_with("say_hello")), caplog.at_level(logging.INFO):
        api.complete_work_item(make_case(ready=["review"]).work_items.get(), ADA)
    assert "ada completed review" in caplog.messages


def test_the_rule_refuses_without_a_reason_and_not_with_one() -> None:
    work_item = make_work_item(make_case(), "reject")
    with running(the_one_with("demand_a_reason")):
        with pytest.raises(SignalHandlingError, match="demand_a_reason"):
            api.complete_work_item(work_item, ADA)
        api.complete_work_item(work_item, ADA, {"reason": "too tall"})
    assert WorkItem.objects.get().status == WorkItem.STATUS_COMPLETED


def test_a_receiver_goes_on_with_the_workflow() -> None:
    make_task("archive", is_multiple_instance=True)
    case = make_case(ready=["archive", "other"])
    with running(the_one_with("archive_by_itself")):
        made = api.create_work_item(case, "archive", ADA)
    assert WorkItem.objects.get(pk=made.pk).status == WorkItem.STATUS_COMPLETED


def test_an_event_of_the_sites_own_reaches_its_receiver() -> None:
    case = make_case()
    with running(the_one_with("print_permit")) as module:
        module["print_permit"](case, ADA)
    assert Case.objects.get().meta == {"fee": 6}


def test_the_test_that_the_guide_shows_passes() -> None:
    first = make_work_item(make_case(), "write")
    work_item = make_work_item(first.case, "approve", previous_work_item=first)
    with running(the_one_with("test_a_second_person_is_demanded")) as module:
        module["test_a_second_person_is_demanded"](work_item, ADA)


def test_the_module_written_for_caluma_does_what_it_says() -> None:
    from_caluma = the_one_with("skip_without_fee", "coming-from-caluma.md")
    workflow = make_workflow("checking", start=["check-fee"])
    with running(from_caluma):
        started = [api.start_case(workflow, ADA, meta=meta) for meta in ({}, {"fee": 20})]
    statuses = [WorkItem.objects.get(case=case).status for case in started]
    assert statuses == [WorkItem.STATUS_SKIPPED, WorkItem.STATUS_READY]


def test_the_guide_tells_every_event_with_its_arguments() -> None:
    page = (GUIDE / "receivers.md").read_text()
    rows = re.findall(r"^\| (.*?) \| (.*?) \|$", page.split("## The events")[1], flags=re.MULTILINE)
    told = {
        name: set(re.findall(r"`(\w+)`", arguments)) - {"None"} for named, arguments in rows for name in names(named)
    }
    # those of forms and questions, which are in no lane, are told where forms are
    known = [value for value in vars(form_events).values() if isinstance(value, events.EventType) and value.lane]
    known += [value for value in vars(events).values() if isinstance(value, events.EventType)]
    own = {form_events.post_request_recalculation}  # which nobody else waits for
    assert told == {value.name: set(value.arguments or ()) for value in known if value not in own}


def names(cell: str) -> list[str]:
    """The events that a cell of the table means: written out, or as prefix, verbs and subject."""
    quoted = re.findall(r"`([^`]+)`", cell)
    if quoted[:2] != ["pre_…", "post_…"]:
        return [name for name in quoted if name.startswith(("pre_", "post_"))]
    return [f"{phase}_{verb}{quoted[-1]}" for phase in ("pre", "post") for verb in quoted[2:-1]]
