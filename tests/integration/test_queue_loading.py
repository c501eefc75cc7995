"""Objects for receivers: the same as Django's own, each delivery its own, few queries however many there are."""

from __future__ import annotations

import copy
import gc
import pickle
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


def loaded() -> Any:
    """A work item whose relations nobody has asked for yet."""
    return loaded_again(*make_items(1))


def loaded_again(item: Any) -> Any:
    """This work item, likewise."""
    ((ours,),) = [found.values() for found in load([{reference(item)}])]
    return ours


def test_what_comes_along_is_made_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[type] = []
    of = loading._Made.of

    def note(self: Any, row: Any) -> Any:
        made.append(self.model._meta.model)
        return of(self, row)

    monkeypatch.setattr(loading._Made, "of", note)
    ours = loaded()
    assert made == [WorkItem]
    assert ours.case is ours.case
    assert ours.case.meta == {"deep": [1, {"x": None}]}
    assert made == [WorkItem, Case]


def test_what_whoever_listens_has_put_there_stays() -> None:
    (item,) = make_items(1)

    def listen(instance: Any, **kwargs: Any) -> None:
        instance._state.fields_cache["own"] = "put there"

    post_init.connect(listen, sender=WorkItem)
    try:
        known = loaded_again(item)._state.fields_cache
    finally:
        post_init.disconnect(listen, sender=WorkItem)
    assert (known["own"], known["task"].slug) == ("put there", "task")


def test_what_is_known_of_an_object_looks_as_if_everything_had_been_made() -> None:
    ours = loaded()
    known = ours._state.fields_cache
    names = {"task", "case", "document", "child_case", "previous_work_item"}
    assert (set(known), len(known), set(known.keys())) == (names, 5, names)
    assert ("task" in known, "nothing" in known) == (True, False)
    with CaptureQueriesContext(connection) as queries:
        for copied in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):  # noqa: S301 - our own
            assert (copied.case.pk, copied.task.slug, copied.document) == (ours.case_id, "task", None)
            assert copied.case is not ours.case
        assert list(known.values()).count(None) == 3
    assert len(queries) == 0


def test_a_relation_that_is_changed_is_not_as_it_was_loaded() -> None:
    ours = loaded()
    other = make_case(ours.case.workflow)
    ours.case_id = other.pk
    with CaptureQueriesContext(connection) as queries:
        assert ours.case == other
    assert len(queries) == 1
    ours = loaded_again(ours)
    ours.task = make_task("other")
    assert ours.task.slug == "other"
    WorkItem.task.field.delete_cached_value(ours)
    assert not WorkItem.task.field.is_cached(ours)
    with pytest.raises(KeyError):
        WorkItem.task.field.delete_cached_value(ours)
    ours = loaded_again(ours)
    ours.refresh_from_db()
    with CaptureQueriesContext(connection) as queries:
        assert ours.task.slug == "task"
    assert len(queries) == 1


def test_one_that_is_had_by_one_only_knows_it() -> None:
    (item,) = make_items(1)
    child = make_case(item.case.workflow)
    WorkItem.objects.filter(pk=item.pk).update(child_case=child)
    ours = loaded_again(item)
    with CaptureQueriesContext(connection) as queries:
        assert ours.child_case.parent_work_item is ours
    assert len(queries) == 0
    alone = loaded_again(item)
    known = alone._state.fields_cache
    del alone
    gc.collect()
    assert known["child_case"] == child
