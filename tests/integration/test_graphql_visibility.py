"""What one may not see is not there: for queries, `node`, connections, totals, filters, payloads and mutations."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Model, QuerySet

from caluma_async.access import Trusted
from caluma_async.graphql.context import Context
from caluma_async.graphql.relay import encode
from caluma_async.identity import User
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_flow,
    make_form,
    make_question,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.workflow.models import Case, Flow, WorkItem
from tests.api import ask, gid, nodes, outcome, refusal, statements

pytestmark = pytest.mark.django_db


class Hiding(Trusted):
    """Hides the objects that were made by somebody called `secret`."""

    def __init__(self, *models: str, suppressed: str = "") -> None:
        self.models = models
        self.suppressed = suppressed

    def visible(self, queryset: QuerySet[Any], user: User, *, through: str | None = None) -> QuerySet[Any]:
        hides = self.restricts(queryset.model, through=through)
        return queryset.exclude(created_by_user="secret") if hides else queryset

    def restricts(self, model: type[Model], *, through: str | None = None) -> bool:
        return model.__name__ in self.models and through != self.suppressed


SECRET = User("secret")


def hiding(*models: str, suppressed: str = "") -> Context:
    """A request of somebody who may not see all of these."""
    return Context(access=Hiding(*models, suppressed=suppressed))


@pytest.fixture
def world() -> dict[str, Any]:
    """A case and a secret one, with work items, some of them secret too."""
    make_task("hidden", user=SECRET)
    make_workflow("w", start=["a", "hidden"], flows={"a": "'hidden'|task"})
    make_flow("w", ["hidden"], "'a'|task", user=SECRET)
    open_case = make_case("w", meta={"k": 1}, document=make_document("f"))
    secret_case = make_case("w", meta={"k": 1}, user=SECRET, document=make_document("f"))
    return {
        "open": open_case,
        "secret": secret_case,
        "item": make_work_item(open_case, "a"),
        "secret item": make_work_item(open_case, "hidden", user=SECRET),
        "item of secret": make_work_item(secret_case, "a"),
    }


def test_root_connections_and_their_totals_leave_it_out(world: dict[str, Any]) -> None:
    document = "{ allCases { totalCount edges { node { id } } } }"
    answer = ask(document, context=hiding("Case"))["allCases"]
    assert answer == {"totalCount": 1, "edges": [{"node": {"id": gid(world["open"])}}]}
    assert ask("{ allCases(first: 1) { totalCount } }", context=hiding("Case"))["allCases"]["totalCount"] == 1


def test_nested_connections_and_their_totals_leave_it_out(world: dict[str, Any]) -> None:
    document = """{ allCases { edges { node { id workItems(first: 1) { totalCount edges { node { id } } }
        familyWorkItems { totalCount } } } } }"""
    first, second = nodes(ask(document, context=hiding("WorkItem"))["allCases"])
    assert first["workItems"] == {"totalCount": 1, "edges": [{"node": {"id": gid(world["item"])}}]}
    assert first["familyWorkItems"] == {"totalCount": 1}
    assert second["workItems"]["totalCount"] == 1


def test_lists_leave_it_out(world: dict[str, Any]) -> None:
    document = "{ allWorkflows { edges { node { startTasks { slug } tasks { slug } flows { totalCount } } } } }"
    assert nodes(ask(document, context=hiding("Task", "Flow"))["allWorkflows"]) == [
        {"startTasks": [{"slug": "a"}], "tasks": [{"slug": "a"}], "flows": {"totalCount": 1}}
    ]


def test_node_does_not_find_it(world: dict[str, Any]) -> None:
    document = "query ($id: ID!) { node(id: $id) { id } }"
    assert ask(document, id=gid(world["open"]), context=hiding("Case"))["node"]
    for text in (gid(world["secret"]), str(world["secret"].pk)):
        assert ask(document, id=text, context=hiding("Case"))["node"] is None


def test_a_required_reference_to_it_is_an_error_at_that_field(world: dict[str, Any]) -> None:
    document = "{ allWorkItems { edges { node { id case { id workflow { slug } } } } } }"
    answered = outcome(document, context=hiding("Case"))
    (error,) = answered.body["errors"]
    assert error["message"] == "WorkItem.case: there is no such object, or you may not see it."
    assert error["path"] == ["allWorkItems", "edges", 2, "node", "case"]
    assert error["extensions"] == {"code": "not_found"}
    first, _, third = nodes(answered.body["data"]["allWorkItems"])
    assert first["case"] == {"id": gid(world["open"]), "workflow": {"slug": "w"}}
    assert third is None


def test_a_reference_to_it_that_may_be_null_is_null(world: dict[str, Any]) -> None:
    parent = make_work_item(world["open"], "a", child_case=world["secret"])
    WorkItem.objects.filter(pk=world["item"].pk).update(previous_work_item=world["secret item"])
    document = "query ($id: ID!) { node(id: $id) { ... on WorkItem { childCase { id } previousWorkItem { id } } } }"
    assert ask(document, id=gid(parent), context=hiding("Case"))["node"]["childCase"] is None
    assert ask(document, id=gid(parent))["node"]["childCase"]
    assert ask(document, id=gid(world["item"]), context=hiding("WorkItem"))["node"]["previousWorkItem"] is None


def test_the_parent_of_a_child_case_may_be_hidden(world: dict[str, Any]) -> None:
    world["secret item"].child_case = world["secret"]
    world["secret item"].save()
    document = "query ($id: ID!) { node(id: $id) { ... on Case { parentWorkItem { id } } } }"
    assert ask(document, id=gid(world["secret"]))["node"]["parentWorkItem"] == {"id": gid(world["secret item"])}
    assert ask(document, id=gid(world["secret"]), context=hiding("WorkItem"))["node"]["parentWorkItem"] is None


def test_where_it_is_suppressed_the_reference_is_shown(world: dict[str, Any]) -> None:
    document = "{ allWorkItems { edges { node { case { id } } } } }"
    found = nodes(ask(document, context=hiding("Case", suppressed="WorkItem.case"))["allWorkItems"])
    assert found[2] == {"case": {"id": gid(world["secret"])}}


@pytest.mark.parametrize("rows", [5, 50])
def test_references_that_may_be_hidden_cost_one_statement_each(rows: int) -> None:
    make_workflow("w")
    for _ in range(rows):
        make_case("w", ready=["a"])
    document = "{ allWorkItems { edges { node { task { slug } case { id workflow { slug } } } } } }"
    assert statements(document) == 1
    assert statements(document, context=hiding("Case")) == 2
    assert statements(document, context=hiding("Case", "Workflow")) == 3
    assert statements(document, context=hiding("Case", "Workflow", "Task", "WorkItem")) == 4


@pytest.mark.parametrize(
    ("given", "model", "of_secret"),
    [
        ({"caseMetaValue": [{"key": "k", "value": 1}]}, "Case", "item of secret"),
        ({"rootCaseMetaValue": [{"key": "k", "value": 1}]}, "Case", "item of secret"),
        ({"caseDocumentForms": ["f"]}, "Case", "item of secret"),
    ],
)
def test_filters_do_not_look_through_it(
    given: dict[str, Any], model: str, of_secret: str, world: dict[str, Any]
) -> None:
    document = "query ($f: [WorkItemFilterSetType]) { allWorkItems(filter: $f) { edges { node { id } } } }"
    everything = [node["id"] for node in nodes(ask(document, f=[given])["allWorkItems"])]
    assert gid(world[of_secret]) in everything
    left = [node["id"] for node in nodes(ask(document, f=[given], context=hiding(model))["allWorkItems"])]
    assert left == [one for one in everything if one != gid(world[of_secret])]


def test_filters_do_not_look_at_hidden_documents(world: dict[str, Any]) -> None:
    document = '{ allCases(filter: {documentForm: "f"}) { totalCount } }'
    assert ask(document)["allCases"]["totalCount"] == 2
    assert ask(document, context=hiding("Document"))["allCases"]["totalCount"] == 2
    type(world["open"].document).objects.update(created_by_user="secret")
    assert ask(document, context=hiding("Document"))["allCases"]["totalCount"] == 0


@pytest.mark.parametrize(
    ("order", "model"),
    [
        ({"caseMeta": "k"}, "Case"),
        ({"attribute": "CASE__DOCUMENT__FORM__NAME"}, "Case"),
        ({"attribute": "CASE__DOCUMENT__FORM__NAME"}, "Document"),
        ({"attribute": "CASE__DOCUMENT__FORM__NAME"}, "Form"),
        ({"caseDocumentAnswer": "q"}, "Case"),
        ({"caseDocumentAnswer": "q"}, "Document"),
        ({"caseDocumentAnswer": "q"}, "Answer"),
    ],
)
def test_an_order_does_not_tell_what_is_hidden(order: dict[str, Any], model: str) -> None:
    """A hidden value sorts as none: last going up."""
    make_question("q")
    wanted = []
    for user, form, value in ((SECRET, make_form("a", user=SECRET), 1), (User("anna"), make_form("b"), 2)):
        document = make_document(form, user=user)
        make_answer(document, "q", value, user=user)
        case = make_case("w", user=user, document=document, meta={"k": value})
        wanted.append(gid(make_work_item(case, "t")))
    document_text = "query ($o: [WorkItemOrderSetType]) { allWorkItems(order: $o) { edges { node { id } } } }"
    assert [node["id"] for node in nodes(ask(document_text, o=[order])["allWorkItems"])] == wanted
    hidden = ask(document_text, o=[order], context=hiding(model))["allWorkItems"]
    assert [node["id"] for node in nodes(hidden)] == wanted[::-1]


def test_mutations_do_not_find_it(world: dict[str, Any]) -> None:
    document = "mutation ($id: ID!) { completeWorkItem(input: {id: $id}) { workItem { id } } }"
    error = refusal(document, id=gid(world["secret item"]), context=hiding("WorkItem"))
    assert error["extensions"]["code"] == "not_found"
    assert WorkItem.objects.get(pk=world["secret item"].pk).status == "ready"


def test_a_payload_leaves_out_what_the_user_may_not_see(world: dict[str, Any]) -> None:
    document = """mutation ($id: ID!) { completeWorkItem(input: {id: $id}) { workItem {
        status case { workItems { edges { node { id } } } } succeedingWorkItems { totalCount } } } }"""
    answer = ask(document, id=gid(world["item"]), context=hiding("WorkItem"))["completeWorkItem"]["workItem"]
    assert answer["status"] == "COMPLETED"
    seen = [node["id"] for node in nodes(answer["case"]["workItems"])]
    assert gid(world["item"]) in seen
    assert gid(world["secret item"]) not in seen


def test_a_payload_is_null_when_its_object_is_hidden_from_the_user() -> None:
    make_workflow("w", start=["a"])
    context = Context(user=SECRET, access=Hiding("Case"))
    answer = ask('mutation { saveCase(input: {workflow: "w"}) { case { id } } }', context=context)
    assert answer == {"saveCase": {"case": None}}
    assert Case.objects.count() == 1


def test_ids_tell_nothing_about_what_is_hidden(world: dict[str, Any]) -> None:
    document = "mutation ($id: ID!) { cancelCase(input: {id: $id}) { case { id } } }"
    hidden = refusal(document, id=gid(world["secret"]), context=hiding("Case"))
    nowhere = refusal(document, id=encode("Case", "0190a5a0-0000-7000-8000-000000000001"), context=hiding("Case"))
    replaced = hidden["message"].replace(str(world["secret"].pk), "0190a5a0-0000-7000-8000-000000000001")
    assert replaced == nowhere["message"]


def test_what_was_removed_is_shown_to_those_who_saw_it(world: dict[str, Any]) -> None:
    secret = Flow.objects.get(created_by_user="secret")
    flow = Flow.objects.exclude(pk=secret.pk).get()
    remove = "mutation ($id: ID!) { removeFlow(input: {flow: $id}) { flow { id next } } }"
    assert "There is no flow" in refusal(remove, id=gid(secret), context=hiding("Flow"))["message"]
    shown = ask(remove, id=gid(flow), context=hiding("Flow"))["removeFlow"]["flow"]
    assert shown == {"id": gid(flow), "next": "'hidden'|task"}
    assert list(Flow.objects.all()) == [secret]
