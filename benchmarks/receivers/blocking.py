"""Three blocking receivers that do nothing: what the engine itself costs."""

from typing import Any

from caluma_async.events import on
from caluma_async.workflow.events import post_complete_work_item, post_create_case


@on([post_complete_work_item, post_create_case])
def first(sender: Any, **kwargs: Any) -> None:
    """Do nothing."""


@on([post_complete_work_item, post_create_case])
def second(sender: Any, **kwargs: Any) -> None:
    """Do nothing."""


@on([post_complete_work_item, post_create_case])
def third(sender: Any, **kwargs: Any) -> None:
    """Do nothing."""
