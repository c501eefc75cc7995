"""Every mutation, for everybody, on what is theirs, what is public, what is hidden and what is missing."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction

from caluma_async.form.models import Answer, Document
from caluma_async.graphql.schema import schema
from caluma_async.identity import User
from caluma_async.workflow.models import Case, WorkItem
from tests.api import outcome
from tests.integration.access_stage import USERS, Set, make_world, missing, named, request_of, sees
from tests.integration.forms_stage import with_streets

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Asked:
    """A mutation: its input for a set, which object of the set that is about, and where the input names it."""

    input: Callable[[Set], dict[str, Any]]
    about: Callable[[Set], Any]
    key: str
    makes: bool = False
    """Whether it makes something new: then nobody asks whether the object itself may be changed."""
    hidden: str = "not_found"
    """What is answered where the object may not be seen."""


def on(attribute: str, key: str = "id", **more: Any) -> Asked:
    """A mutation on that object of the set."""
    return Asked(
        lambda mine: {key: named(getattr(mine, attribute)), **{name: value(mine) for name, value in more.items()}},
        lambda mine: getattr(mine, attribute),
        key,
    )


def saved(attribute: str, called: str = "name", **more: Any) -> Asked:
    """A mutation that saves that object of the set by its slug; `called` is what its name is called."""
    return Asked(
        lambda mine: {
            "slug": getattr(mine, attribute).pk,
            called: "New",
            **{name: value(mine) for name, value in more.items()},
        },
        lambda mine: getattr(mine, attribute),
        "slug",
    )


def answering(question: str, value: Any) -> Asked:
    """A mutation that gives a first answer in the document that has none."""
    return Asked(
        lambda mine: {"document": named(mine.copy), "question": named(mine.questions[question]), "value": value},
        lambda mine: mine.copy,
        "document",
        makes=True,
    )


def on_question(kind: str) -> Asked:
    """A mutation on the set's question of this type."""
    return Asked(lambda mine: {"question": named(mine.questions[kind])}, lambda mine: mine.questions[kind], "question")


def asking(kind: str, **more: Any) -> Asked:
    """A mutation that saves the set's question of this type."""
    return Asked(
        lambda mine: {
            "slug": mine.questions[kind].pk,
            "label": "New",
            **{name: value(mine) if callable(value) else value for name, value in more.items()},
        },
        lambda mine: mine.questions[kind],
        "slug",
    )


def copying(about: Callable[[Set], Any], **more: Any) -> Asked:
    """A mutation that makes something of another slug out of that object."""
    return Asked(
        lambda mine: {"source": named(about(mine)), "slug": "a-copy", **more}, about, "source", True, "invalid"
    )


def defaulting(kind: str, value: Any) -> Asked:
    """A mutation that gives the set's question of this type its default answer."""
    return Asked(
        lambda mine: {"question": named(mine.questions[kind]), "value": value},
        lambda mine: mine.questions[kind],
        "question",
    )


def _options(mine: Set) -> list[str]:
    return [named(mine.option)]


DESIGN: dict[str, Asked] = {
    "saveOption": saved("option", "label"),
    "saveTextQuestion": asking("text"),
    "saveTextareaQuestion": asking("textarea"),
    "saveIntegerQuestion": asking("integer"),
    "saveFloatQuestion": asking("float"),
    "saveDateQuestion": asking("date"),
    "saveChoiceQuestion": asking("choice", options=_options),
    "saveMultipleChoiceQuestion": asking("multiple_choice", options=_options),
    "saveDynamicChoiceQuestion": asking("dynamic_choice", dataSource="Streets"),
    "saveDynamicMultipleChoiceQuestion": asking("dynamic_multiple_choice", dataSource="Streets"),
    "saveTableQuestion": asking("table", rowForm=lambda mine: named(mine.leaf)),
    "saveFormQuestion": asking("form", subForm=lambda mine: named(mine.leaf)),
    "saveFilesQuestion": asking("files"),
    "saveStaticQuestion": asking("static"),
    "saveCalculatedFloatQuestion": asking("calculated_float", calcExpression="1"),
    "saveActionButtonQuestion": asking(
        "action_button", action="COMPLETE", color="PRIMARY", validateOnEnter=True, showValidation=True
    ),
    "copyForm": copying(lambda mine: mine.form, name="Copy"),
    "copyQuestion": copying(lambda mine: mine.questions["text"], label="Copy"),
    "copyOption": copying(lambda mine: mine.option, label="Copy"),
    "addFormQuestion": on("leaf", "form", question=lambda mine: named(mine.questions["text"])),
    "removeFormQuestion": on("form", "form", question=lambda mine: named(mine.questions["text"])),
    "reorderFormQuestions": on("leaf", "form", questions=lambda _: []),
    "saveDefaultStringAnswer": defaulting("text", "New"),
    "saveDefaultIntegerAnswer": defaulting("integer", 2),
    "saveDefaultFloatAnswer": defaulting("float", 2.5),
    "saveDefaultDateAnswer": defaulting("date", "2030-01-31"),
    "saveDefaultListAnswer": defaulting("multiple_choice", []),
    "saveDefaultTableAnswer": defaulting("table", []),
    "removeDefaultAnswer": on_question("text"),
}
"""The mutations of what is asked."""

MUTATIONS: dict[str, Asked] = {
    **DESIGN,
    "saveDocument": on("document", form=lambda mine: named(mine.form)),
    "copyDocument": on("document", "source"),
    "removeDocument": on("copy", "document"),
    "removeAnswer": Asked(
        lambda mine: {"answer": named(mine.answers["text"])}, lambda mine: mine.answers["text"], "answer"
    ),
    "saveDocumentStringAnswer": answering("text", "New"),
    "saveDocumentIntegerAnswer": answering("integer", 2),
    "saveDocumentFloatAnswer": answering("float", 2.5),
    "saveDocumentDateAnswer": answering("date", "2030-01-31"),
    "saveDocumentListAnswer": answering("multiple_choice", []),
    "saveDocumentTableAnswer": answering("table", []),
    "saveDocumentFilesAnswer": answering("files", [{"name": "new.pdf"}]),
    "saveForm": saved("form"),
    "saveSimpleTask": saved("simple"),
    "saveCompleteWorkflowFormTask": saved("case_form"),
    "saveCompleteTaskFormTask": saved("item_form", form=lambda mine: named(mine.form)),
    "saveWorkflow": saved("workflow", startTasks=lambda mine: [named(mine.simple)]),
    "addWorkflowFlow": on(
        "workflow",
        "workflow",
        tasks=lambda mine: [named(mine.simple)],
        next=lambda mine: f"'{mine.several.pk}'|task",
    ),
    "removeFlow": on("flow", "flow"),
    "saveCase": on("case", workflow=lambda mine: named(mine.workflow), meta=lambda mine: "{}"),
    "startCase": Asked(
        lambda mine: {"workflow": named(mine.workflow)}, lambda mine: mine.workflow, "workflow", makes=True
    ),
    "cancelCase": on("case"),
    "suspendCase": on("case"),
    "resumeCase": on("suspended_case"),
    "reopenCase": on("completed_case", workItems=lambda mine: [named(mine.last)]),
    "completeWorkItem": on("ready"),
    "skipWorkItem": on("ready"),
    "cancelWorkItem": on("ready"),
    "suspendWorkItem": on("ready"),
    "resumeWorkItem": on("suspended"),
    "redoWorkItem": on("done"),
    "saveWorkItem": on("ready", "workItem", name=lambda mine: "New"),
    "createWorkItem": Asked(
        lambda mine: {"case": named(mine.case), "multipleInstanceTask": named(mine.several)},
        lambda mine: mine.case,
        "case",
        makes=True,
    ),
}

FOR_OPERATORS = {"retryDelivery", "discardDelivery", "replayEvent"}
"""What is refused unless a permission class names it; see the tests of operators."""

REFERENCES: list[tuple[str, str, Callable[[Set], Any]]] = [
    ("saveCompleteTaskFormTask", "form", lambda theirs: theirs.form),
    ("saveWorkflow", "startTasks", lambda theirs: [theirs.simple]),
    ("saveWorkflow", "allowForms", lambda theirs: [theirs.form]),
    ("addWorkflowFlow", "tasks", lambda theirs: [theirs.simple]),
    ("startCase", "workflow", lambda theirs: theirs.workflow),
    ("startCase", "parentWorkItem", lambda theirs: theirs.ready),
    ("startCase", "form", lambda theirs: theirs.form),
    ("saveCase", "form", lambda theirs: theirs.form),
    ("reopenCase", "workItems", lambda theirs: [theirs.last]),
    ("createWorkItem", "multipleInstanceTask", lambda theirs: theirs.several),
    ("saveDocument", "form", lambda theirs: theirs.form),
    ("saveDocumentStringAnswer", "question", lambda theirs: theirs.questions["text"]),
    ("saveDocumentTableAnswer", "value", lambda theirs: [theirs.copy]),
]
"""What else an input names: the mutation, the key, and an object of another set for it."""


@pytest.fixture(autouse=True)
def data_sources() -> Iterator[None]:
    with with_streets():
        yield


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Set]]:
    """Made once; what tests do to it is undone after each."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


def run(user: User, mutation: str, given: dict[str, Any]) -> tuple[str, str]:
    """The code of what happened, `done` if it did, and the message; nothing of it stays."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
    document = f"mutation ($input: {kind}) {{ {mutation}(input: $input) {{ clientMutationId }} }}"
    with transaction.atomic():
        answer = outcome(document, context=request_of(user), input=given)
        transaction.set_rollback(True)
    assert answer.status == 200, answer.body
    if "errors" not in answer.body:
        return "done", ""
    assert answer.body["data"] == {mutation: None}
    [error] = answer.body["errors"]
    return error["extensions"]["code"], error["message"]


def without_keys(message: str, record: Any, other: str) -> str:
    """The message with both names of the object made equal."""
    for key in (named(record), str(record.pk), other, _key(other)):
        message = message.replace(key, "…")
    return message


def _key(gid: str) -> str:
    return base64.b64decode(gid).decode().partition(":")[2]


def test_the_matrix_knows_every_mutation() -> None:
    assert schema._schema.type_map["Mutation"].fields.keys() == {*MUTATIONS, *FOR_OPERATORS}  # type: ignore[union-attr]


@pytest.mark.parametrize("user", USERS.values(), ids=USERS.keys())
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_does_what_the_classes_say(world: dict[str, Set], mutation: str, user: User) -> None:
    asked = MUTATIONS[mutation]
    for group, mine in world.items():
        record = asked.about(mine)
        code, message = run(user, mutation, asked.input(mine))
        assert code == expected(asked, user, record), (group, message)
        if code == "not_allowed" and user.groups:
            assert str(record.pk) in message
        elif code == "not_allowed":
            assert str(record.pk) not in message


def expected(asked: Asked, user: User, record: Any) -> str:
    """What the classes of the stage say, once more."""
    if not user.groups:
        return "not_allowed"
    if not sees(user, record):
        # a slug can only be had once, and that much has to be said
        return "invalid" if asked.key == "slug" else asked.hidden
    theirs = "admin" in user.groups or record.created_by_group in user.groups
    return "done" if asked.makes or theirs else "not_allowed"


@pytest.mark.parametrize("user", ["anonymous", "without rights", "of another group"])
@pytest.mark.parametrize("mutation", [name for name, asked in MUTATIONS.items() if asked.key != "slug"])
def test_a_mutation_says_the_same_of_what_is_hidden_and_of_what_is_missing(
    world: dict[str, Set], mutation: str, user: str
) -> None:
    asked, mine = MUTATIONS[mutation], world["own"]
    record = asked.about(mine)
    other = missing(record)
    given = asked.input(mine)
    for_hidden = run(USERS[user], mutation, given)
    for_missing = run(USERS[user], mutation, {**given, asked.key: other})
    if mutation == "saveCase" and user == "of another group":
        # a new key makes a new case, so here the workflow is what is hidden
        assert (for_hidden[0], for_missing[0]) == ("not_found", "not_found")
        return
    assert for_hidden[0] == for_missing[0]
    assert without_keys(for_hidden[1], record, other) == without_keys(for_missing[1], record, other)


@pytest.mark.parametrize(
    ("mutation", "key", "hidden"), REFERENCES, ids=[f"{name}.{key}" for name, key, _ in REFERENCES]
)
def test_an_input_that_names_what_is_hidden_is_answered_as_if_it_were_missing(
    world: dict[str, Set], mutation: str, key: str, hidden: Callable[[Set], Any]
) -> None:
    owner, found = USERS["owner"], hidden(world["other"])
    record = found[0] if isinstance(found, list) else found
    if mutation == "saveCase":
        Case.objects.filter(pk=world["own"].case.pk).update(document=None)
    other, answers = missing(record), []
    for name in (named(record), other):
        given = {**MUTATIONS[mutation].input(world["own"]), key: [name] if isinstance(found, list) else name}
        code, message = run(owner, mutation, given)
        answers.append((code, without_keys(message, record, other)))
    assert answers[0][0] in {"not_found", "invalid"}
    assert answers[0] == answers[1]


def test_an_answer_that_is_there_is_changed_by_whoever_may_change_it(world: dict[str, Set]) -> None:
    for user in USERS.values():
        for mine in world.values():
            answer = mine.answers["text"]
            given = {"document": named(mine.document), "question": named(answer.question), "value": "New"}
            code, message = run(user, "saveDocumentStringAnswer", given)
            asked = Asked(lambda _, given=given: given, lambda mine: mine.document, "document")  # type: ignore[misc]
            assert code == expected(asked, user, mine.document), message


def test_an_expression_that_names_a_hidden_task_is_answered_as_if_it_were_missing(world: dict[str, Set]) -> None:
    given = MUTATIONS["addWorkflowFlow"].input(world["own"])
    hidden = world["other"].several.pk
    answers = [
        run(USERS["owner"], "addWorkflowFlow", {**given, "next": f"'{slug}'|task"}) for slug in (hidden, "xxxxx")
    ]
    assert answers[0][0] == answers[1][0] == "invalid"
    assert answers[0][1].replace(hidden, "xxxxx") == answers[1][1]


def test_nothing_is_done_by_whoever_may_not(world: dict[str, Set]) -> None:
    tables = (Case, WorkItem, Document, Answer)
    before = [list(model._default_manager.order_by("pk").values()) for model in tables]
    for name in ("anonymous", "without rights", "of another group"):
        for mutation, asked in MUTATIONS.items():
            kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
            document = f"mutation ($input: {kind}) {{ {mutation}(input: $input) {{ clientMutationId }} }}"
            body = outcome(document, context=request_of(USERS[name]), input=asked.input(world["own"])).body
            assert body["data"] == {mutation: None}
    assert before == [list(model._default_manager.order_by("pk").values()) for model in tables]
