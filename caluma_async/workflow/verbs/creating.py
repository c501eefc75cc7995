"""Makes work items: tells receivers, who may change what they are made of, writes them, tells that they are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from caluma_async.errors import Misconfigured
from caluma_async.form.documents import create_documents
from caluma_async.verbs import Verb, bulk
from caluma_async.workflow.events import family_lane, post_create_work_item, pre_create_work_item
from caluma_async.workflow.models import WorkItem
from caluma_async.workflow.routing import Fields

_NAMES: Final = frozenset(name for field in WorkItem._meta.concrete_fields for name in (field.name, field.attname))


def announced(verb: Verb[Any], planned: Sequence[Fields]) -> list[WorkItem]:
    """Tell receivers what is to be created; the work items as they want them, not yet written."""
    work_items = []
    for fields in planned:
        verb.emit(pre_create_work_item, work_item=None, validated_data=fields)
        work_item = _made(fields)
        work_item.stamp(verb.user)
        work_items.append(work_item)
    return work_items


def _made(fields: Fields) -> WorkItem:
    """The work item that receivers left these fields for."""
    unknown = fields.keys() - _NAMES
    if unknown:
        listed = ", ".join(sorted(map(repr, unknown)))
        raise Misconfigured(f"A work item has no {listed}; a receiver of pre_create_work_item put it into its data.")
    try:
        work_item = WorkItem(**fields)
    except ValueError as error:
        raise Misconfigured(
            f"A receiver of pre_create_work_item put wrong data into validated_data: {error}"
        ) from error
    if work_item.task_id is None or work_item.case_id is None:
        raise Misconfigured("A receiver of pre_create_work_item left no task or no case in validated_data.")
    return work_item


def written(verb: Verb[Any], work_items: Sequence[WorkItem]) -> None:
    """Write new work items, with documents where their task has a form: a statement per table."""
    need = [each for each in work_items if each.task.form_id is not None and each.document_id is None]
    if need:
        forms = [str(each.task.form_id) for each in need]
        lane = family_lane(need[0].case.family_id)
        for work_item, document in zip(need, create_documents(verb, forms, lane=lane), strict=True):
            work_item.document = document
    bulk.insert(work_items)


def told(verb: Verb[Any], work_items: Sequence[WorkItem]) -> None:
    """Tell that the work items are there."""
    for work_item in work_items:
        verb.emit(post_create_work_item, work_item=work_item)


def create(verb: Verb[Any], planned: Sequence[Fields]) -> list[WorkItem]:
    """Announce, write and tell."""
    work_items = announced(verb, planned)
    written(verb, work_items)
    told(verb, work_items)
    return work_items
