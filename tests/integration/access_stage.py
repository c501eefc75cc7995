"""Three sets of everything, made by three groups and mixed up with each other; who may see and do what with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from caluma_async.access.permissions import BasePermission, object_permission_for, permission_for
from caluma_async.access.site import Rules, SiteAccess
from caluma_async.access.visibilities import BaseVisibility, filter_queryset_for
from caluma_async.form.models import (
    KINDS,
    Answer,
    AnswerDocument,
    Document,
    DynamicOption,
    File,
    Form,
    FormQuestion,
    Option,
    Question,
)
from caluma_async.form.verbs.defaults import WITHOUT_DEFAULT
from caluma_async.graphql.context import Context
from caluma_async.graphql.relay import encode, type_name
from caluma_async.identity import ANONYMOUS, User
from caluma_async.records import Record
from caluma_async.testing.factories import (
    make_answer,
    make_case,
    make_document,
    make_dynamic_option,
    make_flow,
    make_form,
    make_option,
    make_question,
    make_task,
    make_work_item,
    make_workflow,
)
from caluma_async.verbs import Verb
from caluma_async.workflow.models import Case, Flow, Task, Workflow, WorkItem

GROUPS: Final = ("own", "other", "public")
MODELS: Final = (
    *(Form, Question, Option, Document, Answer, File, DynamicOption),
    *(Task, Workflow, Flow, Case, WorkItem),
)

QUESTION: Final[dict[str, Any]] = {
    Question.TYPE_DYNAMIC_CHOICE: {"data_source": "Streets"},
    Question.TYPE_DYNAMIC_MULTIPLE_CHOICE: {"data_source": "Streets"},
    Question.TYPE_ACTION_BUTTON: {
        "configuration": {
            "action": "complete",
            "color": "primary",
            "validate_on_enter": True,
            "show_validation": True,
        }
    },
}
WITH_FORM: Final = {Question.TYPE_TABLE: "row_form", Question.TYPE_FORM: "sub_form"}

USERS: Final = {
    "anonymous": ANONYMOUS,
    "without rights": User("guest"),
    "of another group": User("otto", groups=["other"]),
    "owner": User("olga", groups=["own"]),
    "admin": User("ada", groups=["admin"]),
}


def sees(user: User, record: Any) -> bool:
    """The rule of this site, once more and apart from the class below."""
    return "admin" in user.groups or record.created_by_group in {"public", *user.groups}


class Visibility(BaseVisibility):
    """Everybody sees what is public, and what their groups made."""

    @filter_queryset_for(Record)
    def own_and_public(self, node: type[Model], queryset: QuerySet[Any], info: Any) -> QuerySet[Any]:
        if "admin" in info.user.groups:
            return queryset
        return queryset.filter(created_by_group__in=["public", *info.user.groups])


class Permission(BasePermission):
    """Who belongs to a group may do everything with what that group made."""

    @permission_for(Verb)
    def belongs_to_a_group(self, mutation: Any, info: Any) -> bool:
        return bool(info.user.groups)

    @object_permission_for(Verb)
    async def made_by_the_group(self, mutation: Any, info: Any, instance: Any) -> bool:
        return "admin" in info.user.groups or instance.created_by_group in info.user.groups


def request_of(user: User) -> Context:
    """A request of that user, under these rules."""
    rules = Rules(permissions=[Permission], visibilities=[Visibility])
    return Context(user=user, access=SiteAccess(rules, HttpRequest()))


@dataclass
class Set:
    """What one group made."""

    form: Form
    leaf: Form
    questions: dict[str, Question]
    option: Option
    simple: Task
    several: Task
    case_form: Task
    item_form: Task
    workflow: Workflow
    flow: Flow
    document: Document
    copy: Document
    answers: dict[str, Answer]
    case: Case
    done: WorkItem
    ready: WorkItem
    suspended: WorkItem
    suspended_case: Case
    completed_case: Case
    last: WorkItem
    child: Case


def make_set(group: str) -> Set:
    """One of everything; slugs begin with the group."""
    user = User(f"{group}-maker", groups=[group])
    form = make_form(f"{group}-form", user=user)
    option = make_option(f"{group}-option", user=user)
    questions = {
        kind: make_question(
            f"{group}-a-{kind}", form=form, type=kind, options=[option], user=user, **QUESTION.get(kind, {})
        )
        for kind in Question.TYPES
    }
    for question in questions.values():
        give_default(question, user)
    simple = make_task(f"{group}-simple", user=user)
    several = make_task(f"{group}-several", is_multiple_instance=True, user=user)
    case_form = make_task(f"{group}-case-form", type=Task.TYPE_COMPLETE_WORKFLOW_FORM, user=user)
    item_form = make_task(f"{group}-item-form", type=Task.TYPE_COMPLETE_TASK_FORM, form=form, user=user)
    workflow = make_workflow(f"{group}-workflow", start=[simple], allow_forms=[form], meta={"a": 1}, user=user)
    flow = make_flow(workflow, [simple], f"'{several.pk}'|task", user=user)
    make_flow(workflow, [several], "", redoable={several.pk: f"'{simple.pk}'|task"}, user=user)
    document = make_document(form, user=user)
    copy = make_document(form, source=document, user=user)
    make_dynamic_option(document, questions[Question.TYPE_DYNAMIC_CHOICE], "main-street", user=user)
    answers = make_answers(user, document, questions, option, [make_document(form, family=document, user=user)])
    case = make_case(workflow, document=document, meta={"secret": group}, user=user)
    done = make_work_item(case, simple, status=WorkItem.STATUS_COMPLETED, user=user)
    ready = make_work_item(case, several, previous_work_item=done, user=user)
    suspended = make_work_item(case, several, status=WorkItem.STATUS_SUSPENDED, user=user)
    completed_case = make_case(workflow, status=Case.STATUS_COMPLETED, user=user)
    return Set(
        form=form,
        leaf=make_form(f"{group}-leaf", user=user),
        questions=questions,
        option=option,
        simple=simple,
        several=several,
        case_form=case_form,
        item_form=item_form,
        workflow=workflow,
        flow=flow,
        document=document,
        copy=copy,
        answers=answers,
        case=case,
        done=done,
        ready=ready,
        suspended=suspended,
        suspended_case=make_case(workflow, status=Case.STATUS_SUSPENDED, user=user),
        completed_case=completed_case,
        last=make_work_item(completed_case, simple, status=WorkItem.STATUS_COMPLETED, user=user),
        child=make_case(workflow, parent_work_item=suspended, user=user),
    )


def make_answers(
    user: User, document: Document, questions: dict[str, Question], option: Option, rows: list[Document]
) -> dict[str, Answer]:
    """An answer to each of the questions that has answers: chosen is the option, and these are rows of the table."""
    values: dict[str, Any] = {"string": option.pk, "list": [option.pk], "integer": 1, "float": 1.5}
    answers = {
        kind: make_answer(document, questions[kind], values.get(KINDS[kind]), user=user)
        for kind in questions
        if kind in KINDS
    }
    for row in rows:
        AnswerDocument.objects.create(answer=answers[Question.TYPE_TABLE], document=row)
    _made(File(answer=answers[Question.TYPE_FILES], name="plan.pdf"), user)
    for kind in {Question.TYPE_DYNAMIC_CHOICE, Question.TYPE_DYNAMIC_MULTIPLE_CHOICE} & answers.keys():
        _made(DynamicOption(document=document, question=questions[kind], slug=option.pk, label=option.pk), user)
    return answers


def give_default(question: Question, user: User) -> None:
    """An empty default answer, where the type of the question knows one."""
    if question.type in KINDS and question.type not in WITHOUT_DEFAULT:
        question.default_answer = make_answer(None, question, user=user)
        question.save(update_fields=["default_answer"])


def _made(record: Record, user: User) -> None:
    record.stamp(user)
    record.save(force_insert=True)


def make_world() -> dict[str, Set]:
    """The three sets; then whatever can refer to something of another group does so, in every direction."""
    sets = {group: make_set(group) for group in GROUPS}
    for mine, theirs in [(mine, theirs) for mine in GROUPS for theirs in GROUPS if mine != theirs]:
        _mix(User(f"{mine}-maker", groups=[mine]), sets[mine], sets[theirs], f"{mine}-{theirs}")
    return sets


def _mix(user: User, mine: Set, theirs: Set, name: str) -> None:
    make_form(f"{name}-derived", source=theirs.form, user=user)
    make_option(f"{name}-option", source=theirs.option, user=user)
    for kind, question in theirs.questions.items():
        more = {**QUESTION.get(kind, {}), **({WITH_FORM[kind]: theirs.form} if kind in WITH_FORM else {})}
        options = [mine.option, theirs.option]
        derived = make_question(f"{name}-a-{kind}", type=kind, source=question, options=options, user=user, **more)
        give_default(derived, theirs_user(theirs))
        FormQuestion.objects.create(id=f"{mine.form.pk}.{question.pk}", form=mine.form, question=question)
    make_task(f"{name}-task", type=Task.TYPE_COMPLETE_TASK_FORM, form=theirs.form, user=user)
    workflow = make_workflow(
        f"{name}-way", start=[mine.simple, theirs.simple], allow_forms=[mine.form, theirs.form], user=user
    )
    make_flow(workflow, [mine.simple, theirs.simple], f"'{theirs.several.pk}'|task", user=user)
    make_flow(workflow, [theirs.several], f"'{mine.several.pk}'|task", user=theirs_user(theirs))
    rows = [make_document(mine.form, family=theirs.document, user=each) for each in (user, theirs_user(theirs))]
    make_answers(user, theirs.document, one_of_each_kind(mine), theirs.option, rows)
    _made(File(answer=mine.answers[Question.TYPE_FILES], name="theirs.pdf"), theirs_user(theirs))
    _made(File(answer=theirs.answers[Question.TYPE_FILES], name="mine.pdf"), user)
    document = make_document(theirs.form, source=theirs.document, user=user)
    make_dynamic_option(theirs.document, mine.questions[Question.TYPE_DYNAMIC_CHOICE], "a-street", user=user)
    make_dynamic_option(mine.document, theirs.questions[Question.TYPE_DYNAMIC_CHOICE], "mill-lane", user=user)
    make_answers(user, document, one_of_each_kind(theirs), theirs.option, [])
    case = make_case(theirs.workflow, document=document, user=user)
    make_case(mine.workflow, document=make_document(mine.form, user=theirs_user(theirs)), user=user)
    before = make_work_item(case, theirs.simple, previous_work_item=theirs.done, user=user)
    make_case(mine.workflow, parent_work_item=before, user=theirs_user(theirs))
    make_work_item(theirs.case, mine.simple, previous_work_item=theirs.ready, user=user, document=document)
    make_work_item(mine.case, document=make_document(mine.form, user=user), user=theirs_user(theirs))


def one_of_each_kind(of: Set) -> dict[str, Question]:
    """For each kind of answer one question: the last in the order of the types, a choice where there are some."""
    last = {KINDS[kind]: kind for kind in of.questions if kind in KINDS and "dynamic" not in kind}
    return {kind: of.questions[kind] for kind in last.values()}


def theirs_user(theirs: Set) -> User:
    """Who made the set."""
    return User(theirs.case.created_by_user, groups=[str(theirs.case.created_by_group)])


def everything() -> Iterator[Any]:
    """Every object there is."""
    for model in MODELS:
        yield from model._default_manager.order_by("pk")


def named(record: Any) -> str:
    """Its global id."""
    return encode(type_name(record), record.pk)


def missing(record: Any) -> str:
    """The global id of nothing, of the same type."""
    return encode(type_name(record), "no-such-slug" if isinstance(record.pk, str) else uuid4())
