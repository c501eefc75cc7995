"""Objects for tests, made quickly: rows written straight into the tables, without verbs and so without events.

What is named and not there yet is made on the way (`make_case(workflow="approval")` makes the workflow too), so that
a test states what it is about and nothing else:

    make_workflow("approval", start=["review"], flows={"review": "'decide'|task"})
    case = make_case("approval", ready=["review"])
    run(CompleteWorkItem(user, id=case.work_items.get().pk))

What a verb would refuse is not refused here: expressions are not parsed, and no rule is asked.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.db.models import Model
from django.utils import timezone

from caluma_async.form.models import (
    Answer,
    AnswerDocument,
    Document,
    DynamicOption,
    File,
    Form,
    FormQuestion,
    Option,
    Question,
    QuestionOption,
)
from caluma_async.identity import ANONYMOUS, User
from caluma_async.records import Record, SlugRecord
from caluma_async.workflow.models import Case, Flow, Task, TaskFlow, Workflow, WorkItem

R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=SlugRecord)

CLOSED_CASE = {Case.STATUS_COMPLETED, Case.STATUS_CANCELED}
CLOSED_WORK_ITEM = {WorkItem.STATUS_COMPLETED, WorkItem.STATUS_CANCELED, WorkItem.STATUS_SKIPPED}
LARGEST_SORT = 2_000_000_000

_numbers = itertools.count(1)
_sorts = itertools.count(LARGEST_SORT, -1)


def make_form(slug: str | None = None, *, user: User = ANONYMOUS, **fields: Any) -> Form:
    """A form; `fields` are columns. Questions are put into it by `make_question`."""
    return _make(Form, slug, user, fields)


def make_question(
    slug: str | None = None,
    *,
    form: Form | str | None = None,
    type: str = Question.TYPE_TEXT,  # noqa: A002 - the column's name
    options: Iterable[Option | str] = (),
    user: User = ANONYMOUS,
    **fields: Any,
) -> Question:
    """A question, the last one of `form` if that is given; `options` are those of a choice, in order."""
    fields.setdefault("label", slug or "A question")
    question = _make(Question, slug, user, {"type": type, **fields})
    if form is not None:
        _link(FormQuestion(form=_the(Form, form, make_form), question=question), user)
    for option in options:
        _link(QuestionOption(question=question, option=_the(Option, option, make_option)), user)
    return question


def make_option(slug: str | None = None, *, user: User = ANONYMOUS, **fields: Any) -> Option:
    """An option; `make_question(options=…)` offers it."""
    fields.setdefault("label", slug or "An option")
    return _make(Option, slug, user, fields)


def make_document(
    form: Form | str | None = None,
    *,
    answers: Mapping[str, Any] | None = None,
    family: Document | None = None,
    user: User = ANONYMOUS,
    **fields: Any,
) -> Document:
    """A document of `form`; `answers` maps slugs of questions that exist to values."""
    document = Document(form=_the(Form, form, make_form), **fields)
    document.family = family or document
    _saved(document, user)
    for question, value in (answers or {}).items():
        make_answer(document, question, value, user=user)
    return document


def make_answer(
    document: Document | None, question: Question | str, value: Any = None, *, user: User = ANONYMOUS, **fields: Any
) -> Answer:
    """An answer; without a document the default one of its question. A date is given as `date=`."""
    return _saved(Answer(document=document, question_id=_key(question), value=value, **fields), user)


def make_table(
    document: Document, question: Question | str, rows: Iterable[Mapping[str, Any]] = (), *, user: User = ANONYMOUS
) -> Answer:
    """A table answer with a row for each mapping of slugs of questions to values, in order.

    The rows are of the question's row form, and of the document's family.
    """
    table = question if isinstance(question, Question) else Question.objects.get(pk=question)
    answer = make_answer(document, table, user=user)
    for cells in rows:
        row = make_document(table.row_form, answers=cells, family=document.family, user=user)
        _saved(AnswerDocument(answer=answer, document=row, sort=next(_sorts)), user)
    return answer


def make_file(answer: Answer, name: str, *, user: User = ANONYMOUS) -> File:
    """A file of a files answer, of which nothing was uploaded yet."""
    return _saved(File(answer=answer, name=name), user)


def make_dynamic_option(
    document: Document, question: Question | str, slug: str, label: Any = None, *, user: User = ANONYMOUS
) -> DynamicOption:
    """What somebody chose from a data source."""
    option = DynamicOption(document=document, question_id=_key(question), slug=slug, label=label or slug)
    return _saved(option, user)


def make_task(
    slug: str | None = None,
    *,
    type: str = Task.TYPE_SIMPLE,  # noqa: A002 - the column's name
    form: Form | str | None = None,
    user: User = ANONYMOUS,
    **fields: Any,
) -> Task:
    """A task; `fields` are columns, such as `address_groups="['a','b']|groups"` or `is_multiple_instance=True`."""
    if form is not None:
        fields["form"] = _the(Form, form, make_form)
    return _make(Task, slug, user, {"type": type, **fields})


def make_workflow(
    slug: str | None = None,
    *,
    start: Sequence[Task | str] = (),
    flows: Mapping[str | tuple[str, ...], str] | None = None,
    redoable: Mapping[str, str] | None = None,
    allow_forms: Sequence[Form | str] = (),
    user: User = ANONYMOUS,
    **fields: Any,
) -> Workflow:
    """A workflow with its flows; tasks that are named as text and do not exist are made as simple ones.

    `start` names the start tasks. `flows` maps a task, or a tuple of tasks that share the flow, to what comes next;
    `redoable` maps a task to the expression of what may be done again from there. Tasks inside of expressions are not
    looked at: make them, or let them be the key of a flow of their own.
    """
    workflow = _make(Workflow, slug, user, fields)
    workflow.start_tasks.set([_the(Task, task, make_task) for task in start])
    workflow.allow_forms.set([_the(Form, form, make_form) for form in allow_forms])
    again = dict(redoable or {})
    for tasks, following in (flows or {}).items():
        named = (tasks,) if isinstance(tasks, str) else tasks
        make_flow(workflow, named, following, redoable={task: again.pop(task, None) for task in named}, user=user)
    for task, expression in again.items():
        make_flow(workflow, [task], "", redoable={task: expression}, user=user)
    return workflow


def make_flow(
    workflow: Workflow | str,
    tasks: Sequence[Task | str],
    next: str,  # noqa: A002 - the column's name
    *,
    redoable: Mapping[str, str | None] | None = None,
    user: User = ANONYMOUS,
) -> Flow:
    """A flow that the tasks share; `redoable` maps their slugs to expressions."""
    flow = _saved(Flow(next=next), user)
    for task in (_the(Task, task, make_task) for task in tasks):
        again = (redoable or {}).get(task.slug)
        _saved(TaskFlow(workflow_id=_key(workflow), task=task, flow=flow, redoable=again), user)
    return flow


def make_case(
    workflow: Workflow | str | None = None,
    *,
    ready: Sequence[Task | str] = (),
    parent_work_item: WorkItem | None = None,
    status: str = Case.STATUS_RUNNING,
    user: User = ANONYMOUS,
    **fields: Any,
) -> Case:
    """A case, with one ready work item for each task of `ready`; a child case if `parent_work_item` is given.

    A status that closes it sets closed_at and closed_by_… too.
    """
    case = Case(workflow=_the(Workflow, workflow, make_workflow), status=status, **fields)
    case.family_id = parent_work_item.case.family_id if parent_work_item else case.pk
    if status in CLOSED_CASE:
        _close(case, user)
    _saved(case, user)
    if parent_work_item:
        parent_work_item.child_case = case
        parent_work_item.save(update_fields=["child_case"])
    for task in ready:
        make_work_item(case, task, user=user)
    return case


def make_work_item(
    case: Case | None = None,
    task: Task | str | None = None,
    *,
    status: str = WorkItem.STATUS_READY,
    user: User = ANONYMOUS,
    **fields: Any,
) -> WorkItem:
    """A work item; `fields` are columns, such as `addressed_groups=["a"]`.

    A status that closes it sets closed_at and closed_by_… too.
    """
    of = _the(Task, task, make_task)
    fields.setdefault("name", of.name)
    work_item = WorkItem(case=case or make_case(user=user), task=of, status=status, **fields)
    if status in CLOSED_WORK_ITEM:
        _close(work_item, user)
    return _saved(work_item, user)


def make_work_items(
    case: Case, task: Task | str, count: int, *, status: str = WorkItem.STATUS_READY, user: User = ANONYMOUS
) -> list[WorkItem]:
    """That many work items of one task, in one statement."""
    of = _the(Task, task, make_task)
    work_items = [WorkItem(case=case, task=of, name=of.name, status=status) for _ in range(count)]
    for work_item in work_items:
        work_item.stamp(user)
        if status in CLOSED_WORK_ITEM:
            _close(work_item, user)
    return WorkItem.objects.bulk_create(work_items)


def _make(model: type[S], slug: str | None, user: User, fields: Mapping[str, Any]) -> S:
    slug = slug or f"{model.__name__.lower()}-{next(_numbers)}"
    names = {"name": slug} if hasattr(model, "name") else {}
    return _saved(model(slug=slug, **{**names, **fields}), user)


def _saved(record: R, user: User) -> R:
    record.stamp(user)
    record.save(force_insert=True)
    return record


def _the(model: type[S], wanted: S | str | None, make: Any) -> S:
    """The object itself, or the one of that slug, made if there is none."""
    if isinstance(wanted, model):
        return wanted
    found = model._default_manager.filter(pk=wanted).first() if wanted else None
    made: S = found or make(wanted)
    return made


def _key(wanted: Model | str) -> Any:
    return wanted.pk if isinstance(wanted, Model) else wanted


def _link(link: FormQuestion | QuestionOption, user: User) -> None:
    """Tie a question to a form, or an option to a question, behind those that are there."""
    ends = (link.form_id, link.question_id) if isinstance(link, FormQuestion) else (link.question_id, link.option_id)
    link.id = ".".join(ends)
    link.sort = next(_sorts)
    _saved(link, user)


def _close(record: Case | WorkItem, user: User) -> None:
    record.closed_at, record.closed_by_user, record.closed_by_group = timezone.now(), user.username, user.group
