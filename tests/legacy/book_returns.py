"""The strict half of the small site: a return that cannot be booked must not happen."""

from caluma.caluma_core.events import on
from caluma.caluma_workflow.events import completed_work_item
from caluma.caluma_workflow.schema import CompleteWorkItem


@on(completed_work_item, sender=CompleteWorkItem, raise_exception=True)
def book_the_return(sender, work_item, user, context, **kwargs):
    case = work_item.case
    case.meta["returned-by"] = user.username
    case.save()
    if (context or {}).get("damaged"):
        raise ValueError("A damaged book goes to the repair desk first.")
