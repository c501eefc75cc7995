"""Tells another server, by HTTP, that a case is completed.

The kind: `async def` for a `post_` event. It runs after the commit and never holds the response up; while it waits for
the other server, others run.

The address comes from the environment: WEBHOOK_URL=https://example.org/hook. Without one nothing is told.
"""

import logging
import os
from functools import cache
from typing import Any

import httpx

from caluma_async.events import RetryAfter, filter_events, on
from caluma_async.workflow.events import post_complete_case
from caluma_async.workflow.models import Case

logger = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds that the other server has for its answer. Always set one: without it a receiver may wait for ever."""


@cache
def say_that_there_is_no_address() -> None:
    """Say it once; a line for every case would hide the others."""
    logger.info("WEBHOOK_URL is not set: completed cases are told to nobody.")


def address() -> str | None:
    """Where to tell it."""
    url = os.environ.get("WEBHOOK_URL")
    if not url:
        say_that_there_is_no_address()
    return url


@on(post_complete_case)
@filter_events(address)
async def tell_the_other_server(case: Case, event: Any, **kwargs: Any) -> None:
    """Post the case's key. An answer that is an error, or none at all, raises: then it is tried again later."""
    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        answer = await client.post(
            str(address()),
            json={"event": event.name, "case": str(case.pk), "workflow": case.workflow_id, "status": case.status},
            # It may be sent twice (the server dies before it has noted the success): the key tells the other one.
            headers={"Idempotency-Key": str(event.id)},
        )
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise RetryAfter(60)
    answer.raise_for_status()
