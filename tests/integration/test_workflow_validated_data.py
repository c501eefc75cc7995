"""What receivers of `pre_create_…` may do to `validated_data`: what they leave in it is what is created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from caluma_async.errors import Misconfigured
from caluma_async.events import on
from caluma_async.events.receivers import registry
from caluma_async.form.models import Document
from caluma_async.testing.factories import make_case, make_document, make_form, make_task, make_workflow
from caluma_async.verbs import run
from caluma_async.workflow import CompleteWorkItem, StartCase, events
from caluma_async.workflow.models import Case, Task
from tests.integration.workflow_stage import ANNA, item, statuses

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_receivers() -> Iterator[None]:
    with registry.isolated():
        yield


def test_validated_data_of_a_work_item_is_honoured() -> None:
    make_task("b", address_groups="['a']")
    make_workflow("approval", flows={"a": "'b'|task"})
    case = make_case("approval", ready=["a"])

    @on(events.pre_create_work_item, raise_exception=True)
    def change(work_item: None, validated_data: dict[str, Any], **kwargs: Any) -> None:
        assert work_item is None
        assert validated_data["case"] == case
        validated_data["addressed_groups"] = ["z", *validated_data["addressed_groups"]]
        validated_data["meta"]["source"] = validated_data["previous_work_item"].task_id
        validated_data["name"] = "Changed"

    run(CompleteWorkItem(ANNA, id=item(case, "a").pk))
    made = item(case, "b")
    assert (made.addressed_groups, made.meta, str(made.name)) == (["z", "a"], {"source": "a"}, "Changed")


def test_validated_data_that_no_work_item_has_is_named() -> None:
    make_workflow("approval", start=["a"])

    @on(events.pre_create_work_item, raise_exception=True)
    def change(validated_data: dict[str, Any], **kwargs: Any) -> None:
        validated_data["colour"] = "red"

    with pytest.raises(Misconfigured, match="A work item has no 'colour'"):
        run(StartCase(ANNA, workflow="approval"))
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    ("left", "message"),
    [
        ({}, "left no task or no case"),
        ({"task": None}, "left no task or no case"),
        ({"task": "a"}, 'put wrong data into validated_data: .*must be a "Task" instance'),
    ],
)
def test_validated_data_without_what_a_work_item_needs_is_told(left: dict[str, Any], message: str) -> None:
    make_workflow("approval", start=["a"])

    @on(events.pre_create_work_item, raise_exception=True)
    def change(validated_data: dict[str, Any], **kwargs: Any) -> None:
        validated_data.clear()
        validated_data.update(left)

    with pytest.raises(Misconfigured, match=f"^A receiver of pre_create_work_item {message}"):
        run(StartCase(ANNA, workflow="approval"))
    assert not Case.objects.exists()


def test_validated_data_of_a_case_is_honoured() -> None:
    make_workflow("approval", start=["a"])
    make_workflow("other", start=["b"])
    form = make_form("application")

    @on(events.pre_create_case, raise_exception=True)
    def change(case: None, validated_data: dict[str, Any], **kwargs: Any) -> None:
        assert case is None
        validated_data["workflow"] = type(validated_data["workflow"]).objects.get(pk="other")
        validated_data["form"] = form
        validated_data["meta"]["changed"] = True

    case = run(StartCase(ANNA, workflow="approval", meta={"a": 1}))
    case.refresh_from_db()
    assert statuses(case) == {"": "running", "b": "ready"}
    assert case.meta == {"a": 1, "changed": True}
    assert case.document is not None
    assert case.document.form_id == "application"


@pytest.mark.parametrize(
    ("left", "message"),
    [
        ({"colour": "red"}, "put wrong data into validated_data: .*colour"),
        ({"workflow": "approval"}, 'put wrong data into validated_data: .*must be a "Workflow" instance'),
        ({}, "left no workflow"),
    ],
)
def test_validated_data_that_makes_no_case_is_told(left: dict[str, Any], message: str) -> None:
    make_workflow("approval")

    @on(events.pre_create_case, raise_exception=True)
    def change(validated_data: dict[str, Any], **kwargs: Any) -> None:
        validated_data.clear()
        validated_data.update(left)

    with pytest.raises(Misconfigured, match=f"^A receiver of pre_create_case {message}"):
        run(StartCase(ANNA, workflow="approval"))
    assert not Case.objects.exists()


def test_documents_that_receivers_put_into_validated_data_are_kept() -> None:
    form = make_form("application")
    make_task("a", type=Task.TYPE_COMPLETE_TASK_FORM, form=form)
    make_workflow("approval", start=["a"], allow_forms=[form])

    @on([events.pre_create_case, events.pre_create_work_item], raise_exception=True)
    def attach(validated_data: dict[str, Any], **kwargs: Any) -> None:
        validated_data["document"] = make_document(form, meta={"by": "receiver"})

    case = run(StartCase(ANNA, workflow="approval", form="application"))
    assert case.document is not None
    assert case.document.meta == {"by": "receiver"}
    assert item(case, "a").document_id not in {None, case.document_id}
    assert Document.objects.count() == 2
