"""Receivers of both kinds side by side: each hears senders in the dialect in which it was registered."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.dispatch import Signal, receiver

from caluma_async import events
from caluma_async.errors import InvalidReceiver, SignalHandlingError
from caluma_async.events import scope
from caluma_async.events.receivers import registry
from caluma_async.events.scope import Pending
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_form
from caluma_async.workflow import CompleteWorkItem, SkipWorkItem, api
from caluma_async.workflow import events as native_events
from caluma_async.workflow.models import Case, WorkItem

pytestmark = pytest.mark.django_db

core = importlib.import_module("caluma.caluma_core.events")
legacy_events = importlib.import_module("caluma.caluma_workflow.events")
form_api = importlib.import_module("caluma.caluma_form.api")

ADA = User("ada")


@pytest.fixture(autouse=True)
def no_other_receivers() -> Iterator[None]:
    with registry.isolated():
        yield


@pytest.fixture
def work_item() -> WorkItem:
    return make_case(ready=["review"]).work_items.get()


def test_the_way_of_registering_decides_what_is_heard(work_item: WorkItem) -> None:
    heard = []

    @core.on(legacy_events.post_complete_work_item)
    def legacy(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    @events.on(native_events.post_complete_work_item)
    def native(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    @core.on(native_events.post_complete_work_item)
    def legacy_on_our_event(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    @events.on(legacy_events.post_complete_work_item)
    def native_on_their_event(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    api.complete_work_item(work_item, ADA)
    string = "post_complete_work_item"
    assert heard == [string, CompleteWorkItem, string, CompleteWorkItem]


def test_the_way_of_connecting_decides_what_is_heard(work_item: WorkItem) -> None:
    heard = []

    def legacy(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    def native(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    legacy_events.post_skip_work_item.connect(legacy)
    native_events.post_skip_work_item.connect(native)
    api.skip_work_item(work_item, ADA)
    assert heard == ["post_skip_work_item", SkipWorkItem]


def test_either_handle_of_an_event_disconnects_what_the_other_connected(work_item: WorkItem) -> None:
    heard = []

    @receiver(legacy_events.post_skip_work_item)
    def connected(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    assert native_events.post_skip_work_item.disconnect(connected)
    assert not legacy_events.post_skip_work_item.disconnect(connected)
    api.skip_work_item(work_item, ADA)
    assert heard == []


def test_a_filter_hears_what_its_receiver_hears(work_item: WorkItem) -> None:
    heard = []

    def note(sender: Any) -> bool:
        heard.append(sender)
        return False

    for on, event in ((core.on, legacy_events.pre_skip_work_item), (events.on, native_events.pre_skip_work_item)):

        @on(event, name=f"under {on.__module__}")
        @events.filter_events(note)
        def never(**kwargs: Any) -> None:
            raise AssertionError("the filter refuses")

    api.skip_work_item(work_item, ADA)
    assert heard == ["pre_skip_work_item", SkipWorkItem]


def test_a_sender_can_be_selected_by_class_and_by_string(work_item: WorkItem) -> None:
    heard = []
    selections: tuple[Any, ...] = (CompleteWorkItem, "post_complete_work_item", SkipWorkItem, "post_skip_work_item")
    for selected in selections:

        @core.on(legacy_events.post_complete_case, sender=selected, name=str(selected))
        def note(selected: Any = selected, **kwargs: Any) -> None:
            heard.append(selected)

    api.complete_work_item(work_item, ADA)
    assert heard == [CompleteWorkItem, "post_complete_work_item"]


def test_a_receiver_that_runs_later_hears_calumas_string_too(
    work_item: WorkItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []

    @core.on(legacy_events.post_complete_work_item)
    async def later(sender: Any, **kwargs: Any) -> None:
        heard.append(sender)

    pending: list[Pending] = []
    monkeypatch.setattr(scope, "_recorders", [lambda left, is_last: pending.extend(left)])
    api.complete_work_item(work_item, ADA)
    [one] = pending
    [due] = one.deliveries
    asyncio.run(due.receiver.acall(**due.receiver.arguments_for(one.event)))
    assert heard == ["post_complete_work_item"]


def test_a_receiver_gets_the_signal_as_it_did_and_without_kwargs_what_it_names(work_item: WorkItem) -> None:
    heard = []

    @core.on(legacy_events.post_skip_work_item, raise_exception=True)
    def everything(**kwargs: Any) -> None:
        heard.append(set(kwargs))

    @core.on(legacy_events.post_skip_work_item, raise_exception=True)
    def something(signal: Any, user: Any) -> None:
        heard.append({signal.name, user.username})

    api.skip_work_item(work_item, ADA)
    assert heard == [{"sender", "work_item", "user", "context", "signal"}, {"post_skip_work_item", "ada"}]


def test_what_signals_take_is_taken_and_what_nobody_takes_is_refused() -> None:
    def function(**kwargs: Any) -> None: ...

    assert core.on(legacy_events.post_skip_work_item, weak=False, dispatch_uid="once")(function) is function
    with pytest.raises(InvalidReceiver, match="colour"):
        core.on(legacy_events.post_skip_work_item, colour="red")(function)


def test_a_signal_of_the_sites_own_is_sent_and_received() -> None:
    printed, heard = Signal(), []

    @core.on(printed, raise_exception=True)
    def refuse(sender: Any, pages: int, **kwargs: Any) -> None:
        heard.append((sender, pages))
        if pages > 9:
            raise ValueError("too long")

    core.send_event(printed, sender="printer", pages=3)
    with pytest.raises(SignalHandlingError, match="refuse failed with ValueError") as caught:
        core.send_event(printed, sender="printer", pages=10)
    assert [str(error) for error in caught.value.caught_exceptions] == ["too long"]
    assert heard == [("printer", 3), ("printer", 10)]


@pytest.mark.parametrize("name", ["created_case", "post_create_case"])
def test_an_event_can_be_sent_by_its_name_and_its_former_name(name: str) -> None:
    case, heard = make_case(), []

    @core.on(legacy_events.post_create_case)
    def note(sender: Any, case: Case, user: User, **kwargs: Any) -> None:
        heard.append((sender, case, user))

    core.send_event_with_deprecations(name, sender="import", case=case, user=ADA, context={})
    assert heard == [("import", case, ADA)]


def test_a_document_is_created_and_then_changed() -> None:
    form, other = make_form("application"), make_form("appeal")
    document = form_api.save_document(form)
    assert (document.form, document.meta, document.created_by_user) == (form, {}, None)
    changed = form_api.save_document(other, meta={"late": True}, document=document, user=ADA)
    document.refresh_from_db()
    assert (changed, document.form, document.meta) == (document, other, {"late": True})
    assert document.modified_by_user == "ada"
    form_api.save_document(other, document=document)
    document.refresh_from_db()
    assert document.meta == {"late": True}
