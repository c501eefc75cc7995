"""Objects for receivers: the same as Django's own, each delivery its own, few queries however many there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from caluma_async.events import loading
from caluma_async.events.loading import at_hand, load
from caluma_async.events.stored import Reference
from caluma_async.testing.factories import make_case, make_task, make_work_item, make_workflow
from caluma_async.workflow.models import Case, WorkItem

pytestmark = pytest.mark.django_db

PATHS = ("task", "case__workflow", "case__family", "case__document", "document", "child_case", "previous_work_item")


@pytest.fixture(autouse=True)
def _at_hand(monkeypatch: Any) -> None:
    monkeypatch.setattr(loading, "_at_hand", {})
    monkeypatch.setattr(loading, "_readers", {})
    at_hand(WorkItem, *PATHS)


def make_items(number: int) -> list[WorkItem]:
    workflow, task = make_workflow("workflow"), make_task("task", name={"en": "Task", "de": "Aufgabe"})
    case = make_case(workflow, meta={"deep": [1, {"x": None}]})
    return [make_work_item(case, task, meta={"number": place}) for place in range(number)]


def reference(item: Any) -> Reference:
    return Reference(item._meta.label_lower, item.pk)


def columns(instance: Any) -> dict[str, Any]:
    """All columns of an object and of those at hand."""
    found = {field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields}
    related = {name: columns(one) for name, one in instance._state.fields_cache.items() if one is not None}
    return {**found, "related": related, "saved": (instance._state.adding, instance._state.db), "type": type(instance)}


def test_objects_are_what_the_orm_makes_of_them() -> None:
    (item,) = make_items(1)
    theirs = WorkItem.objects.select_related(*PATHS).get(pk=item.pk)
    ((ours,),) = [found.values() for found in load([{reference(item)}])]
    assert columns(ours) == columns(theirs)
    assert {name: type(value) for name, value in vars(ours).items()} == {
        name: type(value) for name, value in vars(theirs).items()
    }
    ours.meta["changed"] = True
    ours.save()
    assert WorkItem.objects.get(pk=item.pk).meta == {"number": 0, "changed": True}


def test_what_is_at_hand_costs_no_query() -> None:
    (item,) = make_items(1)
    (found,) = load([{reference(item)}])
    ours: Any = found[reference(item)]
    with CaptureQueriesContext(connection) as queries:
        assert (ours.task.slug, ours.case.workflow.slug, ours.case.family.pk) == ("task", "workflow", item.case_id)
        assert (ours.child_case, ours.document, ours.previous_work_item, ours.case.document) == (None,) * 4
    assert len(queries) == 0


def test_many_deliveries_cost_one_query_per_model_and_share_nothing() -> None:
    items = make_items(10)
    group = Group.objects.create(name="x")
    wanted = [{reference(item), reference(group)} for item in [*items, *items]]
    load(wanted)
    with CaptureQueriesContext(connection) as queries:
        found = load(wanted)
    assert len(queries) == 2
    assert [one[reference(item)] for one, item in zip(found, [*items, *items], strict=True)] == [*items, *items]
    everything = [one for objects in found for one in objects.values()]
    assert len({id(one) for one in everything}) == 40
    assert len({id(one.case) for one in everything if isinstance(one, WorkItem)}) == 20
    found[0][reference(items[0])].meta["number"] = "changed"  # type: ignore[attr-defined]
    assert found[10][reference(items[0])].meta == {"number": 0}  # type: ignore[attr-defined]


def test_what_is_gone_is_missing() -> None:
    items = make_items(2)
    wanted = [{reference(item)} for item in items]
    WorkItem.objects.filter(pk=items[0].pk).delete()
    assert [list(found) for found in load(wanted)] == [[], [reference(items[1])]]


def test_a_model_that_is_listened_to_is_made_as_django_does() -> None:
    made: list[Any] = []
    case = make_case(make_workflow("workflow"))

    def listen(instance: Any, **kwargs: Any) -> None:
        made.append(instance)

    post_init.connect(listen, sender=Case)
    try:
        (found,) = load([{reference(case)}])
    finally:
        post_init.disconnect(listen, sender=Case)
    assert made == [found[reference(case)]]
    assert not loading._Quick.fits(type("Own", (), {"__init__": lambda self: None, "from_db": Case.from_db}))
