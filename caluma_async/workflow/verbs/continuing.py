"""Continues the flow after a work item has ended: what comes next is made, or the case is completed."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from caluma_async.verbs import Verb, bulk
from caluma_async.workflow import routing, rows
from caluma_async.workflow.expressions import Moment
from caluma_async.workflow.models import Case, WorkItem
from caluma_async.workflow.snapshot import Snapshot
from caluma_async.workflow.verbs.changes import Changes, of_case, set_status
from caluma_async.workflow.verbs.creating import create


def continue_flow(verb: Verb[Any], work_item: WorkItem, route: rows.Route, ended: Snapshot) -> None:
    """Go on after the work item has been completed or skipped.

    `route` is what was loaded with it, `ended` what it looked like when it had been written: receivers may have changed
    either since, and then the database is asked again.
    """
    if verb.overtaken:
        found = rows.work_item_with_route(work_item.pk)
        if not found or found[0].status != work_item.status:
            return
        fresh = found[0]
        ended.merge(work_item, fresh)
        route = rows.Route.of(fresh)
    case = work_item.case
    if case.status != Case.STATUS_RUNNING or not routing.goes_on(work_item, route):
        return
    now = timezone.now()
    moment = Moment(case=case, user=verb.user, prev_work_item=work_item, context=verb.context)
    plan = routing.after(route, moment, now)
    if plan is None:
        _end(verb, case, route)
        return
    names = [set_status(each, WorkItem.STATUS_READY, False, verb.user, now) for each in plan.again]
    bulk.update(plan.again, set().union(*names))
    create(verb, plan.create)


def _end(verb: Verb[Any], case: Case, route: rows.Route) -> None:
    """Complete the case, unless other work items are ready."""
    if not route.others_ready:
        Changes(verb, of_case(case, [], "complete")).carry_out()
