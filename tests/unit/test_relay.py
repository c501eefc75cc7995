"""Global ids: what goes out, and what is taken for one."""

from __future__ import annotations

import base64
import uuid

import pytest

from caluma_async.errors import InvalidInput
from caluma_async.form.models import Form
from caluma_async.graphql import schema
from caluma_async.graphql.relay import NODE_TYPES, decode, encode, key_of, type_name
from caluma_async.workflow.models import Case, Task, WorkItem

assert schema.schema

KEY = uuid.UUID("0190a5a0-0000-7000-8000-000000000001")


def test_a_global_id_is_base64_of_type_and_key() -> None:
    assert base64.b64decode(encode("Case", KEY)).decode() == f"Case:{KEY}"


def test_a_global_id_names_the_concrete_type() -> None:
    assert type_name(Task(slug="a", type="simple")) == "SimpleTask"
    assert type_name(Task(slug="a", type="complete_workflow_form")) == "CompleteWorkflowFormTask"
    assert type_name(Task(slug="a", type="complete_task_form")) == "CompleteTaskFormTask"
    assert type_name(Case()) == "Case"


def test_every_model_that_is_shown_has_a_node_type() -> None:
    assert {"Case", "WorkItem", "Workflow", "Flow", "Form", "Document", "SimpleTask"} <= set(NODE_TYPES)


@pytest.mark.parametrize("text", [encode("Case", KEY), str(KEY), KEY.hex])
def test_a_case_is_named_by_global_id_or_uuid(text: str) -> None:
    assert key_of(text, Case, "id") == KEY


@pytest.mark.parametrize(
    "text",
    [encode("SimpleTask", "a-b_1"), encode("CompleteTaskFormTask", "a-b_1"), encode("Task", "a-b_1"), "a-b_1"],
)
def test_a_task_is_named_by_global_id_or_slug(text: str) -> None:
    assert key_of(text, Task, "task") == "a-b_1"


@pytest.mark.parametrize("slug", ["abcd", "Q2Fz", "review", "Form"])
def test_a_slug_that_looks_like_base64_stays_a_slug(slug: str) -> None:
    assert key_of(slug, Form, "form") == slug


def test_the_id_of_another_type_is_refused_with_both_names() -> None:
    with pytest.raises(InvalidInput, match=r"id: .* is the id of a WorkItem, not of a Case\.") as caught:
        key_of(encode("WorkItem", KEY), Case, "id")
    assert caught.value.field == "id"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "a b", encode("Case", "x"), encode("Nothing", KEY), "Q2FzZTo", "\x00"]
)
def test_what_is_no_id_of_a_case_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^id: ") as caught:
        key_of(text, Case, "id")
    assert caught.value.field == "id"


@pytest.mark.parametrize(
    "text", ["", "a b", "ä", "x" * 128, "a\n", encode("SimpleTask", "a b"), encode("Nothing", "slug!")]
)
def test_what_is_no_id_of_a_task_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"neither the global id nor the slug of a Task"):
        key_of(text, Task, "task")


def test_a_message_does_not_repeat_all_of_a_long_id() -> None:
    with pytest.raises(InvalidInput) as caught:
        key_of("x" * 100_000, Case, "id")
    assert len(caught.value.message) < 300


def test_text_that_is_not_ours_decodes_to_nothing() -> None:
    assert decode("%%%") is None
    assert decode(base64.b64encode(b"\xff\xfe").decode()) is None
    assert decode(base64.b64encode(b"Case").decode()) is None
    assert decode(encode("WorkItem", KEY)) == (NODE_TYPES["WorkItem"], str(KEY))
    assert NODE_TYPES["WorkItem"].model is WorkItem
