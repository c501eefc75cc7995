"""The factories make what they promise, with what is missing made on the way."""

import pytest

from caluma_async.form.models import Document
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
    make_work_items,
    make_workflow,
)
from caluma_async.workflow.models import Case, Flow, Task, TaskFlow, Workflow, WorkItem

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])


def test_a_workflow_comes_with_its_start_tasks_flows_and_the_tasks_of_these() -> None:
    workflow = make_workflow(
        "approval",
        start=["a", "b"],
        flows={("a", "b"): "'c'|task", "c": "'d'|task"},
        redoable={"c": "'a'|task", "d": "'c'|task"},
        allow_forms=["plan"],
    )
    assert set(workflow.start_tasks.values_list("pk", flat=True)) == {"a", "b"}
    assert list(workflow.allow_forms.values_list("pk", flat=True)) == ["plan"]
    ties = {tie.task_id: tie for tie in TaskFlow.objects.select_related("flow")}
    assert {slug: (tie.flow.next, tie.redoable) for slug, tie in ties.items()} == {
        "a": ("'c'|task", None),
        "b": ("'c'|task", None),
        "c": ("'d'|task", "'a'|task"),
        "d": ("", "'c'|task"),
    }
    assert ties["a"].flow_id == ties["b"].flow_id
    assert Flow.objects.count() == 3


def test_what_exists_is_used_and_not_made_again() -> None:
    task = make_task("review", name="Review", address_groups="'office'")
    workflow = make_workflow("approval", start=["review"])
    case = make_case("approval", ready=[task])
    assert (case.workflow, case.work_items.get().task) == (workflow, task)
    assert str(case.work_items.get().name) == "Review"


def test_a_root_case_is_its_own_family_and_a_child_case_joins_its_parents() -> None:
    root = make_case()
    parent = make_work_item(root)
    child = make_case(parent_work_item=parent)
    assert (root.family_id, child.family_id) == (root.pk, root.pk)
    parent.refresh_from_db()
    assert parent.child_case == child


@pytest.mark.parametrize("status", ["completed", "canceled", "skipped"])
def test_a_closed_work_item_says_who_closed_it(status: str) -> None:
    work_item = make_work_item(status=status, user=ANNA)
    assert work_item.closed_at is not None
    assert (work_item.closed_by_user, work_item.closed_by_group) == ("anna", "office")
    assert make_work_item(status="ready").closed_at is None


def test_a_closed_case_says_who_closed_it() -> None:
    assert make_case(status=Case.STATUS_COMPLETED, user=ANNA).closed_by_user == "anna"
    assert make_case().closed_at is None


def test_everything_says_who_made_it() -> None:
    case = make_case(user=ANNA)
    assert (case.created_by_user, case.modified_by_group) == ("anna", "office")


def test_many_work_items_cost_one_insert(django_assert_num_queries: object) -> None:
    case, task = make_case(), make_task("review", is_multiple_instance=True)
    with django_assert_num_queries(1):  # type: ignore[operator]
        items = make_work_items(case, task, 20)
    assert WorkItem.objects.filter(case=case).count() == len(items) == 20
    closed = make_work_items(case, task, 2, status=WorkItem.STATUS_CANCELED)
    assert all(item.closed_at for item in closed)


def test_questions_of_a_form_keep_the_order_in_which_they_were_made() -> None:
    form = make_form("plan")
    make_question("first", form=form, type="choice", options=["yes", "no"])
    make_question("second", form="plan")
    assert [link.question_id for link in form.form_questions.all()] == ["first", "second"]
    assert [link.pk for link in form.form_questions.all()] == ["plan.first", "plan.second"]
    options = form.questions.get(pk="first").question_options.all()
    assert [link.option_id for link in options] == ["yes", "no"]


def test_a_document_has_its_answers_and_a_row_its_family() -> None:
    make_question("first", form="plan")
    document = make_document("plan", answers={"first": "text"})
    row = make_document(family=document)
    assert document.answers.get().value == "text"
    assert list(Document.objects.filter(family=document).order_by("pk")) == [document, row]
    assert make_answer(None, make_question(), "default").document is None


def test_a_task_can_have_a_form_and_a_flow_be_added_later() -> None:
    task = make_task("fill", type=Task.TYPE_COMPLETE_TASK_FORM, form="plan")
    assert task.form_id == "plan"
    flow = make_flow(make_workflow("approval"), [task], "'next'|task", redoable={"fill": "'x'|task"})
    assert (flow.workflows.get().slug, flow.task_flows.get().redoable) == ("approval", "'x'|task")


def test_names_of_their_own_never_clash() -> None:
    assert len({make_workflow().pk, make_workflow().pk}) == Workflow.objects.count() == 2
