"""What those who run the site can do with events and deliveries."""

from __future__ import annotations

import strawberry

from caluma_async.graphql.events.types import Delivery
from caluma_async.graphql.fields import answered_by
from caluma_async.graphql.inputs import optional
from caluma_async.graphql.verbs import Input, Payload, mutation
from caluma_async.verbs.deliveries import DiscardDelivery, ReplayEvent, RetryDelivery


@strawberry.input
class RetryDeliveryInput(Input):
    """A delivery that failed or is held."""

    id: strawberry.ID


@strawberry.input
class DiscardDeliveryInput(Input):
    """A delivery that waits, failed or is held, and why it is given up."""

    id: strawberry.ID
    reason: str | None = optional()


@strawberry.input
class ReplayEventInput(Input):
    """An event, and the name of the receiver that is to be told of it once more."""

    id: strawberry.ID
    receiver: str


@strawberry.type
class DeliveryPayload(Payload):
    """A delivery."""

    delivery: Delivery | None


@strawberry.type
class RetryDeliveryPayload(DeliveryPayload):
    """The delivery that waits again. `outOfOrder`: later ones of its lane were done already."""

    out_of_order: bool = answered_by(lambda source, _info: source.verb.out_of_order)


@strawberry.type
class DiscardDeliveryPayload(DeliveryPayload):
    """The delivery that was given up."""


@strawberry.type
class ReplayEventPayload(DeliveryPayload):
    """The new delivery."""


@strawberry.type
class EventMutations:
    """What can be done by those who run the site."""

    retry_delivery: RetryDeliveryPayload | None = mutation(RetryDelivery, RetryDeliveryInput, "delivery")
    discard_delivery: DiscardDeliveryPayload | None = mutation(DiscardDelivery, DiscardDeliveryInput, "delivery")
    replay_event: ReplayEventPayload | None = mutation(ReplayEvent, ReplayEventInput, "delivery")
