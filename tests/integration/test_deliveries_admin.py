"""Events and deliveries in the admin: found, read, retried and discarded, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from caluma_async.events.models import Delivery, EventRecord, State
from caluma_async.testing.plugin import Deliver
from tests.integration.delivery_stage import Stage, stage

pytestmark = pytest.mark.django_db(transaction=True)

LIST = {model: f"admin:events_{model._meta.model_name}_changelist" for model in (Delivery, EventRecord)}


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


def listed(client: Client, model: Any, query: str = "") -> list[Any]:
    answer = client.get(reverse(LIST[model]) + query)
    assert answer.status_code == 200
    return list(answer.context["cl"].queryset)


def act(client: Client, action: str, *rows: Delivery) -> list[str]:
    """Run an action on these rows; what the page says then."""
    given = {"action": action, "_selected_action": [row.pk for row in rows]}
    answer = client.post(reverse(LIST[Delivery]), given)
    return [str(message) for message in get_messages(answer.wsgi_request)]


def rows() -> list[Delivery]:
    return list(Delivery.objects.order_by("id"))


@pytest.mark.parametrize("model", [Delivery, EventRecord])
def test_lists_and_pages_open_and_the_latest_comes_first(model: Any, post: Stage, chief: Client) -> None:
    found = listed(chief, model)
    assert [row.pk for row in found] == sorted((row.pk for row in found), reverse=True)
    page = reverse(f"admin:events_{model._meta.model_name}_change", args=[found[0].pk])
    assert chief.get(page).status_code == 200


def test_the_list_shows_what_went_wrong_and_the_page_the_whole_error(post: Stage, chief: Client) -> None:
    failed = rows()[1]
    assert "ValueError: parcel 2 is torn" in chief.get(reverse(LIST[Delivery])).content.decode()
    page = chief.get(reverse("admin:events_delivery_change", args=[failed.pk])).content.decode()
    assert "Traceback (most recent call last)" in page


def test_the_page_of_an_event_names_its_deliveries(post: Stage, chief: Client) -> None:
    row = rows()[1]
    page = chief.get(reverse("admin:events_eventrecord_change", args=[row.event_id])).content.decode()
    assert f'<a href="{reverse("admin:events_delivery_change", args=[row.pk])}">porter #{row.pk}</a>: failed' in page


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("?state__exact=failed", 1),
        ("?receiver=porter", 3),
        ("?receiver=unknown", 0),
        ("?type=post_parcel", 3),
        ("?type=post_complete_work_item", 0),
        ("?q=%22porter%7CElm+Street%22", 3),
        ("?q=Elm", 0),
    ],
)
def test_deliveries_are_found_by_state_receiver_event_and_lane(
    query: str, number: int, post: Stage, chief: Client
) -> None:
    assert len(listed(chief, Delivery, query)) == number


def test_deliveries_of_receivers_that_are_gone_are_found(post: Stage, chief: Client) -> None:
    Delivery.objects.filter(pk=rows()[0].pk).update(receiver="gone")
    assert [row.pk for row in listed(chief, Delivery, "?receiver=unknown")] == [rows()[0].pk]


def test_events_are_found_by_type_and_by_what_belongs_together(post: Stage, chief: Client) -> None:
    record = EventRecord.objects.latest("id")
    assert listed(chief, EventRecord, f"?q={record.correlation_id}") == [record]
    assert len(listed(chief, EventRecord, "?type=post_parcel")) == 3
    assert listed(chief, EventRecord, "?type=post_complete_case") == []


def test_a_list_costs_the_same_with_more_rows(post: Stage, chief: Client, django_assert_max_num_queries: Any) -> None:
    with stage(name="other") as other:
        other.send(*range(20))
        with django_assert_max_num_queries(8):
            chief.get(reverse(LIST[Delivery]))


def test_retrying_warns_of_what_runs_out_of_order(post: Stage, chief: Client, deliver: Deliver) -> None:
    delivered, failed, _ = rows()
    assert act(chief, "retry", delivered, failed) == [
        "1 delivery waits again.",
        f"Left as they are, as their state does not allow it: {delivered.pk}.",
        f"Out of order, as later ones of their lane were delivered already: {failed.pk}.",
    ]
    post.failing = set()
    deliver()
    assert rows()[1].state == State.DELIVERED


def test_discarding_notes_who_did_it(post: Stage, chief: Client) -> None:
    assert act(chief, "discard", rows()[1]) == ["1 delivery was discarded."]
    assert (rows()[1].state, rows()[1].error) == (State.DISCARDED, "Discarded by chief.")


def test_many_are_counted_and_long_lists_are_cut(post: Stage, chief: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caluma_async.events.admin._FIRST", 1)
    Delivery.objects.update(state=State.WAITING)
    assert act(chief, "discard", *rows()) == ["3 deliveries were discarded."]
    first = rows()[0].pk
    assert act(chief, "retry", *rows())[-1] == (
        f"Left as they are, as their state does not allow it: {first} and 2 more."
    )


def test_who_may_only_look_is_offered_no_action(post: Stage, client: Client) -> None:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_delivery", "view_eventrecord"]))
    client.force_login(user)
    assert len(listed(client, Delivery)) == 3
    act(client, "retry", *rows())
    assert rows()[1].state == State.FAILED


@pytest.mark.parametrize("model", [Delivery, EventRecord])
def test_nothing_can_be_typed_or_deleted(model: Any, post: Stage, chief: Client) -> None:
    name, key = model._meta.model_name, model.objects.latest("pk").pk
    assert chief.get(reverse(f"admin:events_{name}_add")).status_code == 403
    assert chief.post(reverse(f"admin:events_{name}_change", args=[key]), {}).status_code == 403
    assert chief.get(reverse(f"admin:events_{name}_delete", args=[key])).status_code == 403
