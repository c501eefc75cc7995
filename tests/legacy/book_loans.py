"""A small site's receivers, as its authors copied them from a documentation: one event, one mutation."""

from caluma.caluma_core.events import on
from caluma.caluma_workflow.events import completed_work_item
from caluma.caluma_workflow.schema import CompleteWorkItem


@on(completed_work_item, sender=CompleteWorkItem)
def note_the_loan(sender, work_item, user, **kwargs):
    case = work_item.case
    case.meta["handed-out-by"] = user.username
    case.meta["heard-from"] = sender
    case.save()
