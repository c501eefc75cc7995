"""A building permit in miniature: somebody applies, experts review, an authority decides. Made by verbs only.

    submit -> completeness-check -> expert-review (one for each expert) -> decision -> permit    -> archive
                                                                                   -> rejection -> archive

`decision` leads to `rejection` if it is completed with the context `{"rejected": true}`, else to `permit`.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction

from caluma_async.demo.application_form import FORM, make_form
from caluma_async.identity import User
from caluma_async.workflow.design_api import add_workflow_flow, save_simple_task, save_workflow
from caluma_async.workflow.models import Workflow

__all__ = ["FORM", "WORKFLOW", "seed"]

WORKFLOW: Final = "building-permit"

APPLICANTS: Final = "'applicants'|groups"
AUTHORITY: Final = "'construction-office'|groups"
EXPERTS: Final = "['fire-department', 'heritage-office']|groups"
TWO_WEEKS: Final = 14 * 24 * 60 * 60

DESIGNER: Final = User("demo", groups=["construction-office"])


def seed() -> bool:
    """Make the workflow with all that belongs to it, unless it is there; whether it was made."""
    with transaction.atomic():
        if Workflow.objects.filter(pk=WORKFLOW).exists():
            return False
        make_form(DESIGNER)
        _tasks()
        _workflow()
        _flows()
    return True


def _tasks() -> None:
    save_simple_task("submit", DESIGNER, name="Submit the application", address_groups=APPLICANTS)
    save_simple_task(
        "completeness-check",
        DESIGNER,
        name="Check that the application is complete",
        address_groups=AUTHORITY,
        control_groups=APPLICANTS,
    )
    save_simple_task(
        "expert-review",
        DESIGNER,
        name="Review the plans",
        address_groups=EXPERTS,
        control_groups=AUTHORITY,
        is_multiple_instance=True,
        lead_time=TWO_WEEKS,
    )
    save_simple_task("decision", DESIGNER, name="Decide", address_groups=AUTHORITY)
    save_simple_task("permit", DESIGNER, name="Issue the permit", address_groups=AUTHORITY)
    save_simple_task("rejection", DESIGNER, name="Explain the rejection", address_groups=AUTHORITY)
    save_simple_task("archive", DESIGNER, name="Archive the case", address_groups=AUTHORITY)


def _workflow() -> None:
    save_workflow(
        WORKFLOW,
        DESIGNER,
        name="Building permit",
        start_tasks=["submit"],
        allow_forms=[FORM],
        is_published=True,
    )


def _flows() -> None:
    again = "'submit'|task"
    add_workflow_flow(WORKFLOW, ["submit"], "'completeness-check'|task", DESIGNER)
    add_workflow_flow(WORKFLOW, ["completeness-check"], "'expert-review'|task", DESIGNER, redoable=again)
    add_workflow_flow(WORKFLOW, ["expert-review"], "'decision'|task", DESIGNER)
    add_workflow_flow(WORKFLOW, ["decision"], "info.context.rejected ? 'rejection'|task : 'permit'|task", DESIGNER)
    add_workflow_flow(WORKFLOW, ["permit"], "'archive'|task", DESIGNER)
    add_workflow_flow(WORKFLOW, ["rejection"], "'archive'|task", DESIGNER)
