"""The monitor's page: who may see it, what it shows and costs, and its two buttons. Without any script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from caluma_async.events import EventType, feed, on, send_event
from caluma_async.events.models import Delivery, EventRecord, State
from caluma_async.events.outbox import figures
from caluma_async.events.telemetry import Kind, Told
from caluma_async.identity import User as Somebody
from caluma_async.monitor.board import KEPT
from caluma_async.monitor.tally import tally
from caluma_async.testing.plugin import Deliver
from tests.integration.delivery_stage import Stage, stage

pytestmark = pytest.mark.django_db(transaction=True)

PAGE, STATE, ACT = "/monitor/", "/monitor/state", "/monitor/act"
HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    tally.clear()
    yield
    tally.clear()


@pytest.fixture
def post(deliver: Deliver) -> Iterator[Stage]:
    """Parcels 1 and 3 are delivered, 2 has failed between them."""
    with stage() as built:
        built.failing = {2}
        built.send(1, 2, 3)
        deliver()
        yield built


@pytest.fixture
def chief(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("chief"))
    return client


def clerk(client: Client, *permissions: str, staff: bool = True) -> Client:
    user = User.objects.create_user("clerk", is_staff=staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def content(client: Client, address: str = PAGE) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def rows() -> list[Delivery]:
    return list(Delivery.objects.order_by("id"))


@pytest.mark.parametrize("address", [PAGE, STATE, ACT])
def test_who_is_not_known_is_sent_to_the_admins_login(address: str, client: Client) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.url) == (302, f"{reverse('admin:login')}?next={address}")


@pytest.mark.parametrize("address", [PAGE, STATE, ACT])
def test_who_is_not_staff_is_refused(address: str, client: Client) -> None:
    assert clerk(client, staff=False).get(address).status_code == 403


def test_no_script_and_no_style_stands_in_the_page_and_none_may_run(post: Stage, chief: Client) -> None:
    answer = chief.get(PAGE)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "no-store" in answer.headers["Cache-Control"]
    page = answer.content.decode()
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page) == []
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []


def test_it_shows_how_many_stand_where_and_what_went_wrong(post: Stage, chief: Client) -> None:
    Delivery.objects.filter(pk=rows()[2].pk).update(state=State.WAITING)
    page = content(chief)
    for label, number in (("Waiting", 1), ("Running", 0), ("Failed", 1), ("Held", 0)):
        assert re.search(rf"<dt>{label}</dt><dd>(<a[^>]*>)?{number}<", page)
        assert re.search(rf'data-label="{label}"[^>]*>{number}<', page)
    assert "ValueError: parcel 2 is torn" in page
    assert "Traceback (most recent call last)" in page
    assert f'name="retry" value="{rows()[1].pk}"' in page
    assert "not registered here" not in page


def test_rates_and_run_times_are_those_of_what_was_heard(post: Stage, chief: Client) -> None:
    tally.clear()
    tally.hear(Told(kind=Kind.DELIVERED, receiver="porter", ran=0.25))
    page = content(chief)
    assert '<td data-label="Run 50 %">250 ms</td>' in page
    assert "1 delivered and 0 failed attempts" in page


def test_run_times_of_other_processes_are_those_that_they_tell_of(chief: Client) -> None:
    feed.take({"deliveries": [[1, "elsewhere", "delivered", 0.25], [2, "elsewhere", "started", 0.0]]})
    page = content(chief)
    assert 'id="receiver-elsewhere"' in page
    assert '<td data-label="Run 50 %">250 ms</td>' in page


def test_receivers_that_are_not_registered_are_named(post: Stage, chief: Client) -> None:
    Delivery.objects.filter(pk=rows()[1].pk).update(receiver="gone", lane=None)
    assert re.search(r"gone\s*<span class=\"note\">not registered here", content(chief))


def test_it_is_whole_before_anything_has_happened(chief: Client) -> None:
    page = content(chief)
    for said in ("Nothing waits for a decision", "No event was stored yet", "No delivery was recorded yet"):
        assert said in page
    assert "What caused what" not in page


def test_hostile_text_stays_text(chief: Client, deliver: Deliver) -> None:
    event = EventType("post_letter", arguments=())
    with stage():

        @on(event, name=HOSTILE, blocking=False)
        def reads(**kwargs: Any) -> None: ...

        send_event(event, "test", user=Somebody(HOSTILE))
        Delivery.objects.update(state=State.FAILED, error=f"Traceback\n{HOSTILE}", finished_at=rows()[0].available_at)
        page = content(chief, f"{PAGE}?event={EventRecord.objects.get().pk}")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page


def test_a_page_costs_the_same_with_more_rows(post: Stage, chief: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(7):  # the session and the user, then the board
        content(chief)
    post.failing = set(range(4, 60))
    post.send(*range(4, 60))
    Delivery.objects.update(state=State.FAILED, error="ValueError", finished_at=rows()[0].available_at)
    with django_assert_num_queries(7):
        page = content(chief)
    assert page.count('name="retry"') == KEPT
    assert "all that failed" in page
    event = EventRecord.objects.latest("id").pk
    with django_assert_num_queries(11):
        content(chief, f"{PAGE}?event={event}")


def test_the_state_is_the_same_as_the_page(post: Stage, chief: Client) -> None:
    parts = chief.get(STATE).json()["parts"]
    page = content(chief)
    assert set(parts) == {"tiles", "chart", "receivers", "kept", "stream", "chain"}
    assert parts["kept"].strip() in page
    assert parts["stream"].strip() in page


def test_a_delivery_is_retried(post: Stage, chief: Client, deliver: Deliver) -> None:
    failed = rows()[1]
    answer = chief.post(ACT, {"retry": failed.pk}, follow=True)
    assert f"Delivery {failed.pk} waits again. It runs out of order" in answer.content.decode()
    post.failing = set()
    deliver()
    assert rows()[1].state == State.DELIVERED


def test_a_delivery_is_discarded_in_the_name_of_who_did_it(post: Stage, chief: Client) -> None:
    answer = chief.post(ACT, {"discard": rows()[1].pk}, headers={"Accept": "application/json"})
    assert answer.json() == {"done": True, "said": f"Delivery {rows()[1].pk} was discarded."}
    assert (rows()[1].state, rows()[1].error) == (State.DISCARDED, "Discarded by chief.")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"retry": "999999"}, "There is no delivery 999999"),
        ({"retry": "x"}, "is not the number of a delivery"),
        ({}, "is not the number of a delivery"),
    ],
)
def test_what_cannot_be_done_is_said(given: dict[str, str], said: str, chief: Client) -> None:
    answer = chief.post(ACT, given, headers={"Accept": "application/json"}).json()
    assert answer["done"] is False
    assert said in answer["said"]
    assert said in chief.post(ACT, given, follow=True).content.decode().replace("&#x27;", "'")


def test_only_who_may_change_deliveries_may_act_and_nobody_without_a_token(post: Stage, client: Client) -> None:
    clerk(client, "view_delivery")
    assert 'name="retry"' not in content(client)
    assert client.post(ACT, {"retry": rows()[1].pk}).status_code == 403
    User.objects.get().user_permissions.set(Permission.objects.filter(codename="change_delivery"))
    assert 'name="retry"' in content(client)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())
    assert strict.post(ACT, {"retry": rows()[1].pk}).status_code == 403
    assert rows()[1].state == State.FAILED
    assert client.post(ACT, {"retry": rows()[1].pk}).status_code == 302
    assert rows()[1].state == State.WAITING


@pytest.mark.parametrize(("method", "address"), [("post", PAGE), ("post", STATE), ("get", ACT)])
def test_looking_is_get_and_doing_is_post(method: str, address: str, chief: Client) -> None:
    assert getattr(chief, method)(address).status_code == 405


@pytest.fixture
def chained(deliver: Deliver) -> Iterator[list[EventRecord]]:
    """A parcel causes a letter, and that a second letter."""
    letter = EventType("post_letter", arguments=("number",))
    with stage() as post:

        @on(post.event, name="clerk", blocking=False)
        def writes(number: int, **kwargs: Any) -> None:
            send_event(letter, "clerk", number=1)

        @on(letter, name="reader", blocking=False)
        def answers(number: int, **kwargs: Any) -> None:
            if number < 2:
                send_event(letter, "reader", number=number + 1)

        post.send(1)
        deliver()
        post.send(2)
        deliver()
        yield list(EventRecord.objects.order_by("id"))


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_a_chain_is_shown_from_wherever_one_looks(chosen: int, chained: list[EventRecord], chief: Client) -> None:
    page = content(chief, f"{PAGE}?event={chained[chosen].pk}")
    shown = re.findall(r'id="told-([0-9a-f-]+)"', page)
    assert shown == [str(record.pk) for record in chained[:3]]
    assert page.count('class="arrow"') == 2
    assert page.count('class="chosen"') == 1
    assert page.count("clerk") >= 2


def test_a_chain_that_is_long_is_cut(
    chained: list[EventRecord], chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "CHAIN", 2)
    page = content(chief, f"{PAGE}?event={chained[2].pk}")
    assert "there are more" in page
    assert str(chained[2].pk) in re.findall(r'id="told-([0-9a-f-]+)"', page)


@pytest.mark.parametrize("key", ["x", "", str(uuid4()), "1' OR 1=1"])
def test_what_is_no_event_is_no_error(key: str, chief: Client) -> None:
    page = content(chief, f"{PAGE}?event={key}")
    assert ("There is no event" in page) == (len(key) == 36)


def test_other_languages_write_no_commas_into_pictures(chained: list[EventRecord], chief: Client) -> None:
    answer = chief.get(f"{PAGE}?event={chained[0].pk}", headers={"Accept-Language": "de"})
    assert re.findall(r'(?:x|y|width|height)="\d+,', answer.content.decode()) == []
