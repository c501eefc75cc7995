"""Three synchronous receivers of 100 ms each that were made non-blocking."""

import time
from typing import Any

from caluma_async.events import on
from caluma_async.workflow.events import post_complete_work_item, post_create_case


@on([post_complete_work_item, post_create_case], blocking=False)
def first(sender: Any, **kwargs: Any) -> None:
    """Wait."""
    time.sleep(0.1)


@on([post_complete_work_item, post_create_case], blocking=False)
def second(sender: Any, **kwargs: Any) -> None:
    """Wait."""
    time.sleep(0.1)


@on([post_complete_work_item, post_create_case], blocking=False)
def third(sender: Any, **kwargs: Any) -> None:
    """Wait."""
    time.sleep(0.1)
