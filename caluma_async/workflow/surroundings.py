"""What expressions of a document find under `info.case` and `info.workItem`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from caluma_async.form.surroundings import Surroundings
from caluma_async.workflow.models import Case, WorkItem


def around(roots: Sequence[UUID]) -> Mapping[UUID, Surroundings]:
    """By root document: its case, or else its work item's; its work item, or else its case's parent. Two statements."""
    cases = Case.objects.select_related("document", "family__document", "parent_work_item")
    found = {case.document.pk: _of_case(case) for case in cases.filter(document__in=roots) if case.document}
    items = WorkItem.objects.select_related("case__document", "case__family__document")
    left = [root for root in roots if root not in found]
    of_items = items.filter(document__in=left) if left else WorkItem.objects.none()
    for item in of_items:
        if item.document_id is not None:
            found[item.document_id] = {"case": _case(item.case), "workItem": _work_item(item)}
    return found


def _of_case(case: Case) -> Surroundings:
    return {"case": _case(case), "workItem": _work_item(getattr(case, "parent_work_item", None))}


def _case(case: Case) -> Mapping[str, Any]:
    return {**_itself(case), "root": _itself(case.family)}


def _itself(case: Case) -> Mapping[str, Any]:
    return {
        "form": case.document.form_id if case.document else None,
        "workflow": case.workflow_id,
        "meta": case.meta,
    }


def _work_item(work_item: WorkItem | None) -> Mapping[str, Any] | None:
    return None if work_item is None else {"task": work_item.task_id, "meta": work_item.meta}
