"""Django's admin: every page opens, and whatever changes something goes through the verbs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from caluma_async.errors import Refused
from caluma_async.events.receivers import on, registry
from caluma_async.form.admin import answering, answers, definition, documents
from caluma_async.form.admin.copying import CopyForm
from caluma_async.form.document_api import ANSWERING
from caluma_async.form.models import (
    Answer,
    DefinitionVersion,
    Document,
    Form,
    FormQuestion,
    Option,
    Question,
    Recalculation,
)
from caluma_async.form.verbs.defaults import SAVE_DEFAULT
from caluma_async.form.verbs.questions import SAVE_QUESTION
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_dynamic_option,
    make_file,
    make_form,
    make_option,
    make_question,
    make_table,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.verbs import Verb
from caluma_async.workflow.admin import definition as design
from caluma_async.workflow.admin import running
from caluma_async.workflow.events import post_complete_work_item, pre_complete_work_item
from caluma_async.workflow.models import Case, Flow, Task, TaskFlow, Workflow, WorkItem
from caluma_async.workflow.verbs.cases import StartCase
from caluma_async.workflow.verbs.design import SAVE_TASK, SaveSimpleTask
from caluma_async.workflow.verbs.work_items import CompleteWorkItem
from tests.integration.admin_stage import act, complaints, page, page_of, staff, superuser, told

pytestmark = pytest.mark.django_db

INTERNAL = {DefinitionVersion}
MODELS = [m for app in ("form", "workflow") for m in apps.get_app_config(app).get_models() if m not in INTERNAL]


@pytest.fixture
def chief(client: Client) -> Client:
    return superuser(client)


@pytest.fixture
def clerk(client: Client) -> Client:
    return staff(client, "view")


@pytest.fixture
def site() -> None:
    """One object of every model."""
    make_form("plan", name={"en": "Plan", "de": "Planung"})
    make_option("yes")
    question = make_question("ok", form="plan", type="choice", options=["yes"])
    document = make_document("plan")
    make_answer(document, question, "yes")
    make_table(document, make_question("rows", type="table", row_form=make_form("row")), [{}])
    make_file(make_answer(document, make_question("papers", type="files")), "plan.pdf")
    make_dynamic_option(document, make_question("street", type="dynamic_choice"), "main-street")
    Recalculation.objects.create(forms=["plan"])
    make_workflow("approval", start=["review"], flows={("review", "check"): "'decide'|task"}, allow_forms=["plan"])
    case = make_case("approval", ready=["review"])
    case.document = document
    case.save(update_fields=["document"])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_has_a_list_that_can_be_searched_and_a_page(model: Any, chief: Client, site: None) -> None:
    instance = model.objects.first()
    assert instance is not None
    for query in ("", "?q=plan", "?q=ä%27%25", f"?q={instance.pk}"):
        assert chief.get(page("changelist", model) + query).status_code == 200
    found = chief.get(f"{page('changelist', model)}?q={instance.pk}").context["cl"].queryset
    assert instance in found
    assert chief.get(page_of(instance)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_who_may_only_look_opens_every_page(model: Any, clerk: Client, site: None) -> None:
    instance = model.objects.first()
    shown = clerk.get(page_of(instance)).content.decode()
    assert 'name="_save"' not in shown
    assert clerk.get(page("add", model)).status_code == 403
    assert clerk.post(page_of(instance), {"meta": "{}"}).status_code == 403


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_list_costs_the_same_with_more_rows(
    model: Any, chief: Client, site: None, django_assert_max_num_queries: Any
) -> None:
    for number in range(10):
        make_work_item(make_case(f"workflow-{number}"), f"task-{number}")
        make_document(f"form-{number}")
    with django_assert_max_num_queries(10 + len(getattr(model, "STATUSES", ())) * 2):
        chief.get(page("changelist", model))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_has_no_verb_offers_no_change(model: Any, chief: Client, site: None) -> None:
    can_change = model in {Form, Question, Option, Document, Answer, Task, Workflow, Flow, Case, WorkItem}
    assert (chief.get(page("add", model)).status_code == 200) is (can_change or model is FormQuestion)
    instance = model.objects.first()
    assert (chief.post(page_of(instance), {"meta": "[]"}).status_code == 200) is can_change
    delete = page("delete", model, instance.pk)
    assert (chief.get(delete).status_code == 200) is (model in {Flow, FormQuestion, Document, Answer})
    assert model.objects.filter(pk=instance.pk).exists()


def test_every_verb_has_a_page() -> None:
    pages = [vars(module) for module in (answering, answers, definition, documents, design, running)]
    reached = {value for names in pages for value in names.values() if isinstance(value, type)}
    for by_kind in (ANSWERING, SAVE_DEFAULT, SAVE_QUESTION, SAVE_TASK):
        reached |= set(by_kind.values())
    reached |= {form.copies for form in CopyForm.__subclasses__() if hasattr(form, "copies")}
    waiting: list[type[Verb[Any]]] = [Verb]
    for verb in waiting:
        waiting += verb.__subclasses__()
    domains = ("caluma_async.form.verbs", "caluma_async.workflow.verbs")
    verbs = {verb for verb in waiting if verb.async_twin and verb.__module__.startswith(domains)}
    assert len(verbs) > 40
    # SaveCase under another name
    assert verbs - reached == {StartCase}


TASK = {"slug": "review", "type": "simple", "name": "Review", "description": "", "meta": "{}"}


def test_a_task_is_made_in_the_admins_name(chief: Client) -> None:
    given = {**TASK, "meta": '{"a": 1}', "address_groups": "'office'", "lead_time": "60", "is_multiple_instance": "on"}
    response = chief.post(page("add", Task), given)
    assert response.status_code == 302, complaints(response)
    task = Task.objects.get()
    assert (task.pk, task.type, task.name, task.meta) == ("review", "simple", {"en": "Review"}, {"a": 1})
    assert (task.address_groups, task.lead_time, task.is_multiple_instance) == ("'office'", 60, True)
    assert (task.created_by_user, task.created_by_group, task.modified_by_user) == ("chief", "office", "chief")


def test_each_type_of_task_is_made_by_its_verb(chief: Client) -> None:
    make_form("plan")
    chief.post(page("add", Task), {**TASK, "slug": "a", "type": "complete_workflow_form"})
    chief.post(page("add", Task), {**TASK, "slug": "b", "type": "complete_task_form", "form": "plan"})
    assert dict(Task.objects.values_list("slug", "type")) == {"a": "complete_workflow_form", "b": "complete_task_form"}
    assert Task.objects.get(pk="b").form_id == "plan"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"type": "complete_task_form"}, "form"),
        ({"form": "plan"}, "form"),
        ({"address_groups": "'a'|"}, "address_groups"),
        ({"continue_async": "on"}, "continue_async"),
        ({"meta": "[]"}, "meta"),
        ({"slug": "a b"}, "slug"),
        ({"name": ""}, "name"),
        ({"lead_time": "-1"}, "lead_time"),
    ],
)
def test_what_the_verb_refuses_is_shown_beside_the_field(given: dict[str, str], field: str, chief: Client) -> None:
    make_form("plan")
    response = chief.post(page("add", Task), {**TASK, **given})
    assert response.status_code == 200
    assert list(complaints(response)) == [field]
    assert not Task.objects.exists()


def test_a_page_changes_only_what_was_changed_and_in_one_language(chief: Client) -> None:
    task = make_task("review", name={"en": "Review", "de": "Prüfung"}, address_groups="no expression (")
    page = chief.get(page_of(task))
    assert page.context["adminform"].form["name"].value() == "Review"
    assert 'value="Review"' in page.content.decode()
    response = chief.post(
        page_of(task), {"name": "Look", "description": "", "meta": "{}", "address_groups": "no expression ("}
    )
    assert response.status_code == 302, complaints(response)
    task.refresh_from_db()
    assert task.name == {"en": "Look", "de": "Prüfung"}
    # left as it was, and so not checked
    assert task.address_groups == "no expression ("
    assert (task.created_by_user, task.modified_by_user) == (None, "chief")


def test_slug_and_type_cannot_be_changed(chief: Client) -> None:
    task = make_task("review")
    chief.post(page_of(task), {**TASK, "slug": "other", "type": "complete_workflow_form"})
    assert list(Task.objects.values_list("slug", "type")) == [("review", "simple")]


def test_a_workflow_is_made_and_changed(chief: Client) -> None:
    make_task("a"), make_task("b"), make_form("plan")
    given = {"slug": "approval", "name": "Approval", "meta": "{}", "start_tasks": ["a"], "allow_forms": ["plan"]}
    response = chief.post(page("add", Workflow), given)
    assert response.status_code == 302, complaints(response)
    workflow = Workflow.objects.get()
    assert [task.pk for task in workflow.start_tasks.all()] == ["a"]
    response = chief.post(page_of(workflow), {**given, "start_tasks": ["a", "b"], "allow_forms": []})
    assert response.status_code == 302, complaints(response)
    assert {task.pk for task in workflow.start_tasks.all()} == {"a", "b"}
    assert not workflow.allow_forms.exists()
    workflow.refresh_from_db()
    assert (workflow.created_by_user, workflow.modified_by_user) == ("chief", "chief")


def test_a_form_is_made_and_changed(chief: Client) -> None:
    response = chief.post(page("add", Form), {"slug": "plan", "name": "Plan", "meta": "{}", "is_published": "on"})
    assert response.status_code == 302, complaints(response)
    form = Form.objects.get()
    assert (form.is_published, form.created_by_user) == (True, "chief")
    chief.post(page_of(form), {"name": "Plan", "meta": "{}"})
    form.refresh_from_db()
    assert form.is_published is False


FLOW = {"workflow": "approval", "tasks": ["a", "b"], "next": "'c'|task", "redoable": "'a'|task"}


def test_a_flow_is_made_changed_and_removed(chief: Client) -> None:
    make_task("c")
    make_workflow("approval", start=["a", "b"])
    response = chief.post(page("add", Flow), FLOW)
    assert response.status_code == 302, complaints(response)
    flow = Flow.objects.get()
    assert {tie.task_id: tie.redoable for tie in TaskFlow.objects.filter(flow=flow)} == {
        "a": "'a'|task",
        "b": "'a'|task",
    }
    assert chief.get(page_of(flow)).context["adminform"].form.initial["tasks"] == ["a", "b"]
    response = chief.post(page_of(flow), {"next": "'a'|task", "redoable": ""})
    assert response.status_code == 302, complaints(response)
    flow = Flow.objects.get()
    assert (flow.next, flow.modified_by_user) == ("'a'|task", "chief")
    assert {tie.redoable for tie in flow.task_flows.all()} == {None}
    chief.post(page("delete", Flow, flow.pk), {"post": "yes"})
    assert not TaskFlow.objects.exists()
    assert not Flow.objects.exists()


def test_several_flows_are_removed_by_the_lists_action(chief: Client) -> None:
    make_workflow("approval", flows={"a": "'b'|task", "b": "'a'|task"})
    keys = [str(flow.pk) for flow in Flow.objects.all()]
    chief.post(page("changelist", Flow), {"action": "delete_selected", "_selected_action": keys, "post": "yes"})
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [({"next": "'x'|task"}, "next"), ({"redoable": "'x'|task"}, "redoable"), ({"next": "", "redoable": ""}, "next")],
)
def test_a_wrong_flow_is_shown_beside_the_field(given: dict[str, str], field: str, chief: Client) -> None:
    make_task("c")
    make_workflow("approval", start=["a", "b"])
    response = chief.post(page("add", Flow), {**FLOW, **given})
    assert list(complaints(response)) == [field]
    assert not Flow.objects.exists()


def test_a_flow_that_is_tied_to_nothing_is_shown(chief: Client) -> None:
    flow = Flow.objects.create(next="'a'|task")
    assert chief.get(page_of(flow)).status_code == 200


@pytest.fixture
def heard() -> Iterator[list[tuple[Any, Any]]]:
    """What was told of completed work items: senders and users."""
    told: list[tuple[Any, Any]] = []
    with registry.isolated():

        @on(post_complete_work_item, blocking=True)
        def note(sender: Any, user: Any, **kwargs: Any) -> None:
            told.append((sender, user))

        yield told


def test_a_work_item_is_completed_by_the_verb_with_its_events(chief: Client, heard: list[tuple[Any, Any]]) -> None:
    make_workflow("approval", flows={"review": "'decide'|task", "decide": "'archive'|task"})
    work_item = make_work_item(make_case("approval"), "review")
    response = act(chief, "complete_work_items", work_item)
    assert told(response) == ["Complete work items: 1."]
    work_item.refresh_from_db()
    assert (work_item.status, work_item.closed_by_user) == ("completed", "chief")
    assert WorkItem.objects.get(status="ready").task_id == "decide"
    ((sender, user),) = heard
    assert (sender, user.username, user.group) == (CompleteWorkItem, "chief", "office")


def test_what_an_action_refuses_is_told_and_the_others_are_done(chief: Client) -> None:
    case = make_case("approval")
    done, ready = make_work_item(case, "a", status="completed"), make_work_item(case, "b")
    response = act(chief, "complete_work_items", done, ready)
    refused, done_message = told(response)
    assert str(done.pk) in refused
    assert "Only ready work items can be completed." in refused
    assert done_message == "Complete work items: 1."
    ready.refresh_from_db()
    assert ready.status == "completed"


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("skip_work_items", "ready", "skipped"),
        ("cancel_work_items", "ready", "canceled"),
        ("suspend_work_items", "ready", "suspended"),
        ("resume_work_items", "suspended", "ready"),
    ],
)
def test_work_items_have_an_action_for_each_verb(action: str, before: str, after: str, chief: Client) -> None:
    work_item = make_work_item(make_case("approval"), "a", status=before)
    act(chief, action, work_item)
    work_item.refresh_from_db()
    assert (work_item.status, work_item.modified_by_user) == (after, "chief")


def test_a_work_item_is_redone(chief: Client) -> None:
    make_workflow("approval", flows={"a": "'b'|task"}, redoable={"b": "'a'|task"})
    case = make_case("approval")
    first = make_work_item(case, "a", status="completed")
    make_work_item(case, "b", previous_work_item=first)
    act(chief, "redo_work_items", first)
    first.refresh_from_db()
    assert first.status == "ready"


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("cancel_cases", "running", "canceled"),
        ("suspend_cases", "running", "suspended"),
        ("resume_cases", "suspended", "running"),
    ],
)
def test_cases_have_an_action_for_each_verb(action: str, before: str, after: str, chief: Client) -> None:
    case = make_case("approval", status=before)
    act(chief, action, case)
    case.refresh_from_db()
    assert (case.status, case.modified_by_user) == (after, "chief")


def test_a_case_is_reopened_at_a_work_item(chief: Client) -> None:
    case = make_case("approval", status=Case.STATUS_COMPLETED)
    work_item = make_work_item(case, "a", status="completed")
    act(chief, "reopen_the_case_with_these_work_items", work_item)
    case.refresh_from_db()
    work_item.refresh_from_db()
    assert (case.status, work_item.status) == ("running", "ready")


def test_cases_are_reopened_each_at_all_of_its_work_items(chief: Client) -> None:
    cases = [make_case("approval", status=Case.STATUS_COMPLETED) for _ in range(2)]
    done = [make_work_item(case, task, status="completed") for case in cases for task in ("a", "b")]
    running = make_work_item(make_case("approval"), "a", status="completed")
    refused, message = told(act(chief, "reopen_the_case_with_these_work_items", *done, running))
    assert str(running.pk) in refused
    assert message == "Reopen the case with these work items: 4."
    assert set(Case.objects.values_list("status", flat=True)) == {"running"}
    assert WorkItem.objects.filter(status="ready").count() == 4


def test_who_may_only_look_has_neither_actions_nor_changes(clerk: Client) -> None:
    work_item = make_work_item(make_case("approval"), "a")
    opened = clerk.get(page("changelist", WorkItem))
    assert opened.status_code == 200
    assert "complete_work_items" not in opened.content.decode()
    act(clerk, "complete_work_items", work_item)
    work_item.refresh_from_db()
    assert work_item.status == "ready"
    assert clerk.post(page("add", Task), TASK).status_code == 403
    assert clerk.post(page("delete", Flow, Flow.objects.create(next="").pk)).status_code == 403


def test_what_a_rule_refuses_is_shown_above_the_fields(chief: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(verb: SaveSimpleTask) -> None:
        raise Refused("Not today.")

    monkeypatch.setattr(SaveSimpleTask, "check", refuse)
    assert complaints(chief.post(page("add", Task), TASK)) == {"__all__": ["Not today."]}
    assert not Task.objects.exists()


def test_what_is_refused_only_while_writing_is_a_message_and_nothing_is_saved(
    chief: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = SaveSimpleTask.write

    def refuse(verb: SaveSimpleTask) -> Task:
        write(verb)
        raise Refused("Not today.")

    monkeypatch.setattr(SaveSimpleTask, "write", refuse)
    response = chief.post(page("add", Task), TASK)
    assert response.status_code == 302
    assert told(response) == ["Not today."]
    assert not Task.objects.exists()


def test_what_a_receiver_refuses_is_a_message(chief: Client) -> None:
    work_item = make_work_item(make_case("approval"), "a")
    with registry.isolated():

        @on(pre_complete_work_item, raise_exception=True)
        def refuse(**kwargs: Any) -> None:
            raise ValueError("no")

        response = act(chief, "complete_work_items", work_item)
    (message,) = told(response)
    assert str(work_item.pk) in message
    work_item.refresh_from_db()
    assert work_item.status == "ready"
