"""A rule of the site: nobody may finish what they themselves did the step before.

The kind: a plain function that holds the mutation up and can undo it. `raise_exception=True` makes its error the
client's error, and nothing of the mutation is left. Without it the error would be logged and the mutation go on.

To try it, give a task the meta {"four-eyes": true}.
"""

from typing import Any

from caluma_async.events import filter_events, on
from caluma_async.identity import User
from caluma_async.workflow.events import pre_complete_work_item
from caluma_async.workflow.models import WorkItem


@on(pre_complete_work_item, raise_exception=True)
@filter_events(lambda work_item: work_item.task.meta.get("four-eyes"))
def demand_a_second_person(work_item: WorkItem, user: User, **kwargs: Any) -> None:
    """Refuse to complete a work item for the user who closed the one before it."""
    previous = work_item.previous_work_item
    if previous is not None and previous.closed_by_user == user.username:
        raise PermissionError(f"{user} did {previous.task_id!r}; somebody else must complete {work_item.task_id!r}.")
