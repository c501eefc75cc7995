"""Three coroutine receivers that wait 100 ms each: the mail or HTTP call that nobody should wait for."""

import asyncio
from typing import Any

from caluma_async.events import on
from caluma_async.workflow.events import post_complete_work_item, post_create_case


@on([post_complete_work_item, post_create_case])
async def first(sender: Any, **kwargs: Any) -> None:
    """Wait."""
    await asyncio.sleep(0.1)


@on([post_complete_work_item, post_create_case])
async def second(sender: Any, **kwargs: Any) -> None:
    """Wait."""
    await asyncio.sleep(0.1)


@on([post_complete_work_item, post_create_case])
async def third(sender: Any, **kwargs: Any) -> None:
    """Wait."""
    await asyncio.sleep(0.1)
