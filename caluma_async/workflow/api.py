"""The verbs as Python functions, each with an async twin. What they do and refuse stands in `verbs/`.

They take model instances or keys. An instance that is given is brought up to date, and returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import Model

from caluma_async.form.models import Form
from caluma_async.identity import User
from caluma_async.verbs import Verb, arun, run
from caluma_async.workflow import rows
from caluma_async.workflow.models import Case, Task, Workflow, WorkItem
from caluma_async.workflow.snapshot import columns
from caluma_async.workflow.verbs.cases import CancelCase, ReopenCase, ResumeCase, SaveCase, StartCase, SuspendCase
from caluma_async.workflow.verbs.work_items import (
    CancelWorkItem,
    CompleteWorkItem,
    CreateWorkItem,
    RedoWorkItem,
    ResumeWorkItem,
    SaveWorkItem,
    SkipWorkItem,
    SuspendWorkItem,
)

R = TypeVar("R", Case, WorkItem)
AnyCase = Case | UUID | str
AnyWorkItem = WorkItem | UUID | str


def start_case(
    workflow: Workflow | str,
    user: User,
    form: Form | str | None = None,
    parent_work_item: AnyWorkItem | None = None,
    context: Any = None,
    **kwargs: Any,
) -> Case:
    """Start a case of the workflow; `kwargs` may hold `meta`."""
    verb = StartCase(user, context=context, workflow=workflow, form=form, parent_work_item=parent_work_item, **kwargs)
    return _done(verb, None, parent_work_item)


async def astart_case(
    workflow: Workflow | str,
    user: User,
    form: Form | str | None = None,
    parent_work_item: AnyWorkItem | None = None,
    context: Any = None,
    **kwargs: Any,
) -> Case:
    """As `start_case`."""
    verb = StartCase(user, context=context, workflow=workflow, form=form, parent_work_item=parent_work_item, **kwargs)
    return await _adone(verb, None, parent_work_item)


def save_case(case: AnyCase, user: User, context: Any = None, **kwargs: Any) -> Case:
    """Change a case; `kwargs` may hold `meta`, and a `form` where there is no document yet."""
    return _done(SaveCase(user, context=context, id=case, **kwargs), case)


async def asave_case(case: AnyCase, user: User, context: Any = None, **kwargs: Any) -> Case:
    """As `save_case`."""
    return await _adone(SaveCase(user, context=context, id=case, **kwargs), case)


def cancel_case(case: AnyCase, user: User, context: Any = None) -> Case:
    """Cancel a running or suspended case."""
    return _done(CancelCase(user, context=context, id=case), case)


async def acancel_case(case: AnyCase, user: User, context: Any = None) -> Case:
    """As `cancel_case`."""
    return await _adone(CancelCase(user, context=context, id=case), case)


def suspend_case(case: AnyCase, user: User, context: Any = None) -> Case:
    """Suspend a running case."""
    return _done(SuspendCase(user, context=context, id=case), case)


async def asuspend_case(case: AnyCase, user: User, context: Any = None) -> Case:
    """As `suspend_case`."""
    return await _adone(SuspendCase(user, context=context, id=case), case)


def resume_case(case: AnyCase, user: User, context: Any = None) -> Case:
    """Resume a suspended case."""
    return _done(ResumeCase(user, context=context, id=case), case)


async def aresume_case(case: AnyCase, user: User, context: Any = None) -> Case:
    """As `resume_case`."""
    return await _adone(ResumeCase(user, context=context, id=case), case)


def reopen_case(case: AnyCase, work_items: Sequence[AnyWorkItem], user: User, context: Any = None) -> Case:
    """Let a completed or canceled case go on from these work items."""
    return _done(ReopenCase(user, context=context, id=case, work_items=list(work_items)), case, *work_items)


async def areopen_case(case: AnyCase, work_items: Sequence[AnyWorkItem], user: User, context: Any = None) -> Case:
    """As `reopen_case`."""
    return await _adone(ReopenCase(user, context=context, id=case, work_items=list(work_items)), case, *work_items)


def complete_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """Complete a ready work item, and continue the flow."""
    return _done(CompleteWorkItem(user, context=context, id=work_item), work_item)


async def acomplete_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """As `complete_work_item`."""
    return await _adone(CompleteWorkItem(user, context=context, id=work_item), work_item)


def skip_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """Skip a ready work item, and continue the flow."""
    return _done(SkipWorkItem(user, context=context, id=work_item), work_item)


async def askip_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """As `skip_work_item`."""
    return await _adone(SkipWorkItem(user, context=context, id=work_item), work_item)


def cancel_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """Cancel a ready or suspended work item."""
    return _done(CancelWorkItem(user, context=context, id=work_item), work_item)


async def acancel_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """As `cancel_work_item`."""
    return await _adone(CancelWorkItem(user, context=context, id=work_item), work_item)


def suspend_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """Suspend a ready work item."""
    return _done(SuspendWorkItem(user, context=context, id=work_item), work_item)


async def asuspend_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """As `suspend_work_item`."""
    return await _adone(SuspendWorkItem(user, context=context, id=work_item), work_item)


def resume_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """Resume a suspended work item."""
    return _done(ResumeWorkItem(user, context=context, id=work_item), work_item)


async def aresume_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """As `resume_work_item`."""
    return await _adone(ResumeWorkItem(user, context=context, id=work_item), work_item)


def redo_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """Make a work item that has ended ready again."""
    return _done(RedoWorkItem(user, context=context, id=work_item), work_item)


async def aredo_work_item(work_item: AnyWorkItem, user: User, context: Any = None) -> WorkItem:
    """As `redo_work_item`."""
    return await _adone(RedoWorkItem(user, context=context, id=work_item), work_item)


def create_work_item(
    case: AnyCase, multiple_instance_task: Task | str, user: User, context: Any = None, **kwargs: Any
) -> WorkItem:
    """Create one more work item of a multiple instance task; `kwargs` are the fields of `CreateWorkItem`."""
    return _done(
        CreateWorkItem(user, context=context, case=case, multiple_instance_task=multiple_instance_task, **kwargs), None
    )


async def acreate_work_item(
    case: AnyCase, multiple_instance_task: Task | str, user: User, context: Any = None, **kwargs: Any
) -> WorkItem:
    """As `create_work_item`."""
    return await _adone(
        CreateWorkItem(user, context=context, case=case, multiple_instance_task=multiple_instance_task, **kwargs), None
    )


def save_work_item(work_item: AnyWorkItem, user: User, context: Any = None, **kwargs: Any) -> WorkItem:
    """Change a work item; `kwargs` are the fields of `SaveWorkItem`."""
    return _done(SaveWorkItem(user, context=context, work_item=work_item, **kwargs), work_item)


async def asave_work_item(work_item: AnyWorkItem, user: User, context: Any = None, **kwargs: Any) -> WorkItem:
    """As `save_work_item`."""
    return await _adone(SaveWorkItem(user, context=context, work_item=work_item, **kwargs), work_item)


def _done(verb: Verb[R], subject: R | UUID | str | None, *others: Any) -> R:
    """Run the verb. `subject` was given for the object that it returns, `others` for what else it may change."""
    return _up_to_date(verb, run(verb), subject, others)


async def _adone(verb: Verb[R], subject: R | UUID | str | None, *others: Any) -> R:
    return await sync_to_async(_up_to_date)(verb, await arun(verb), subject, others)


def _up_to_date(verb: Verb[R], written: R, subject: R | UUID | str | None, others: Sequence[Any]) -> R:
    """What was written, as the instance that was given for it, if one was; what receivers did since is read again."""
    fresh = rows.fresh(written) if verb.overtaken else None
    if fresh is not None:
        _take_over(written, fresh)
    for other in others:
        if isinstance(other, Case | WorkItem) and (now := rows.fresh(other)) is not None:
            _take_over(other, now)
    if not isinstance(subject, Case | WorkItem):
        return written
    _take_over(subject, written)
    return subject


def _take_over(row: Model, fresh: Model) -> None:
    for name in columns(row):
        setattr(row, name, fresh.__dict__[name])
