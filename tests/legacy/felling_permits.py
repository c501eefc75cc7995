"""Receivers of a town that permits the felling of trees: a project that has grown for years."""

import logging

from caluma.caluma_core.events import filter_events, on, send_event
from caluma.caluma_form.models import Answer
from caluma.caluma_user.models import BaseUser
from caluma.caluma_workflow import api as workflow_api
from caluma.caluma_workflow.events import (
    canceled_work_item,
    post_complete_case,
    post_complete_work_item,
    post_create_case,
    post_create_work_item,
    post_resume_work_item,
    post_skip_work_item,
    pre_complete_work_item,
    pre_create_case,
)
from caluma.caluma_workflow.models import Case, Workflow, WorkItem
from caluma.caluma_workflow.schema import CreateWorkItem
from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_save

logger = logging.getLogger(__name__)


class Archive:
    """The paper archive down the hall, as far as a computer can reach it."""

    def __init__(self):
        self.is_open = True
        self.is_being_moved = False
        self.received = []

    def send(self, what):
        if not self.is_open:
            raise ConnectionError("The archive does not answer.")
        self.received.append(what)


archive = Archive()


def inspections_are_due():
    return getattr(settings, "FELLING_INSPECTIONS", True)


def archive_is_open():
    return archive.is_open


def is_felling(case):
    return case.workflow_id == "felling"


# --- cases -------------------------------------------------------------------------------------------------------


@on(pre_create_case, raise_exception=True)
def mark_as_received(sender, case, validated_data, user, context, **kwargs):
    assert sender == "pre_create_case"
    validated_data["meta"] = {**(validated_data.get("meta") or {}), "received": True}


@on(post_create_case, raise_exception=True)
@filter_events(is_felling)
@transaction.atomic
def number_the_case(sender, case, user, context, **kwargs):
    if sender == "import-from-the-old-system":
        return
    case.meta["number"] = Case.objects.filter(workflow_id="felling").count()
    case.save()


@on(post_create_case, sender="import-from-the-old-system")
def greet_the_import(sender, case, user, context=None, **kwargs):
    archive.send(("imported", context["old-number"]))


@on(post_complete_case, raise_exception=True)
@filter_events(is_felling)
def plant_a_new_tree(sender, case, user, context, **kwargs):
    workflow_api.start_case(
        workflow=Workflow.objects.get(pk="planting"), user=user, meta={"felled": str(case.pk)}, context=context
    )


# --- work items --------------------------------------------------------------------------------------------------


@on([post_create_case, post_create_work_item, post_complete_work_item, post_skip_work_item, post_complete_case])
def keep_the_journal(sender, user, work_item=None, case=None, **kwargs):
    line = "case" if work_item is None else work_item.task_id
    archive.send((line, sender))


@on(post_create_work_item, raise_exception=True)
@filter_events(lambda work_item: work_item.task_id == "inspect")
def skip_what_needs_no_inspection(sender, work_item, user, context, **kwargs):
    if sender == "case_post_create" or sender is CreateWorkItem:
        return
    if work_item.case.meta.get("trunk", 0) < 60:
        workflow_api.skip_work_item(work_item, user, {**(context or {}), "automatic": True})


@on([post_complete_work_item, post_skip_work_item], raise_exception=True)
@filter_events(inspections_are_due)
@filter_events(archive_is_open)
@filter_events(lambda: not archive.is_being_moved)
@filter_events(lambda sender, work_item: sender == "post_complete_work_item" and work_item.task_id == "inspect")
@transaction.atomic
def note_the_inspection(work_item, user, **kwargs):
    work_item.meta["inspected-by"] = user.username
    work_item.save()


@on(pre_complete_work_item, raise_exception=True)
@filter_events(lambda work_item: work_item.task_id == "decide")
def demand_a_reason(work_item, context, **kwargs):
    if not (context or {}).get("reason"):
        raise ValueError("A decision needs a reason.")


@on(post_complete_work_item)
@filter_events(lambda work_item: work_item.task_id == "decide")
def send_the_decision(sender, work_item, user, context, **kwargs):
    WorkItem.objects.filter(pk=work_item.pk).update(description={"en": "sent"})
    archive.send(("decision", context["reason"]))


# --- documents ---------------------------------------------------------------------------------------------------


@on(post_save, sender=Answer, raise_exception=True)
@filter_events(lambda instance: instance.question_id == "trunk")
def copy_the_trunk_to_the_document(sender, instance, created, **kwargs):
    assert sender is Answer
    document = instance.document
    document.meta["trunk"] = instance.value
    document.save()


# --- what other modules of the site call ---------------------------------------------------------------------------


def renumber(case):
    """Used by the clerks' admin action; calls the receiver like any function."""
    number_the_case(sender="renumber", case=case, user=BaseUser(), context=None)


def tell_about_imported(case, old_number):
    """Used by the nightly import."""
    user = BaseUser()
    user.username = "import"
    send_event(
        post_create_case,
        sender="import-from-the-old-system",
        case=case,
        user=user,
        context={"old-number": old_number},
    )


def watch(sender, work_item, **kwargs):
    archive.send(("watched", work_item.task_id, sender))


def start_watching():
    canceled_work_item.connect(watch)
    post_resume_work_item.connect(watch, sender="post_resume_work_item", dispatch_uid="watch-resumed")


def stop_watching():
    canceled_work_item.disconnect(watch)
    post_resume_work_item.disconnect(sender="post_resume_work_item", dispatch_uid="watch-resumed")
