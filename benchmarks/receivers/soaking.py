"""Receivers of every kind that keep a ledger, and one that counts what the event loop has to do."""

import asyncio
import os
from pathlib import Path
from typing import Any

from caluma_async.events import on
from caluma_async.workflow.events import post_complete_case
from tests.acceptance import ledger_receivers  # noqa: F401 - registers its receivers

census = Path(os.environ["CENSUS"])


@on(post_complete_case, ordered=False)
async def count_tasks(**kwargs: Any) -> None:
    """Put down how many tasks there are."""
    await asyncio.to_thread(census.write_text, str(len(asyncio.all_tasks())))


@on(post_complete_case, durable=False)
async def forget(**kwargs: Any) -> None:
    """Take what has no row."""
