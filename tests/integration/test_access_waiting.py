"""What is hidden answers as fast as what is missing, even while somebody works on it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpRequest

from caluma_async.access.site import Rules, SiteAccess
from caluma_async.access.visibilities import CreatedByGroup
from caluma_async.errors import NotFound
from caluma_async.form.models import Document
from caluma_async.form.verbs import SaveDocument
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_document, make_flow, make_work_item, make_workflow
from caluma_async.verbs import Verb, run
from caluma_async.workflow import AddWorkflowFlow, CancelCase, CompleteWorkItem, CreateWorkItem, RemoveFlow, SaveCase
from caluma_async.workflow.models import Case, Workflow

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

OWNER, BEN = User("olga", groups=["own"]), User("ben", groups=["council"])


def on_the_case(case: Case) -> list[Callable[[Any], Verb[Any]]]:
    """What somebody may try on a case that they cannot see, and on what is in it."""
    item, workflow = case.work_items.get(), case.workflow_id
    flow = make_flow(workflow, ["review"], "", user=OWNER)
    return [
        lambda access: CancelCase(BEN, access=access, id=case.pk),
        lambda access: SaveCase(BEN, access=access, id=case.pk, workflow=workflow),
        lambda access: SaveCase(BEN, access=access, workflow=workflow, parent_work_item=item.pk),
        lambda access: CompleteWorkItem(BEN, access=access, id=item.pk),
        lambda access: CreateWorkItem(BEN, access=access, case=case.pk, multiple_instance_task="review"),
        lambda access: AddWorkflowFlow(BEN, access=access, workflow=workflow, tasks=["review"], next=""),
        lambda access: RemoveFlow(BEN, access=access, flow=flow.pk),
        lambda access: SaveDocument(BEN, access=access, id=case.document_id),
    ]


def test_nobody_waits_for_what_they_cannot_see() -> None:
    workflow = make_workflow("permit", start=["review"], user=OWNER)
    case = make_case(workflow, document=make_document(user=OWNER), user=OWNER)
    make_work_item(case, "review", user=OWNER)
    access = SiteAccess(Rules(visibilities=[CreatedByGroup]), HttpRequest())

    def attempt(make: Callable[[Any], Verb[Any]]) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            with pytest.raises(NotFound):
                run(make(access))
        finally:
            connection.close()

    attempts = on_the_case(case)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        for model in (Case, Document, Workflow):
            list(model._default_manager.select_for_update())
        for make in attempts:
            pool.submit(attempt, make).result(30)
