"""Mail to the people who have got something to do.

The kind: a plain function that must not hold the mutation up. `blocking=False` runs it after the commit, in a thread.
The filter decides before that: for a work item that is nobody's nothing is stored and nothing runs.

In development mails are printed on the console. For a server set EMAIL_BACKEND and Django's EMAIL_… settings.
"""

from typing import Any

from django.core.mail import send_mail

from caluma_async.events import Retry, filter_events, on
from caluma_async.workflow.events import post_create_work_item
from caluma_async.workflow.models import WorkItem


def addresses(work_item: WorkItem) -> list[str]:
    """Whom to write to. Here user names that are addresses; your site may look them up in a directory."""
    return [username for username in work_item.assigned_users if "@" in username]


@on(post_create_work_item, blocking=False, retry=Retry(max_attempts=8))
@filter_events(addresses)
def tell_the_assigned(work_item: WorkItem, **kwargs: Any) -> None:
    """Write to the assigned users. A mail server that does not answer is asked again later."""
    send_mail(
        subject=f"To do: {work_item.name}",
        message=f"{work_item.description}\n\nWork item {work_item.pk} of case {work_item.case_id}",
        from_email=None,  # DEFAULT_FROM_EMAIL
        recipient_list=addresses(work_item),
    )
