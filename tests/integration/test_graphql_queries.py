"""What the queries of the workflow domain answer: every type with all its fields, and `node` for each of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import translation
from graphql import GraphQLNonNull, GraphQLObjectType, get_named_type, is_leaf_type

from caluma_async.form.models import KINDS, File, Option, Question
from caluma_async.graphql.connections import Connected
from caluma_async.graphql.relay import NODE_TYPES, encode, type_name
from caluma_async.graphql.schema import schema
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_dynamic_option,
    make_form,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.workflow.models import Case, Flow, WorkItem
from tests.api import ask, gid, nodes, refusal
from tests.integration.forms_stage import plan_with_every_question, with_streets

pytestmark = pytest.mark.django_db

ANNA = User("anna", group="office")
DEADLINE = datetime(2030, 1, 31, 12, tzinfo=UTC)


def everything(kind: GraphQLObjectType) -> str:
    """A selection of all fields of a type, two levels deep where it leads to others."""
    parts = []
    for name, field in kind.fields.items():
        target = get_named_type(field.type)
        if is_leaf_type(target):
            parts.append(name)
        elif isinstance(field.resolve, Connected):
            parts.append(
                f"{name} {{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ cursor node {{ id }} }} }}"
            )
        elif target.name.endswith("Connection"):
            parts.append(f"{name} {{ totalCount edges {{ cursor node {{ __typename }} }} }}")
        elif has_age(target):
            parts.append(f"{name} {{ __typename ... on Node {{ id }} createdAt }}")
        else:
            parts.append(f"{name} {{ __typename }}" if "id" not in target.fields else f"{name} {{ __typename id }}")
    return " ".join(parts)


def has_age(kind: Any) -> bool:
    return "createdAt" in kind.fields


@pytest.fixture(autouse=True)
def data_sources() -> Iterator[None]:
    with with_streets():
        yield


@pytest.fixture
def world() -> dict[str, Any]:
    """One object of every type, related to others in every way."""
    form = make_form("application", user=ANNA, description="A form", source=make_form("template"))
    make_task("simple", user=ANNA, lead_time=60, address_groups="['a']|groups", description="Do it")
    make_task("on-case", type="complete_workflow_form")
    make_task("on-form", type="complete_task_form", form=form)
    workflow = make_workflow(
        "approval",
        start=["simple"],
        flows={("simple", "on-case"): "'on-form'|task"},
        redoable={"on-form": "'simple'|task"},
        allow_forms=[form],
        user=ANNA,
        meta={"a": [1]},
    )
    root = make_case(workflow, user=ANNA, document=make_document(form, user=ANNA), meta={"b": True})
    done = make_work_item(root, "simple", status="completed", user=ANNA)
    ready = make_work_item(
        root,
        "on-form",
        user=ANNA,
        previous_work_item=done,
        document=make_document(form, source=root.document),
        addressed_groups=["office"],
        controlling_groups=["board"],
        assigned_users=["anna"],
        deadline=DEADLINE,
        meta={"c": None},
        description="Say yes or no",
    )
    child = make_case(workflow, parent_work_item=ready, ready=["on-case"])
    questions = Question.objects.filter(forms=plan_with_every_question())
    answers = [make_answer(root.document, question, user=ANNA) for question in questions if question.type in KINDS]
    [files] = (answer for answer in answers if answer.kind == "files")
    return {
        **{type_name(answer): answer for answer in answers},
        "File": File.objects.create(answer=files, name="plan.pdf"),
        **{type_name(question): question for question in questions},
        "Option": Option.objects.get(pk="yes"),
        "DynamicOption": make_dynamic_option(root.document, "a-dynamic_choice", "main-street"),
        "Form": form,
        "Document": root.document,
        "SimpleTask": done.task,
        "CompleteWorkflowFormTask": child.work_items.get().task,
        "CompleteTaskFormTask": ready.task,
        "Workflow": workflow,
        "Flow": Flow.objects.get(next="'on-form'|task"),
        "Case": root,
        "WorkItem": ready,
        "child": child,
        "done": done,
    }


@pytest.mark.parametrize("name", sorted(NODE_TYPES))
def test_node_finds_objects_of_every_type_with_all_their_fields(name: str, world: dict[str, Any]) -> None:
    kind = schema._schema.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    document = f"query ($id: ID!) {{ node(id: $id) {{ __typename id ... on {name} {{ {everything(kind)} }} }} }}"
    node = ask(document, id=encode(name, world[name].pk))["node"]
    assert node["__typename"] == name
    assert node["id"] == encode(name, world[name].pk)
    required = [field for field, of in kind.fields.items() if isinstance(of.type, GraphQLNonNull)]
    assert all(node[field] is not None for field in required)


@pytest.mark.parametrize("name", sorted(NODE_TYPES))
def test_each_field_alone_needs_nothing_that_was_not_loaded(name: str, world: dict[str, Any]) -> None:
    """A field whose columns were left out would go to the database from the event loop's thread, and fail."""
    kind = schema._schema.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    for field in kind.fields:
        one = GraphQLObjectType(name, {field: kind.fields[field]})
        document = f"query ($id: ID!) {{ node(id: $id) {{ ... on {name} {{ {everything(one)} }} }} }}"
        assert field in ask(document, id=encode(name, world[name].pk))["node"]


def test_node_takes_a_uuid_or_a_slug_as_it_is(world: dict[str, Any]) -> None:
    found = ask("query ($id: ID!) { node(id: $id) { __typename id } }", id=str(world["Case"].pk))["node"]
    assert found == {"__typename": "Case", "id": gid(world["Case"])}
    assert ask('{ node(id: "on-form") { __typename } }')["node"] == {"__typename": "CompleteTaskFormTask"}
    document = "query ($id: ID!) { node(id: $id) { __typename } }"
    assert ask(document, id=encode("Task", "on-form"))["node"] == {"__typename": "CompleteTaskFormTask"}


def test_node_asks_for_the_global_id_where_a_slug_names_several(world: dict[str, Any]) -> None:
    make_form("approval")
    error = refusal('{ node(id: "approval") { id } }')
    assert "'approval' may be a" in error["message"]
    assert error["extensions"] == {"code": "invalid", "field": "id"}


@pytest.mark.parametrize(
    "text", [encode("Case", uuid.uuid4()), str(uuid.uuid4()), "no-such-slug", encode("SimpleTask", "on-form")]
)
def test_node_is_null_for_what_does_not_exist(text: str, world: dict[str, Any]) -> None:
    assert ask("query ($id: ID!) { node(id: $id) { id } }", id=text)["node"] is None


@pytest.mark.parametrize("text", ["", "%", "a b", encode("Case", "x"), encode("Nothing", "a b")])
def test_node_refuses_what_is_no_id(text: str) -> None:
    error = refusal("query ($id: ID!) { node(id: $id) { id } }", id=text)
    assert error["extensions"] == {"code": "invalid", "field": "id"}


def test_all_cases(world: dict[str, Any]) -> None:
    document = """{ allCases { totalCount edges { node {
        id status meta createdByUser createdByGroup closedAt workflow { slug } family { id }
        document { id form { slug } case { id } } parentWorkItem { id }
        workItems { totalCount edges { node { id } } } familyWorkItems { totalCount }
    } } } }"""
    answer = ask(document)["allCases"]
    root, child = nodes(answer)
    assert answer["totalCount"] == 2
    assert root == {
        "id": gid(world["Case"]),
        "status": "RUNNING",
        "meta": {"b": True},
        "createdByUser": "anna",
        "createdByGroup": "office",
        "closedAt": None,
        "workflow": {"slug": "approval"},
        "family": {"id": gid(world["Case"])},
        "document": {
            "id": gid(world["Document"]),
            "form": {"slug": "application"},
            "case": {"id": gid(world["Case"])},
        },
        "parentWorkItem": None,
        "workItems": {
            "totalCount": 2,
            "edges": [{"node": {"id": gid(world["done"])}}, {"node": {"id": gid(world["WorkItem"])}}],
        },
        "familyWorkItems": {"totalCount": 3},
    }
    assert child["parentWorkItem"] == {"id": gid(world["WorkItem"])}
    assert child["family"] == root["family"]
    assert child["familyWorkItems"] == {"totalCount": 3}
    assert child["workItems"]["totalCount"] == 1


def test_all_work_items(world: dict[str, Any]) -> None:
    document = """query ($filter: [WorkItemFilterSetType]) { allWorkItems(filter: $filter) { edges { node {
        id name description status meta deadline addressedGroups controllingGroups assignedUsers closedByUser isRedoable
        task { __typename slug ... on CompleteTaskFormTask { form { slug } } } case { id } childCase { id }
        document { workItem { id } source { id } } previousWorkItem { id } succeedingWorkItems { edges { node { id } } }
    } } } }"""
    done, ready, _ = nodes(ask(document)["allWorkItems"])
    assert ready == {
        "id": gid(world["WorkItem"]),
        "name": "on-form",
        "description": "Say yes or no",
        "status": "READY",
        "meta": {"c": None},
        "deadline": "2030-01-31T12:00:00+00:00",
        "addressedGroups": ["office"],
        "controllingGroups": ["board"],
        "assignedUsers": ["anna"],
        "closedByUser": None,
        "isRedoable": False,
        "task": {"__typename": "CompleteTaskFormTask", "slug": "on-form", "form": {"slug": "application"}},
        "case": {"id": gid(world["Case"])},
        "childCase": {"id": gid(world["child"])},
        "document": {"workItem": {"id": gid(world["WorkItem"])}, "source": {"id": gid(world["Document"])}},
        "previousWorkItem": {"id": gid(world["done"])},
        "succeedingWorkItems": {"edges": []},
    }
    assert done["status"] == "COMPLETED"
    assert done["closedByUser"] == "anna"
    assert done["isRedoable"] is True
    assert done["succeedingWorkItems"] == {"edges": [{"node": {"id": gid(world["WorkItem"])}}]}
    assert done["document"] is None


def test_all_workflows(world: dict[str, Any]) -> None:
    document = """{ allWorkflows { edges { node {
        id slug name description meta isPublished isArchived allowAllForms createdByUser
        startTasks { slug } tasks { slug } allowForms { totalCount edges { node { slug } } }
        flows { totalCount edges { node { next tasks { slug } } } }
    } } } }"""
    (workflow,) = nodes(ask(document)["allWorkflows"])
    assert workflow == {
        "id": encode("Workflow", "approval"),
        "slug": "approval",
        "name": "approval",
        "description": None,
        "meta": {"a": [1]},
        "isPublished": False,
        "isArchived": False,
        "allowAllForms": False,
        "createdByUser": "anna",
        "startTasks": [{"slug": "simple"}],
        "tasks": [{"slug": "simple"}, {"slug": "on-case"}, {"slug": "on-form"}],
        "allowForms": {"totalCount": 1, "edges": [{"node": {"slug": "application"}}]},
        "flows": {
            "totalCount": 2,
            "edges": [
                {"node": {"next": "'on-form'|task", "tasks": [{"slug": "simple"}, {"slug": "on-case"}]}},
                {"node": {"next": "", "tasks": [{"slug": "on-form"}]}},
            ],
        },
    }


def test_tasks_of_a_workflow_are_not_those_of_another(world: dict[str, Any]) -> None:
    make_task("elsewhere")
    make_workflow("other", start=["elsewhere"], flows={"simple": "['elsewhere', 'no-such-task']|tasks"})
    slugs = {
        node["slug"]: [task["slug"] for task in node["tasks"]]
        for node in nodes(ask("{ allWorkflows { edges { node { slug tasks { slug } } } } }")["allWorkflows"])
    }
    assert slugs == {"approval": ["simple", "on-case", "on-form"], "other": ["simple", "elsewhere"]}


def test_all_tasks_are_of_their_concrete_types(world: dict[str, Any]) -> None:
    document = """{ allTasks { totalCount edges { node {
        __typename id slug name description isArchived addressGroups controlGroups meta isMultipleInstance continueAsync
        createdAt ... on SimpleTask { leadTime modifiedByUser } ... on CompleteTaskFormTask { form { id } }
    } } } }"""
    answer = ask(document)["allTasks"]
    simple, on_case, on_form = nodes(answer)
    assert answer["totalCount"] == 3
    assert simple.pop("createdAt").endswith("+00:00")
    assert simple == {
        "__typename": "SimpleTask",
        "id": encode("SimpleTask", "simple"),
        "slug": "simple",
        "name": "simple",
        "description": "Do it",
        "isArchived": False,
        "addressGroups": "['a']|groups",
        "controlGroups": None,
        "meta": {},
        "isMultipleInstance": False,
        "continueAsync": False,
        "leadTime": 60,
        "modifiedByUser": "anna",
    }
    assert on_case["__typename"] == "CompleteWorkflowFormTask"
    assert on_form["form"] == {"id": encode("Form", "application")}


def test_localized_text_is_answered_in_the_language_in_force() -> None:
    make_task("a", name={"en": "Review", "de": "Prüfung"}, description={"de": "Genau"})
    document = "{ allTasks { edges { node { name description } } } }"
    assert nodes(ask(document)["allTasks"]) == [{"name": "Review", "description": "Genau"}]
    with translation.override("de"):
        assert nodes(ask(document)["allTasks"]) == [{"name": "Prüfung", "description": "Genau"}]
    with translation.override("fr"):
        assert nodes(ask(document)["allTasks"]) == [{"name": "Review", "description": "Genau"}]


def test_a_name_without_any_text_is_empty_and_a_description_null() -> None:
    make_task("a", name={}, description={"en": None})
    assert nodes(ask("{ allTasks { edges { node { name description } } } }")["allTasks"]) == [
        {"name": "", "description": None}
    ]


def test_nothing_there_is_an_empty_connection() -> None:
    for name in ("allCases", "allWorkItems", "allTasks", "allWorkflows"):
        answer = ask(f"{{ {name} {{ totalCount edges {{ cursor }} pageInfo {{ hasNextPage startCursor }} }} }}")[name]
        assert answer == {"totalCount": 0, "edges": [], "pageInfo": {"hasNextPage": False, "startCursor": None}}


def test_the_default_order_is_by_age() -> None:
    case = make_case(ready=["a", "b", "c"])
    items = list(WorkItem.objects.order_by("created_at"))
    WorkItem.objects.filter(pk=items[0].pk).update(created_at=items[2].created_at)
    WorkItem.objects.filter(pk=items[1].pk).update(created_at=items[2].created_at)
    Case.objects.filter(pk=case.pk).update(modified_at=DEADLINE)
    found = nodes(ask("{ allWorkItems { edges { node { task { slug } } } } }")["allWorkItems"])
    assert [node["task"]["slug"] for node in found] == ["a", "b", "c"]
