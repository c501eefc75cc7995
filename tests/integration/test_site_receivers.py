"""The example receivers of the site: each does what its file promises, and nothing where nobody asks for it."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest
from django.core import mail
from pytest_django import Settings

from caluma_async.errors import SignalHandlingError
from caluma_async.events import RetryAfter
from caluma_async.events.event import event_type
from caluma_async.events.receivers import registry
from caluma_async.identity import User
from caluma_async.keys import uuid7
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.workflow import api
from caluma_async.workflow.models import Case, WorkItem

pytestmark = pytest.mark.django_db

ADA, BERTA = User("ada"), User("berta")
HOOK = "https://example.org/hook"


@pytest.fixture
def site() -> Iterator[ModuleType]:
    """The package, loaded anew as start-up does it; its receivers are forgotten afterwards."""
    forget()
    with registry.isolated():
        yield importlib.import_module("receivers")
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "receivers"]:
        del sys.modules[name]


class OtherServer:
    """Answers in place of the server behind the webhook, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[httpx.Request] = []
        self.timeouts: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.timeouts.append(request.extensions["timeout"])
        return httpx.Response(self.status, request=request)


@pytest.fixture
def other_server(monkeypatch: pytest.MonkeyPatch) -> OtherServer:
    server = OtherServer()
    client = httpx.AsyncClient
    monkeypatch.setattr(
        httpx, "AsyncClient", lambda **options: client(transport=httpx.MockTransport(server), **options)
    )
    monkeypatch.setenv("WEBHOOK_URL", HOOK)
    return server


@pytest.fixture
def everything_blocks(settings: Settings) -> None:
    settings.EVENT_DISPATCH = "blocking"


def proposal(*, four_eyes: bool) -> WorkItem:
    """A work item that is ready for approval, after one that Ada has closed."""
    make_workflow("proposal", start=["write"], flows={"write": "'approve'|task"})
    make_task("approve", meta={"four-eyes": True} if four_eyes else {})
    case = make_case("proposal", ready=["write"])
    api.complete_work_item(case.work_items.get(), ADA)
    return case.work_items.get(task_id="approve")


def test_nobody_approves_their_own_work(site: ModuleType) -> None:
    work_item = proposal(four_eyes=True)
    with pytest.raises(SignalHandlingError, match="demand_a_second_person") as caught:
        api.complete_work_item(work_item, ADA)
    assert [str(error) for error in caught.value.caught_exceptions] == [
        "ada did 'write'; somebody else must complete 'approve'."
    ]
    assert WorkItem.objects.get(pk=work_item.pk).status == WorkItem.STATUS_READY


def test_somebody_else_approves(site: ModuleType) -> None:
    work_item = proposal(four_eyes=True)
    api.complete_work_item(work_item, BERTA)
    assert Case.objects.get().status == Case.STATUS_COMPLETED


def test_a_task_that_does_not_ask_for_a_second_person_needs_none(site: ModuleType) -> None:
    api.complete_work_item(proposal(four_eyes=False), ADA)
    assert Case.objects.get().status == Case.STATUS_COMPLETED


def test_the_first_step_has_nobody_before_it(site: ModuleType) -> None:
    task = make_task("start", meta={"four-eyes": True})
    api.complete_work_item(make_work_item(make_case(), task), ADA)
    assert WorkItem.objects.get().status == WorkItem.STATUS_COMPLETED


@pytest.mark.usefixtures("everything_blocks")
def test_the_assigned_get_a_mail(site: ModuleType) -> None:
    make_task("vote", is_multiple_instance=True)
    case = make_case(ready=["vote"])
    made = api.create_work_item(case, "vote", ADA, name="Vote, please", assigned_users=["ada", "berta@example.org"])
    [message] = mail.outbox
    assert (message.to, message.subject) == (["berta@example.org"], "To do: Vote, please")
    assert str(made.pk) in message.body


@pytest.mark.usefixtures("everything_blocks")
def test_a_work_item_that_is_nobodys_is_no_reason_for_a_mail(site: ModuleType) -> None:
    proposal(four_eyes=False)
    assert mail.outbox == []


@pytest.mark.usefixtures("everything_blocks")
def test_a_completed_case_is_told_to_the_other_server(site: ModuleType, other_server: OtherServer) -> None:
    api.complete_work_item(make_case("trip", ready=["go"]).work_items.get(), ADA)
    [request] = other_server.requests
    told = json.loads(request.content)
    assert request.url == HOOK
    assert told == {
        "event": "post_complete_case",
        "case": str(Case.objects.get().pk),
        "workflow": "trip",
        "status": "completed",
    }
    assert request.headers["Idempotency-Key"]
    assert set(other_server.timeouts[0].values()) == {site.webhook.TIMEOUT}


@pytest.mark.usefixtures("everything_blocks")
def test_without_an_address_nothing_is_told_and_that_is_said_once(
    site: ModuleType, other_server: OtherServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("WEBHOOK_URL")
    with caplog.at_level(logging.INFO, logger="receivers"):
        for task in ("go", "come-back"):
            api.complete_work_item(make_case(ready=[task]).work_items.get(), ADA)
    assert other_server.requests == []
    assert [record.getMessage() for record in caplog.records if record.name == "receivers.webhook"] == [
        "WEBHOOK_URL is not set: completed cases are told to nobody."
    ]


@pytest.mark.parametrize(
    ("status", "error"), [(500, httpx.HTTPStatusError), (404, httpx.HTTPStatusError), (429, RetryAfter)]
)
async def test_an_answer_that_is_an_error_is_the_receivers_error(
    site: ModuleType, other_server: OtherServer, status: int, error: type[Exception]
) -> None:
    other_server.status = status
    case: Any = SimpleNamespace(pk=uuid7(), workflow_id="trip", status="completed")
    event: Any = SimpleNamespace(id=uuid7(), name="post_complete_case")
    with pytest.raises(error):
        await site.webhook.tell_the_other_server(case=case, event=event)


@pytest.mark.parametrize(
    ("receiver", "event", "blocks"),
    [
        ("receivers.four_eyes.demand_a_second_person", "pre_complete_work_item", True),
        ("receivers.mail.tell_the_assigned", "post_create_work_item", False),
        ("receivers.webhook.tell_the_other_server", "post_complete_case", False),
    ],
)
def test_only_the_rule_holds_a_mutation_up(site: ModuleType, receiver: str, event: str, blocks: bool) -> None:
    found = registry.find(receiver)
    assert found is not None
    assert found.blocks(event_type(event)) is blocks


def test_every_file_of_the_package_is_imported(site: ModuleType) -> None:
    files = {file.stem for file in Path(site.__path__[0]).glob("*.py")}
    assert files - {"__init__"} == set(site.__all__)
