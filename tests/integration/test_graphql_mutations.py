"""Every mutation: what it takes, what it answers, and that its payload shows what is true after it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import translation
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type, is_leaf_type

from caluma_async.form.models import Form
from caluma_async.graphql import verbs
from caluma_async.graphql.context import Context
from caluma_async.graphql.relay import encode
from caluma_async.graphql.schema import schema
from caluma_async.identity import User
from caluma_async.testing.factories import make_case, make_form, make_task, make_workflow
from caluma_async.workflow.models import Case, Flow, Task, TaskFlow, Workflow, WorkItem
from tests.api import ask, gid, nodes, statements

pytestmark = pytest.mark.django_db

ANNA = User("anna", group="office")


def do(mutation: str, selection: str, /, asking: Context | None = None, **values: Any) -> Any:
    """Call a mutation with this input; the payload."""
    kind = mutation[0].upper() + mutation[1:]
    document = f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{ {selection} }} }}"
    return ask(document, context=asking, input=values)[mutation]


def plain(name: str) -> str:
    """All fields of a type that lead nowhere."""
    kind = schema._schema.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return " ".join(field for field, of in kind.fields.items() if is_leaf_type(get_named_type(of.type)))


@pytest.fixture
def approval() -> Workflow:
    """A workflow: review, then decide, from where one may go back."""
    make_task("review")
    make_task("decide", is_multiple_instance=True)
    return make_workflow(
        "approval", start=["review"], flows={"review": "'decide'|task"}, redoable={"decide": "'review'|task"}
    )


@pytest.fixture
def case(approval: Workflow) -> Case:
    """A case of it, at its start."""
    return make_case(approval, ready=["review"], user=ANNA)


@pytest.fixture
def item(case: Case) -> WorkItem:
    """Its one work item."""
    return case.work_items.get()


# design


def test_save_simple_task() -> None:
    payload = do(
        "saveSimpleTask",
        f"clientMutationId task {{ __typename ... on SimpleTask {{ {plain('SimpleTask')} }} }}",
        slug="a",
        name="Review",
        description="All of it",
        meta='{"colour": "red"}',
        addressGroups="['office']|groups",
        controlGroups="'board'|groups",
        isArchived=True,
        leadTime=60,
        isMultipleInstance=True,
        continueAsync=True,
        clientMutationId="m1",
        asking=Context(user=ANNA),
    )
    task = payload["task"]
    assert payload["clientMutationId"] == "m1"
    assert task.pop("createdAt")
    assert task.pop("modifiedAt")
    assert task == {
        "__typename": "SimpleTask",
        "id": encode("SimpleTask", "a"),
        "slug": "a",
        "name": "Review",
        "description": "All of it",
        "meta": {"colour": "red"},
        "addressGroups": "['office']|groups",
        "controlGroups": "'board'|groups",
        "isArchived": True,
        "leadTime": 60,
        "isMultipleInstance": True,
        "continueAsync": True,
        "createdByUser": "anna",
        "createdByGroup": "office",
        "modifiedByUser": "anna",
        "modifiedByGroup": "office",
    }
    assert Task.objects.get().meta == {"colour": "red"}


def test_what_is_left_out_stays_and_null_clears() -> None:
    make_task("a", name="Review", description="x", meta={"a": 1}, lead_time=60, address_groups="'a'", is_archived=True)
    assert do("saveSimpleTask", "task { slug }", slug="a", name="Other") == {"task": {"slug": "a"}}
    task = Task.objects.get()
    assert (task.name.translate(), task.description.translate(), task.meta) == ("Other", "x", {"a": 1})
    assert (task.lead_time, task.address_groups, task.is_archived) == (60, "'a'", True)
    fields = {"description": None, "leadTime": None, "addressGroups": None, "meta": None}
    do("saveSimpleTask", "task { slug }", slug="a", name="Other", **fields)
    task = Task.objects.get()
    assert (task.description.translate(), task.lead_time, task.address_groups, task.meta) == (None, None, None, {})


def test_text_is_saved_in_the_language_in_force() -> None:
    make_task("a", name={"en": "Review"})
    with translation.override("de"):
        assert do("saveSimpleTask", "task { name }", slug="a", name="Prüfung") == {"task": {"name": "Prüfung"}}
    assert Task.objects.get().name == {"en": "Review", "de": "Prüfung"}


def test_save_tasks_on_forms() -> None:
    make_form("leave")
    payload = do("saveCompleteWorkflowFormTask", "task { __typename id }", slug="a", name="A")
    assert payload == {
        "task": {"__typename": "CompleteWorkflowFormTask", "id": encode("CompleteWorkflowFormTask", "a")}
    }
    selection = "task { __typename ... on CompleteTaskFormTask { form { id slug } } }"
    for form in ("leave", encode("Form", "leave")):
        task = do("saveCompleteTaskFormTask", selection, slug="b", name="B", form=form)["task"]
        assert task["form"] == {"id": encode("Form", "leave"), "slug": "leave"}


def test_save_workflow() -> None:
    make_task("a")
    make_task("b")
    make_form("leave")
    payload = do(
        "saveWorkflow",
        f"workflow {{ {plain('Workflow')} startTasks {{ slug }} tasks {{ slug }} allowForms {{ totalCount }} }}",
        slug="w",
        name="W",
        meta={"taken": "as an object"},
        startTasks=["a", encode("SimpleTask", "b")],
        allowForms=[encode("Form", "leave")],
        allowAllForms=False,
        isPublished=True,
        isArchived=False,
    )
    workflow = payload["workflow"]
    assert workflow["id"] == encode("Workflow", "w")
    assert workflow["meta"] == {"taken": "as an object"}
    assert (workflow["isPublished"], workflow["isArchived"], workflow["allowAllForms"]) == (True, False, False)
    assert workflow["startTasks"] == workflow["tasks"] == [{"slug": "a"}, {"slug": "b"}]
    assert workflow["allowForms"] == {"totalCount": 1}


def test_add_workflow_flow_and_remove_flow(approval: Workflow) -> None:
    selection = "workflow { slug flows { edges { node { id next tasks { slug } } } } }"
    payload = do(
        "addWorkflowFlow",
        selection,
        workflow=encode("Workflow", "approval"),
        tasks=["review", encode("SimpleTask", "decide")],
        next="'review'|task",
        redoable="'review'|task",
    )
    (flow,) = nodes(payload["workflow"]["flows"])
    assert flow["next"] == "'review'|task"
    assert [task["slug"] for task in flow["tasks"]] == ["review", "decide"]
    assert set(TaskFlow.objects.values_list("redoable", flat=True)) == {"'review'|task"}
    removed = do("removeFlow", f"flow {{ {plain('Flow')} tasks {{ slug }} }}", flow=flow["id"])["flow"]
    assert (removed["id"], removed["next"], removed["tasks"]) == (flow["id"], "'review'|task", [])
    assert not Flow.objects.filter(next="'review'|task").exists()


def test_save_form() -> None:
    payload = do(
        "saveForm",
        f"form {{ {plain('Form')} documents {{ totalCount }} }}",
        slug="leave",
        name="Leave",
        meta="{}",
        isPublished=True,
    )
    form = payload["form"]
    assert (form["id"], form["name"], form["isPublished"]) == (encode("Form", "leave"), "Leave", True)
    assert form["documents"] == {"totalCount": 0}
    assert Form.objects.get().pk == "leave"


# cases


@pytest.mark.parametrize("name", ["saveCase", "startCase"])
def test_start_a_case(name: str, approval: Workflow) -> None:
    make_form("leave")
    Workflow.objects.update(allow_all_forms=True)
    case = do(
        name,
        f"""case {{ {plain("Case")} workflow {{ slug }} family {{ id }} document {{ form {{ slug }} case {{ id }} }}
            parentWorkItem {{ id }} workItems {{ totalCount edges {{ node {{ status task {{ slug }} }} }} }} }}""",
        workflow=encode("Workflow", "approval"),
        form=encode("Form", "leave"),
        meta='{"colour": "red"}',
        asking=Context(user=ANNA),
    )["case"]
    assert (case["status"], case["meta"], case["createdByUser"]) == ("RUNNING", {"colour": "red"}, "anna")
    assert case["workflow"] == {"slug": "approval"}
    assert case["family"] == {"id": case["id"]}
    assert case["document"] == {"form": {"slug": "leave"}, "case": {"id": case["id"]}}
    assert case["parentWorkItem"] is None
    assert case["workItems"] == {"totalCount": 1, "edges": [{"node": {"status": "READY", "task": {"slug": "review"}}}]}


def test_start_a_child_case(item: WorkItem) -> None:
    selection = "case { id parentWorkItem { id childCase { id } } family { id } familyWorkItems { totalCount } }"
    child = do("saveCase", selection, workflow="approval", parentWorkItem=gid(item))["case"]
    assert child["parentWorkItem"] == {"id": gid(item), "childCase": {"id": child["id"]}}
    assert child["family"] == {"id": encode("Case", item.case_id)}
    assert child["familyWorkItems"] == {"totalCount": 2}


def test_save_case_takes_the_id_that_it_gave(approval: Workflow) -> None:
    case = do("saveCase", "case { id meta }", workflow="approval", meta='{"a": 1}')["case"]
    for text in (case["id"], str(Case.objects.get().pk)):
        again = do(
            "saveCase", "case { id meta workItems { totalCount } }", id=text, workflow="approval", meta='{"a": 2}'
        )
        assert again["case"] == {"id": case["id"], "meta": {"a": 2}, "workItems": {"totalCount": 1}}
    unchanged = do("saveCase", "case { meta }", id=case["id"], workflow="approval")["case"]
    assert unchanged == {"meta": {"a": 2}}


def test_suspend_resume_and_cancel_a_case(case: Case) -> None:
    selection = f"case {{ {plain('Case')} workItems {{ edges {{ node {{ status }} }} }} }}"
    for name, status, item_status in (
        ("suspendCase", "SUSPENDED", "SUSPENDED"),
        ("resumeCase", "RUNNING", "READY"),
        ("cancelCase", "CANCELED", "CANCELED"),
    ):
        answer = do(name, selection, id=gid(case))["case"]
        assert (answer["status"], nodes(answer["workItems"])) == (status, [{"status": item_status}])
    assert answer["closedAt"]


def test_reopen_a_case(case: Case, item: WorkItem) -> None:
    do("cancelCase", "case { id }", id=str(case.pk))
    answer = do(
        "reopenCase",
        "case { status closedAt workItems { edges { node { status } } } }",
        id=gid(case),
        workItems=[gid(item)],
    )
    assert answer["case"] == {
        "status": "RUNNING",
        "closedAt": None,
        "workItems": {"edges": [{"node": {"status": "READY"}}]},
    }


# work items


def test_complete_a_work_item_shows_what_came_of_it(item: WorkItem) -> None:
    selection = f"""workItem {{ {plain("WorkItem")}
        case {{ status workItems {{ edges {{ node {{ status task {{ slug }} }} }} }} }}
        succeedingWorkItems {{ totalCount }} }}"""
    answer = do("completeWorkItem", selection, id=gid(item), asking=Context(user=ANNA))["workItem"]
    assert (answer["status"], answer["closedByUser"], answer["closedByGroup"]) == ("COMPLETED", "anna", "office")
    assert nodes(answer["case"]["workItems"]) == [
        {"status": "COMPLETED", "task": {"slug": "review"}},
        {"status": "READY", "task": {"slug": "decide"}},
    ]
    assert answer["succeedingWorkItems"] == {"totalCount": 1}
    assert answer["isRedoable"] is True


def test_the_payload_shows_that_the_case_is_completed(approval: Workflow) -> None:
    case = make_case(approval, ready=["decide"])
    answer = do("completeWorkItem", "workItem { case { status closedAt } }", id=gid(case.work_items.get()))
    assert answer["workItem"]["case"]["status"] == "COMPLETED"
    assert answer["workItem"]["case"]["closedAt"]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("completeWorkItem", "ready", "COMPLETED"),
        ("skipWorkItem", "ready", "SKIPPED"),
        ("cancelWorkItem", "ready", "CANCELED"),
        ("suspendWorkItem", "ready", "SUSPENDED"),
        ("resumeWorkItem", "suspended", "READY"),
    ],
)
def test_work_items_change_their_status(name: str, before: str, after: str, item: WorkItem) -> None:
    WorkItem.objects.update(status=before)
    for_all = f"clientMutationId workItem {{ {plain('WorkItem')} }}"
    answer = do(name, for_all, id=str(item.pk), asking=Context(user=ANNA), clientMutationId=None)
    assert answer["workItem"]["status"] == after
    assert answer["clientMutationId"] is None
    assert WorkItem.objects.get(pk=item.pk).status == after.lower()


def test_redo_a_work_item(item: WorkItem) -> None:
    do("completeWorkItem", "workItem { id }", id=gid(item))
    answer = do(
        "redoWorkItem",
        f"workItem {{ {plain('WorkItem')} case {{ workItems {{ edges {{ node {{ status }} }} }} }} }}",
        id=gid(item),
    )
    assert (answer["workItem"]["status"], answer["workItem"]["closedAt"]) == ("READY", None)
    assert nodes(answer["workItem"]["case"]["workItems"]) == [{"status": "READY"}, {"status": "REDO"}]


def test_save_a_work_item(item: WorkItem) -> None:
    answer = do(
        "saveWorkItem",
        f"workItem {{ {plain('WorkItem')} }}",
        workItem=gid(item),
        name="Look at it",
        description="Closely",
        assignedUsers=["anna", "bert"],
        deadline="2030-01-31T12:00:00+02:00",
        meta='{"a": [1]}',
    )["workItem"]
    assert (answer["name"], answer["description"]) == ("Look at it", "Closely")
    assert answer["assignedUsers"] == ["anna", "bert"]
    assert answer["deadline"] == "2030-01-31T10:00:00+00:00"
    assert answer["meta"] == {"a": [1]}
    cleared = do("saveWorkItem", "workItem { name deadline description }", workItem=gid(item), deadline=None)[
        "workItem"
    ]
    assert cleared == {"name": "Look at it", "deadline": None, "description": "Closely"}


def test_create_a_work_item(approval: Workflow) -> None:
    case = make_case(approval, ready=["decide"])
    answer = do(
        "createWorkItem",
        f"workItem {{ {plain('WorkItem')} task {{ slug }} case {{ id workItems {{ totalCount }} }} }}",
        case=gid(case),
        multipleInstanceTask=encode("SimpleTask", "decide"),
        name="Another",
        addressedGroups=["office"],
        controllingGroups=["board"],
        assignedUsers=["anna"],
        deadline="2030-01-31",
        meta={"a": 1},
    )["workItem"]
    assert answer["task"] == {"slug": "decide"}
    assert answer["case"] == {"id": gid(case), "workItems": {"totalCount": 2}}
    assert (answer["addressedGroups"], answer["controllingGroups"]) == (["office"], ["board"])
    assert (answer["name"], answer["status"], answer["meta"]) == ("Another", "READY", {"a": 1})


# together


def test_several_mutations_see_what_the_earlier_ones_did(case: Case) -> None:
    document = """mutation ($id: ID!) {
        a: suspendCase(input: {id: $id}) { case { status workItems { edges { node { status } } } } }
        b: resumeCase(input: {id: $id}) { case { status workItems { edges { node { status } } } } }
        c: suspendCase(input: {id: $id}) { case { status workItems { edges { node { status } } } } } }"""
    answer = ask(document, id=gid(case))
    assert [answer[name]["case"]["status"] for name in "abc"] == ["SUSPENDED", "RUNNING", "SUSPENDED"]
    items = [nodes(answer[name]["case"]["workItems"])[0]["status"] for name in "abc"]
    assert items == ["SUSPENDED", "READY", "SUSPENDED"]


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The verbs that are asked for, none of which is carried out."""
    asked: list[Any] = []

    async def note(info: Any, verb: Any) -> None:
        asked.append(verb)

    monkeypatch.setattr(verbs, "perform", note)
    return asked


KEY = uuid.UUID("0190a5a0-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("given", "value"),
    [('{"a": [1]}', {"a": [1]}), ({"a": 2}, {"a": 2}), (None, None), ("null", None), ("[1]", [1]), ('"x"', "x")],
)
def test_the_context_goes_to_the_verb_as_a_value(given: Any, value: Any, performed: list[Any]) -> None:
    answer = do("skipWorkItem", "clientMutationId workItem { id }", id=str(KEY), context=given, clientMutationId="x")
    assert answer == {"clientMutationId": "x", "workItem": None}
    (verb,) = performed
    assert (verb.context, verb.data) == (value, {"id": KEY})


@pytest.mark.parametrize(
    ("name", "given", "data"),
    [
        ("saveCase", {"workflow": "w"}, {"workflow": "w"}),
        ("saveCase", {"workflow": "w", "id": None, "form": None}, {"workflow": "w", "id": None, "form": None}),
        ("saveCase", {"workflow": "w", "id": KEY.hex, "parentWorkItem": encode("WorkItem", KEY)},
         {"workflow": "w", "id": KEY, "parent_work_item": KEY}),
        ("reopenCase", {"id": str(KEY), "workItems": [encode("WorkItem", KEY)]}, {"id": KEY, "work_items": [KEY]}),
        ("saveWorkflow", {"slug": "w", "name": "W", "startTasks": ["a"], "allowForms": None},
         {"slug": "w", "name": "W", "start_tasks": ["a"], "allow_forms": None}),
        ("saveWorkItem", {"workItem": str(KEY), "meta": "null", "deadline": None},
         {"work_item": KEY, "meta": None, "deadline": None}),
        ("createWorkItem", {"case": str(KEY), "multipleInstanceTask": "a"},
         {"case": KEY, "multiple_instance_task": "a"}),
        ("removeFlow", {"flow": encode("Flow", KEY)}, {"flow": KEY}),
    ],
)  # fmt: skip
def test_the_verb_gets_keys_and_only_what_was_given(
    name: str, given: dict[str, Any], data: dict[str, Any], performed: list[Any]
) -> None:
    do(name, "clientMutationId", **given)
    assert performed[0].data == data


def test_json_may_stand_in_the_document_itself() -> None:
    document = """mutation ($n: Int) {
        saveSimpleTask(input: {slug: "a", name: "A", meta: {a: [1, $n, null, "x", true]}}) { task { meta } } }"""
    assert ask(document, n=5)["saveSimpleTask"]["task"] == {"meta": {"a": [1, 5, None, "x", True]}}


def test_a_payload_of_which_no_relation_is_selected_costs_no_statement_more(case: Case, item: WorkItem) -> None:
    document = "mutation ($id: ID!) { suspendWorkItem(input: {id: $id}) { workItem { id status name } } }"
    cheap = statements(document, id=gid(item))
    WorkItem.objects.update(status="ready")
    related = document.replace("name", "task { slug } case { id workflow { slug } }")
    assert statements(related, id=gid(item)) == cheap + 1


def test_every_mutation_of_the_workflow_part_is_there() -> None:
    kind = schema._schema.mutation_type
    assert kind is not None
    assert {
        "saveWorkflow", "addWorkflowFlow", "removeFlow", "saveSimpleTask", "saveCompleteWorkflowFormTask",
        "saveCompleteTaskFormTask", "saveCase", "startCase", "cancelCase", "suspendCase", "resumeCase", "reopenCase",
        "completeWorkItem", "skipWorkItem", "cancelWorkItem", "suspendWorkItem", "resumeWorkItem", "redoWorkItem",
        "saveWorkItem", "createWorkItem", "saveForm",
    } <= set(kind.fields)  # fmt: skip
    assert kind.fields["startCase"].deprecation_reason == "Use saveCase."
    for field in kind.fields.values():
        assert isinstance(get_named_type(field.args["input"].type), GraphQLInputObjectType)
