"""Every root field, every nested field and every filter, for everybody: what is shown is what the classes say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.db import transaction
from graphql import GraphQLNonNull, GraphQLObjectType, get_named_type, is_composite_type

from caluma_async.form.models import Answer, Document, DynamicOption, Form, Option, Question
from caluma_async.graphql.relay import NODE_TYPES, encode, type_name
from caluma_async.graphql.schema import schema
from caluma_async.identity import User
from caluma_async.workflow.expressions import tasks_of
from caluma_async.workflow.models import Case, Flow, Task, TaskFlow, Workflow, WorkItem
from tests.api import ask, nodes, outcome
from tests.integration.access_stage import USERS, Set, everything, make_world, missing, named, request_of, sees

pytestmark = pytest.mark.django_db
everybody = pytest.mark.parametrize("user", USERS.values(), ids=USERS.keys())

TYPES = schema._schema.type_map
ROOT = {
    "allWorkflows": Workflow,
    "allTasks": Task,
    "allCases": Case,
    "allWorkItems": WorkItem,
    "allForms": Form,
    "allQuestions": Question,
    "allUsedDynamicOptions": DynamicOption,
    "allDocuments": Document,
}
ANSWER_TYPES = [node.name for node in NODE_TYPES.values() if node.model is Answer]
QUESTION_TYPES = [node.name for node in NODE_TYPES.values() if node.model is Question]

WITH_DEFAULT = [name for name in QUESTION_TYPES if "defaultAnswer" in TYPES[name].fields]  # type: ignore[union-attr]


def tasks_of_workflow(workflow: Workflow) -> Iterable[Task]:
    flows = TaskFlow.objects.filter(workflow=workflow).select_related("flow")
    slugs = {slug for each in flows for slug in (each.task_id, *tasks_of(each.flow.next))}
    return Task.objects.filter(pk__in=slugs | set(workflow.start_tasks.values_list("pk", flat=True)))


def children(model: Any, **condition: Any) -> Iterable[Any]:
    return model.objects.filter(**condition).distinct()


NESTED: dict[str, Callable[[Any], Iterable[Any]]] = {
    "CompleteTaskFormTask.form": lambda task: [task.form],
    "Form.questions": lambda form: children(Question, forms=form),
    "Form.source": lambda form: [form.source],
    "Form.documents": lambda form: children(Document, form=form),
    **{f"{kind}.forms": lambda question: children(Form, questions=question) for kind in QUESTION_TYPES},
    **{f"{kind}.source": lambda question: [question.source] for kind in QUESTION_TYPES},
    **{
        f"{kind}.options": lambda question: children(Option, questions=question)
        for kind in ("ChoiceQuestion", "MultipleChoiceQuestion")
    },
    **{f"{kind}.defaultAnswer": lambda question: [question.default_answer] for kind in WITH_DEFAULT},
    "TableQuestion.rowForm": lambda question: [question.row_form],
    "FormQuestion.subForm": lambda question: [question.sub_form],
    "Option.source": lambda option: [option.source],
    "DynamicOption.document": lambda option: [option.document],
    "DynamicOption.question": lambda option: [option.question],
    "Document.form": lambda document: [document.form],
    "Document.source": lambda document: [document.source],
    "Document.copies": lambda document: children(Document, source=document),
    "Document.answers": lambda document: children(Answer, document=document),
    **{f"{kind}.question": lambda answer: [answer.question] for kind in ANSWER_TYPES},
    "TableAnswer.value": lambda answer: answer.documents.all(),
    "TableAnswer.document": lambda answer: [answer.document],
    "FilesAnswer.value": lambda answer: answer.files.all(),
    "File.answer": lambda file: [file.answer],
    "Document.case": lambda document: children(Case, document=document),
    "Document.workItem": lambda document: children(WorkItem, document=document),
    "Workflow.startTasks": lambda workflow: workflow.start_tasks.all(),
    "Workflow.allowForms": lambda workflow: workflow.allow_forms.all(),
    "Workflow.tasks": tasks_of_workflow,
    "Workflow.flows": lambda workflow: children(Flow, task_flows__workflow=workflow),
    "Flow.tasks": lambda flow: children(Task, task_flows__flow=flow),
    "Case.family": lambda case: [case.family],
    "Case.workflow": lambda case: [case.workflow],
    "Case.document": lambda case: [case.document],
    "Case.parentWorkItem": lambda case: children(WorkItem, child_case=case),
    "Case.workItems": lambda case: children(WorkItem, case=case),
    "Case.familyWorkItems": lambda case: children(WorkItem, case__family=case.family),
    "WorkItem.task": lambda item: [item.task],
    "WorkItem.case": lambda item: [item.case],
    "WorkItem.childCase": lambda item: [item.child_case],
    "WorkItem.document": lambda item: [item.document],
    "WorkItem.previousWorkItem": lambda item: [item.previous_work_item],
    "WorkItem.succeedingWorkItems": lambda item: children(WorkItem, previous_work_item=item),
}
"""What every nested field would show if nothing were hidden."""

OWN = {
    *(
        "invert",
        "createdByUser",
        "createdByGroup",
        "modifiedByUser",
        "modifiedByGroup",
        "createdBefore",
        "createdAfter",
    ),
    *("modifiedBefore", "modifiedAfter", "metaHasKey", "metaValue", "status", "excludeChildCases", "name", "createdAt"),
    *("closedAt", "modifiedAt", "deadline", "deadlineBefore", "deadlineAfter", "hasDeadline", "addressedGroups"),
    *("controllingGroups", "assignedUsers", "description", "type", "isArchived", "isPublished", "search"),
    *("label", "isRequired", "isHidden"),
}
"""Filters that look at nothing but the object that is filtered."""

REFERRING: dict[str, dict[str, Any]] = {
    "CaseFilterSetType": {
        "workflow": Workflow,
        "ids": [Case],
        "documentForm": Form,
        "documentForms": [Form],
        "rootCase": Case,
    },
    "WorkItemFilterSetType": {
        "id": WorkItem,
        "task": Task,
        "tasks": [Task],
        "case": Case,
        "caseFamily": Case,
        "caseDocumentForms": [Form],
    },
    "FlowFilterSetType": {"task": Task},
    "TaskFilterSetType": {"slug": Task, "slugs": [Task]},
    "WorkflowFilterSetType": {"slug": Workflow},
    "FormFilterSetType": {"slugs": [Form], "questions": [Question]},
    "QuestionFilterSetType": {"slugs": [Question], "subForm": Form, "rowForm": Form, "excludeForms": [Form]},
    "OptionFilterSetType": {"slug": Option},
    "DynamicOptionFilterSetType": {"question": Question, "document": Document},
    "DocumentFilterSetType": {"id": Document, "form": Form, "forms": [Form], "rootDocument": Document},
    "AnswerFilterSetType": {"question": Question, "questions": [Question]},
}
"""Filters that name another object."""

LOOKING_THROUGH = {"WorkItemFilterSetType": {"caseMetaValue", "rootCaseMetaValue"}}
"""Filters that look into another object."""

OF_CODE = {"FormatValidatorConnection", "DataSourceDataConnection"}
"""What the site's code offers to everybody."""

CHOSEN = {"StringAnswer.selectedOption", "ListAnswer.selectedOptions"}
"""Options as they were chosen, which are no objects of their own."""

ABOUT = {
    "documentValidity": (Document, "{ edges { node { isValid } } }"),
    "answerValidity": (Answer, "{ edges { node { isValid } } }"),
    "documentGlobalJexlContext": (Document, ""),
}
"""What is told about one object that is named, and how it is asked for."""

FOR_OPERATORS = {"Case.events"}
FILTERS_FOR_OPERATORS = {"EventFilterSetType", "DeliveryFilterSetType"}
"""What is refused unless a permission class names it; see the tests of operators."""

IN_DOCUMENTS = {
    "visibleInContext",
    "visibleInDocument",
    "hasAnswer",
    "documentHasAnswer",
    "caseDocumentHasAnswer",
    "workItemDocumentHasAnswer",
    "searchAnswers",
    "caseSearchAnswers",
}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Set]]:
    """Made once; nothing here changes it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


def object_types() -> Iterable[GraphQLObjectType]:
    return [kind for name in NODE_TYPES if isinstance(kind := TYPES[name], GraphQLObjectType)]


def ids(found: Iterable[Any]) -> list[str]:
    return sorted(named(each) for each in found)


def shown(user: User, found: Iterable[Any]) -> list[str]:
    return ids(each for each in found if each is not None and sees(user, each))


def test_the_matrix_knows_every_field_that_leads_to_objects() -> None:
    leading = {
        f"{kind.name}.{name}"
        for kind in object_types()
        for name, field in kind.fields.items()
        if is_composite_type(get_named_type(field.type)) and get_named_type(field.type).name not in OF_CODE
    }
    assert leading == {*NESTED, *FOR_OPERATORS, *CHOSEN}
    of_code = {"allDataSources", "dataSource", "allFormatValidators"}
    of_the_past = {"documentAsOf"}  # in test_graphql_history.py
    known = {"node", *ROOT, *of_code, *of_the_past, *ABOUT, "allEvents", "allDeliveries"}
    assert TYPES["Query"].fields.keys() == known  # type: ignore[union-attr]


def test_the_matrix_knows_every_filter() -> None:
    kinds = {name: kind.fields.keys() for name, kind in TYPES.items() if name.endswith("FilterSetType")}  # type: ignore[union-attr]
    for name, keys in kinds.items():
        if name in FILTERS_FOR_OPERATORS:
            continue
        known = {*REFERRING[name], *LOOKING_THROUGH.get(name, ()), *OWN, *IN_DOCUMENTS}
        assert set(keys) <= known, name


@everybody
def test_node_shows_what_may_be_seen_and_nothing_else(world: dict[str, Set], user: User) -> None:
    tried: set[tuple[Any, bool]] = set()
    for record in everything():
        # a bare key is looked for everywhere: one of each sort will do
        sort = type(record), sees(user, record)
        for key in (named(record), *([] if sort in tried else [str(record.pk)])):
            tried.add(sort)
            answer = outcome("query ($id: ID!) { node(id: $id) { id } }", context=request_of(user), id=key)
            expected = {"id": named(record)} if sees(user, record) else None
            assert answer.body == {"data": {"node": expected}}, (type(record), key)


@everybody
@pytest.mark.parametrize("field", ROOT)
def test_root_fields_show_what_may_be_seen_and_count_nothing_else(
    world: dict[str, Set], user: User, field: str
) -> None:
    document = f"{{ all: {field} {{ totalCount edges {{ node {{ id }} }} }} none: {field}(first: 0) {{ totalCount }} }}"
    answer = ask(document, context=request_of(user))
    expected = shown(user, ROOT[field]._default_manager.all())
    assert sorted(node["id"] for node in nodes(answer["all"])) == expected
    assert (answer["all"]["totalCount"], answer["none"]["totalCount"]) == (len(expected), len(expected))


@everybody
@pytest.mark.parametrize("path", NESTED)
def test_nested_fields_show_what_may_be_seen_and_count_nothing_else(
    world: dict[str, Set], user: User, path: str
) -> None:
    owner, _, name = path.partition(".")
    kind: Any = TYPES[owner]
    field = kind.fields[name]
    is_connection = get_named_type(field.type).name.endswith("Connection")
    selection = "{ totalCount edges { node { id } } }" if is_connection else "{ ... on Node { id } }"
    more = f"none: {name}(first: 0) {{ totalCount }}" if is_connection else ""
    document = f"query ($id: ID!) {{ node(id: $id) {{ ... on {owner} {{ found: {name} {selection} {more} }} }} }}"
    for record in NODE_TYPES[owner].model._default_manager.all():
        if type_name(record) != owner:
            continue
        answer = outcome(document, context=request_of(user), id=named(record)).body
        expected = shown(user, NESTED[path](record))
        if not sees(user, record):
            assert answer == {"data": {"node": None}}
        elif isinstance(field.type, GraphQLNonNull) and not expected and not is_connection and name not in LISTS:
            assert answer["data"] == {"node": None}
            [error] = answer["errors"]
            assert error["extensions"]["code"] == "not_found"
            assert error["message"] == f"{owner}.{name}: there is no such object, or you may not see it."
        else:
            assert found_in(answer["data"]["node"]["found"]) == expected
            if is_connection:
                totals = (answer["data"]["node"]["found"]["totalCount"], answer["data"]["node"]["none"]["totalCount"])
                assert totals == (len(expected), len(expected))


LISTS = {"tasks", "startTasks", "value"}


def found_in(answer: Any) -> list[str]:
    if answer is None:
        return []
    if isinstance(answer, list):
        return sorted(each["id"] for each in answer)
    return sorted(each["id"] for each in nodes(answer)) if "edges" in answer else [answer["id"]]


REFERENCES = [(kind, key, model) for kind, keys in REFERRING.items() for key, model in keys.items()]


@pytest.mark.parametrize(("kind", "key", "model"), REFERENCES, ids=[f"{kind}.{key}" for kind, key, _ in REFERENCES])
def test_a_filter_that_names_a_hidden_object_finds_what_it_finds_for_a_missing_one(
    world: dict[str, Set], kind: str, key: str, model: Any
) -> None:
    user = USERS["owner"]
    of = model[0] if isinstance(model, list) else model
    records = list(of._default_manager.all())
    hidden = [each for each in records if not sees(user, each)]
    assert hidden
    for record in hidden:
        for inverted in (False, True):
            answers = [
                ask(document_for(kind, key, [gid] if of is not model else gid, inverted), context=request_of(user))
                for gid in (named(record), missing(record))
            ]
            assert answers[0] == answers[1]
    visible = [each for each in records if sees(user, each)]
    found = [
        ask(document_for(kind, key, [named(each)] if of is not model else named(each)), context=request_of(user))
        for each in visible
    ]
    assert any("edges': [{" in str(answer) for answer in found), "the filter finds nothing at all"


def document_for(kind: str, key: str, value: Any, inverted: bool = False) -> str:
    literal = str(value).replace("'", '"') if isinstance(value, list) else f'"{value}"'
    where = f"(filter: [{{{key}: {literal}, invert: {str(inverted).lower()}}}])"
    if kind == "FlowFilterSetType":
        return (
            f"{{ allWorkflows {{ edges {{ node {{ flows{where} {{ totalCount edges {{ node {{ id }} }} }} }} }} }} }}"
        )
    if kind == "AnswerFilterSetType":
        return (
            f"{{ allDocuments {{ edges {{ node {{ answers{where} {{ totalCount edges {{ node {{ id }} }} }} }} }} }} }}"
        )
    if kind == "OptionFilterSetType":
        return (
            "{ allQuestions { edges { node { ... on ChoiceQuestion { options"
            + where
            + " { totalCount edges { node { id } } } } } } } }"
        )
    [field] = [name for name, model in ROOT.items() if f"{model.__name__}FilterSetType" == kind]
    return f"{{ {field}{where} {{ totalCount edges {{ node {{ id }} }} }} }}"


@everybody
@pytest.mark.parametrize("field", ABOUT)
def test_nothing_is_told_about_what_may_not_be_seen(world: dict[str, Set], user: User, field: str) -> None:
    model, selection = ABOUT[field]
    document = f"query ($id: ID!) {{ {field}(id: $id) {selection} }}"
    for record in model._default_manager.all():
        body = outcome(document, context=request_of(user), id=named(record)).body
        codes = [error["extensions"]["code"] for error in body.get("errors", ())]
        assert ("not_found" not in codes) is sees(user, record), body


@everybody
def test_options_that_were_chosen_are_shown_to_those_who_see_them(world: dict[str, Set], user: User) -> None:
    document = """
        query ($id: ID!) { node(id: $id) {
            ... on StringAnswer { selectedOption { slug } }
            ... on ListAnswer { selectedOptions { totalCount edges { node { slug } } } } } }"""
    for kind in (Question.TYPE_CHOICE, Question.TYPE_MULTIPLE_CHOICE):
        for answer in Answer.objects.filter(question__type=kind, document__isnull=False):
            if not sees(user, answer):
                continue
            chosen = Option.objects.get(pk=answer.value if kind == Question.TYPE_CHOICE else answer.value[0])
            expected = [{"slug": chosen.pk}] if sees(user, chosen) else []
            found = ask(document, context=request_of(user), id=named(answer))["node"]
            if kind == Question.TYPE_CHOICE:
                assert found == {"selectedOption": expected[0] if expected else None}
            else:
                assert nodes(found["selectedOptions"]) == expected
                assert found["selectedOptions"]["totalCount"] == len(expected)


@pytest.mark.parametrize("key", LOOKING_THROUGH["WorkItemFilterSetType"])
def test_a_filter_that_looks_into_hidden_objects_sees_nothing_there(world: dict[str, Set], key: str) -> None:
    for group, found in (("own", True), ("other", False), ("public", True)):
        for inverted in ("", ", invert: true"):
            where = f'[{{{key}: [{{key: "secret", value: "{group}"}}]{inverted}}}]'
            count = ask(f"{{ allWorkItems(filter: {where}) {{ totalCount }} }}", context=request_of(USERS["owner"]))[
                "allWorkItems"
            ]["totalCount"]
            everything_visible = len(shown(USERS["owner"], WorkItem.objects.all()))
            assert (count == (everything_visible if inverted else 0)) is not found


def test_the_stage_holds_something_hidden_at_the_end_of_every_path(world: dict[str, Set]) -> None:
    """Otherwise the tests above would prove nothing for it."""
    user = USERS["owner"]
    for path, truth in NESTED.items():
        owner = path.partition(".")[0]
        records = [each for each in NODE_TYPES[owner].model._default_manager.all() if type_name(each) == owner]
        reached = [found for each in records if sees(user, each) for found in truth(each) if found is not None]
        assert any(not sees(user, each) for each in reached), path
        assert any(sees(user, each) for each in reached), path
    assert encode("Case", world["own"].case.pk) == named(world["own"].case)
