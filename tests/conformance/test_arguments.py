"""What receivers are called with: objects of their own, as they are now, and the event's arguments as they were."""

from __future__ import annotations

from typing import Any

import pytest

from caluma_async.events import EventType, on, send_event
from caluma_async.events.loading import at_hand
from caluma_async.events.telemetry import Kind
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.workflow.models import WorkItem
from tests.conformance.carriers import carrying
from tests.integration.engine import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


async def test_each_receiver_gets_an_object_of_its_own_with_its_relations_at_hand(
    carrier: str, painted: EventType
) -> None:
    seen: list[WorkItem] = []
    at_hand(WorkItem, "task", "case__workflow", "case__family")

    @on(painted, name="awaited")
    async def awaited(wall: WorkItem) -> None:
        assert (wall.task.slug, wall.case.workflow.slug, wall.case.family.pk) == ("task", "workflow", wall.case_id)
        seen.append(wall)
        wall.status = "changed"

    @on(painted, name="threaded", blocking=False)
    def threaded(wall: WorkItem) -> None:
        seen.append(wall)

    item = await in_thread(lambda: make_work_item(make_case(make_workflow("workflow")), make_task("task")))
    async with carrying(carrier) as carried:
        await in_thread(lambda: send_event(painted, wall=item))
        await carried.until(Kind.DELIVERED, 2)
    first, second = seen
    assert first == second == item
    assert len({id(first), id(second), id(item)}) == 3
    assert sorted(one.status for one in seen) == ["changed", "ready"]
    assert item.status == "ready"


async def test_event_user_and_context_are_as_they_were_and_nobody_elses(carrier: str, painted: EventType) -> None:
    seen: list[Any] = []
    context = {"way": ["in"]}

    @on(painted)
    async def receiver(wall: str, sender: Any, user: User, context: Any, event: Any) -> None:
        seen.append((wall, sender, user, context, event.name, event.attempt, event.correlation_id == event.id))

    def send_and_change() -> None:
        user = User("ada", token="secret", groups=["office"], claims={"sub": "ada"})
        send_event(painted, "me", user=user, context=context, wall="north")
        context["way"].append("out")

    async with carrying(carrier) as carried:
        await in_thread(send_and_change)
        await carried.until(Kind.DELIVERED)
    ((wall, sender, user, given, *event),) = seen
    assert (wall, sender, given, event) == ("north", "me", {"way": ["in"]}, ["post_painted", 1, True])
    assert (user.username, list(user.groups), user.claims, user.token) == ("ada", ["office"], {"sub": "ada"}, None)


async def test_what_a_receiver_causes_says_so(carrier: str, painted: EventType) -> None:
    events: dict[str, Any] = {}
    dried = EventType("post_dried", arguments=())

    @on(painted, blocking=False)
    def first(wall: str, event: Any) -> None:
        events["painted"] = event
        send_event(dried)

    @on(dried)
    async def second(event: Any) -> None:
        events["dried"] = event

    async with carrying(carrier) as carried:
        await in_thread(lambda: send_event(painted, user=User("ada"), wall="north"))
        await carried.until(Kind.DELIVERED, 2)
    cause, effect = events["painted"], events["dried"]
    assert (effect.causation_id, effect.correlation_id) == (cause.id, cause.correlation_id)
    assert effect.chain == ("post_painted", "post_dried")
    assert effect.user == User("ada")
