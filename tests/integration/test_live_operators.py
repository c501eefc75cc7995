"""The log and the deliveries as an API, for those who run the site: refused to everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpRequest
from pytest_django import Settings

from caluma_async.access import Deed, Operation
from caluma_async.access.permissions import AllowAny, BasePermission, IsAuthenticated, permission_for
from caluma_async.access.site import Rules, SiteAccess
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.receivers import registry
from caluma_async.events.states import State
from caluma_async.graphql.context import Context
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_workflow
from caluma_async.testing.plugin import Deliver
from caluma_async.verbs import Verb, run
from caluma_async.verbs.deliveries import RetryDelivery, SeeDeliveries
from caluma_async.workflow import CompleteWorkItem
from caluma_async.workflow.models import Workflow, WorkItem
from tests.api import ask, gid, nodes, outcome, refusal, statements
from tests.integration.delivery_stage import Stage, stage

pytestmark = pytest.mark.django_db

OSKAR = User("oskar", groups=["ops"])


@pytest.fixture(autouse=True)
def _isolated() -> Iterator[None]:
    with registry.isolated():
        yield


@pytest.fixture
def parcels() -> Iterator[Stage]:
    with stage() as found:
        yield found


class Operators(BasePermission):
    """Ops may do everything that is for those who run the site."""

    @permission_for(Operation)
    def ops(self, mutation: Any, info: Any) -> bool:
        return "ops" in info.user.groups


class OnlyToLook(BasePermission):
    """Who is known may look at deliveries."""

    @permission_for(SeeDeliveries)
    def known(self, mutation: Any, info: Any) -> bool:
        return info.user.is_authenticated


class Everything(BasePermission):
    """A class that was written before there were operations."""

    @permission_for(Deed)
    def all(self, mutation: Any, info: Any) -> bool:
        return True

    @permission_for(Verb)
    def every_verb(self, mutation: Any, info: Any) -> bool:
        return True


def request_of(user: User, *permissions: type[BasePermission]) -> Context:
    return Context(user=user, access=SiteAccess(Rules(permissions=permissions), HttpRequest()))


def ops() -> Context:
    return request_of(OSKAR, Operators)


DELIVERIES = """query($filter: [DeliveryFilterSetType], $order: [DeliveryOrderSetType], $first: Int) {
  allDeliveries(filter: $filter, order: $order, first: $first) { totalCount edges { node {
    id receiver status attempt error availableAt event { id name sender user } } } } }"""
EVENTS = """query($filter: [EventFilterSetType], $order: [EventOrderSetType], $first: Int) {
  allEvents(filter: $filter, order: $order, first: $first) { totalCount edges { node {
    id name sender user workItem { id status } case { id }
    deliveries { totalCount edges { node { status } } } } } } }"""
QUESTIONS = {
    "allEvents": "{ allEvents { totalCount } }",
    "allDeliveries": "{ allDeliveries { totalCount } }",
    "retryDelivery": 'mutation { retryDelivery(input: {id: "1"}) { outOfOrder } }',
    "discardDelivery": 'mutation { discardDelivery(input: {id: "1"}) { clientMutationId } }',
    "replayEvent": f'mutation {{ replayEvent(input: {{id: "{uuid4()}", receiver: "r"}}) {{ clientMutationId }} }}',
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "permissions", [(), (AllowAny,), (IsAuthenticated,), (Everything,), (Operators, IsAuthenticated)], ids=repr
)
def test_all_of_it_is_refused_unless_a_permission_class_names_it(question: str, permissions: Any) -> None:
    error = refusal(QUESTIONS[question], context=request_of(User("anna"), *permissions))
    assert error["extensions"]["code"] == "not_allowed"


def test_the_events_of_a_case_are_refused_too_and_the_case_is_shown() -> None:
    case = make_case("w")
    document = "query($id: ID!) { node(id: $id) { id ... on Case { events { totalCount } } } }"
    body = outcome(document, context=request_of(User("anna"), Everything), id=gid(case)).body
    assert body["data"]["node"] == {"id": gid(case), "events": None}
    assert body["errors"][0]["extensions"]["code"] == "not_allowed"


def test_naming_one_operation_opens_no_other() -> None:
    asking = request_of(User("anna"), OnlyToLook)
    assert ask(QUESTIONS["allDeliveries"], context=asking) == {"allDeliveries": {"totalCount": 0}}
    assert refusal(QUESTIONS["retryDelivery"], context=asking)["extensions"]["code"] == "not_allowed"
    assert refusal(QUESTIONS["allEvents"], context=asking)["extensions"]["code"] == "not_allowed"


def test_a_class_that_names_it_is_overruled_by_one_that_forbids_everything() -> None:
    class Nothing(BasePermission):
        @permission_for(Deed)
        def none(self, mutation: Any, info: Any) -> bool:
            return False

    assert refusal(QUESTIONS["allEvents"], context=request_of(OSKAR, Operators, Nothing))["extensions"]["code"] == (
        "not_allowed"
    )


def failed(parcels: Stage, deliver: Deliver, *numbers: int) -> list[Delivery]:
    parcels.failing = set(numbers)
    parcels.send(1, 2, 3)
    deliver()
    return list(Delivery.objects.order_by("pk"))


def test_deliveries_are_found_filtered_and_sorted(parcels: Stage, deliver: Deliver) -> None:
    rows = failed(parcels, deliver, 2)
    found = ask(DELIVERIES, context=ops(), filter=[{"status": ["FAILED"]}])["allDeliveries"]
    assert found["totalCount"] == 1
    [delivery] = nodes(found)
    assert (delivery["id"], delivery["status"], delivery["receiver"]) == (str(rows[1].pk), "FAILED", "porter")
    assert "parcel 2 is torn" in delivery["error"]
    assert delivery["event"] == {
        "id": str(rows[1].event_id),
        "name": "post_parcel",
        "sender": "test",
        "user": "ada",
    }
    for given, number in (
        ([{"receiver": "porter"}], 3),
        ([{"receiver": "porter", "invert": True}], 0),
        ([{"event": str(rows[0].event_id)}], 1),
        ([{"eventTypes": ["post_create_case"]}], 0),
        ([{"emittedBefore": "2001-01-01T00:00:00+00:00"}], 0),
        ([{"emittedAfter": "2001-01-01T00:00:00+00:00"}, {"status": ["DELIVERED"]}], 2),
    ):
        assert ask(DELIVERIES, context=ops(), filter=given)["allDeliveries"]["totalCount"] == number, given
    latest = ask(DELIVERIES, context=ops(), order=[{"attribute": "STATUS", "direction": "DESC"}], first=1)
    assert (nodes(latest["allDeliveries"])[0]["status"], latest["allDeliveries"]["totalCount"]) == ("FAILED", 3)
    by_age = [node["id"] for node in nodes(ask(DELIVERIES, context=ops())["allDeliveries"])]
    assert by_age == [str(row.pk) for row in rows]


def completed(settings: Settings, number: int = 1) -> list[WorkItem]:
    settings.EVENT_LOG = True
    workflow = Workflow.objects.filter(pk="w").first() or make_workflow("w", start=["a"])
    items = [make_case(workflow, ready=["a"]).work_items.get() for _ in range(number)]
    for item in items:
        run(CompleteWorkItem(User("anna"), id=item.pk))
    return items


def test_events_are_found_with_what_they_are_about_as_it_is_now(settings: Settings) -> None:
    [item] = completed(settings)
    found = ask(EVENTS, context=ops())["allEvents"]
    assert found["totalCount"] == 2
    first, second = nodes(found)
    assert (first["name"], first["sender"], first["user"]) == ("post_complete_work_item", "CompleteWorkItem", "anna")
    assert first["workItem"] == {"id": gid(item), "status": "COMPLETED"}
    assert first["case"] is None
    assert (second["name"], second["case"], second["workItem"]) == (
        "post_complete_case",
        {"id": gid(item.case)},
        None,
    )
    assert first["deliveries"] == {"totalCount": 0, "edges": []}


def test_events_are_filtered_and_sorted(settings: Settings) -> None:
    one, other = completed(settings, 2)
    events = list(EventRecord.objects.order_by("pk"))
    for given, number in (
        ([{"types": ["post_complete_case"]}], 2),
        ([{"ids": [str(events[0].pk)]}], 1),
        ([{"caseFamily": gid(one.case)}], 2),
        ([{"caseFamily": str(other.case_id)}, {"types": ["post_complete_case"]}], 1),
        ([{"caseFamily": str(uuid4())}], 0),
        ([{"correlationId": str(events[0].correlation_id)}], 1),
        ([{"causationId": str(events[0].pk)}], 0),
        ([{"emittedBefore": "2001-01-01T00:00:00+00:00"}], 0),
        ([{"emittedAfter": "2001-01-01T00:00:00+00:00"}], 4),
    ):
        assert ask(EVENTS, context=ops(), filter=given)["allEvents"]["totalCount"] == number, given
    last = ask(EVENTS, context=ops(), order=[{"attribute": "EMITTED_AT", "direction": "DESC"}], first=1)["allEvents"]
    assert nodes(last)[0]["id"] == str(events[-1].pk)
    assert "is not the id of an event" in refusal(EVENTS, context=ops(), filter=[{"ids": ["x"]}])["message"]
    assert "There is no event type" in refusal(EVENTS, context=ops(), filter=[{"types": ["x"]}])["message"]


def test_the_cost_does_not_grow_with_the_number_of_events(settings: Settings) -> None:
    completed(settings, 2)
    few = statements(EVENTS, context=ops())
    completed(settings, 10)
    assert statements(EVENTS, context=ops()) == few


def test_a_case_shows_the_events_of_its_family(settings: Settings) -> None:
    one, _ = completed(settings, 2)
    document = """query($id: ID!) { node(id: $id) { ... on Case {
        events(first: 1) { totalCount edges { node { name workItem { id } } } } } } }"""
    found = ask(document, context=ops(), id=gid(one.case))["node"]["events"]
    assert found["totalCount"] == 2
    assert nodes(found) == [{"name": "post_complete_work_item", "workItem": {"id": gid(one)}}]


RETRY = """mutation($id: ID!) { retryDelivery(input: {id: $id, clientMutationId: "c"}) {
  clientMutationId outOfOrder delivery { id status event { name } } } }"""
DISCARD = """mutation($id: ID!, $reason: String) { discardDelivery(input: {id: $id, reason: $reason}) {
  delivery { id status error } } }"""
REPLAY = """mutation($id: ID!, $receiver: String!) { replayEvent(input: {id: $id, receiver: $receiver}) {
  delivery { id status receiver event { id } } } }"""


def test_a_failed_delivery_is_retried(parcels: Stage, deliver: Deliver) -> None:
    rows = failed(parcels, deliver, 2)
    answer = ask(RETRY, context=ops(), id=str(rows[1].pk))["retryDelivery"]
    assert answer == {
        "clientMutationId": "c",
        "outOfOrder": True,
        "delivery": {"id": str(rows[1].pk), "status": "WAITING", "event": {"name": "post_parcel"}},
    }
    parcels.failing.clear()
    deliver()
    assert Delivery.objects.get(pk=rows[1].pk).state == State.DELIVERED


def test_the_last_of_a_lane_is_retried_in_order(parcels: Stage, deliver: Deliver) -> None:
    rows = failed(parcels, deliver, 3)
    assert ask(RETRY, context=ops(), id=str(rows[2].pk))["retryDelivery"]["outOfOrder"] is False


def test_a_delivery_is_discarded_with_a_reason(parcels: Stage, deliver: Deliver) -> None:
    rows = failed(parcels, deliver, 2, 3)
    answer = ask(DISCARD, context=ops(), id=str(rows[1].pk), reason="Never mind.")["discardDelivery"]["delivery"]
    assert (answer["status"], answer["error"]) == ("DISCARDED", "Never mind.")
    answer = ask(DISCARD, context=ops(), id=str(rows[2].pk))["discardDelivery"]["delivery"]
    assert answer["error"] == "Discarded by oskar."


def test_an_event_is_replayed_to_one_receiver(parcels: Stage, deliver: Deliver) -> None:
    rows = failed(parcels, deliver)
    answer = ask(REPLAY, context=ops(), id=str(rows[0].event_id), receiver="porter")["replayEvent"]["delivery"]
    assert (answer["status"], answer["receiver"]) == ("WAITING", "porter")
    assert answer["event"] == {"id": str(rows[0].event_id)}
    assert Delivery.objects.get(pk=answer["id"]).lane == rows[0].lane
    deliver()
    assert parcels.seen == [1, 2, 3, 1]


def test_what_cannot_be_done_is_refused_in_words(parcels: Stage, deliver: Deliver) -> None:
    rows = failed(parcels, deliver)
    done, event = str(rows[0].pk), str(rows[0].event_id)
    for document, variables, code, says in (
        (RETRY, {"id": done}, "refused", f"Delivery {done} is delivered; only what is failed or held can be retried."),
        (DISCARD, {"id": done}, "refused", f"Delivery {done} is delivered; only what is waiting or failed or held"),
        (RETRY, {"id": "999999"}, "not_found", "There is no delivery 999999"),
        (RETRY, {"id": "x"}, "invalid", "is not the number of a delivery"),
        (RETRY, {"id": "9" * 30}, "invalid", "is not the number of a delivery"),
        (REPLAY, {"id": "x", "receiver": "porter"}, "invalid", "id must be a uuid"),
        (REPLAY, {"id": str(uuid4()), "receiver": "porter"}, "not_found", "There is no event"),
        (REPLAY, {"id": event, "receiver": "nobody"}, "refused", "No receiver 'nobody' gets post_parcel"),
    ):
        error = refusal(document, context=ops(), **variables)
        assert error["extensions"]["code"] == code, variables
        assert says in error["message"]


def test_an_event_that_was_stored_in_part_is_not_replayed(parcels: Stage, deliver: Deliver) -> None:
    rows = failed(parcels, deliver)
    EventRecord.objects.filter(pk=rows[0].event_id).update(arguments='{"number": 1}')
    error = refusal(REPLAY, context=ops(), id=str(rows[0].event_id), receiver="porter")
    assert error["message"] == f"Event {rows[0].event_id} was stored without street."


def test_a_delivery_that_moved_on_meanwhile_is_refused(
    parcels: Stage, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = failed(parcels, deliver, 2)
    monkeypatch.setattr("caluma_async.events.outbox.retry", lambda ids: [])
    monkeypatch.setattr("caluma_async.events.outbox.discard", lambda ids, reason: set())
    for document in (RETRY, DISCARD):
        assert "has moved on meanwhile" in refusal(document, context=ops(), id=str(rows[1].pk))["message"]


def test_python_code_of_the_site_may_do_it_without_permission(parcels: Stage, deliver: Deliver) -> None:
    rows = failed(parcels, deliver, 2)
    assert run(RetryDelivery(OSKAR, id=rows[1].pk)).state == State.WAITING
