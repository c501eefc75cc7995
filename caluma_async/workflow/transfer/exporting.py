"""From the tables to descriptions: a workflow or a form with all that it needs. A few statements per kind of object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import Model

from caluma_async.form.models import (
    Answer,
    AnswerDocument,
    Form,
    FormQuestion,
    Option,
    Question,
    QuestionOption,
)
from caluma_async.form.verbs.forms import SaveForm
from caluma_async.form.verbs.options import SaveOption
from caluma_async.form.verbs.questions import SAVE_QUESTION
from caluma_async.records import LocalizedText
from caluma_async.verbs.saving import SaveBySlug
from caluma_async.workflow.expressions import tasks_of
from caluma_async.workflow.models import Task, TaskFlow, Workflow
from caluma_async.workflow.transfer.files import Content
from caluma_async.workflow.verbs.design import SAVE_TASK, SaveWorkflow

MANY = frozenset({"options", "start_tasks", "allow_forms"})
"""Fields that name several objects; they are read apart."""


def exported(workflows: Collection[str] | None = None, forms: Collection[str] = ()) -> Content:
    """Descriptions of these workflows and forms (slugs), with all that they need; of all there are for `None`.

    What there is not is left out.
    """
    if workflows is None:
        needed = {kind: set(_slugs(model)) for kind, model in _MODELS.items()}
    else:
        needed = _needed(workflows, forms)
    return described(needed)


def described(wanted: Mapping[str, Collection[str]]) -> Content:
    """Descriptions of the objects of these slugs, by kind, as far as they exist: by slug, and with all their fields."""
    return {
        "options": [_fields(each, SaveOption) for each in _found(Option, wanted["options"])],
        "questions": _questions(wanted["questions"]),
        "forms": _forms(wanted["forms"]),
        "tasks": [_task(each) for each in _found(Task, wanted["tasks"])],
        "workflows": _workflows(wanted["workflows"]),
    }


_MODELS: Mapping[str, type[Model]] = {
    "options": Option,
    "questions": Question,
    "forms": Form,
    "tasks": Task,
    "workflows": Workflow,
}


def _slugs(model: type[Model]) -> Iterable[str]:
    return model._default_manager.values_list("pk", flat=True)


def _found(model: type[Model], slugs: Collection[str]) -> Iterable[Any]:
    return model._default_manager.filter(pk__in=slugs).order_by("pk")


def _fields(record: Any, verb: type[SaveBySlug[Any]]) -> dict[str, Any]:
    """The columns that the verb can be given."""
    values: dict[str, Any] = {"slug": record.pk}
    for name in verb.cleaners:
        if name not in MANY:
            value = getattr(record, name)
            values[name] = value.pk if isinstance(value, Model) else _plain(value)
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, LocalizedText):
        return {code: text for code, text in sorted(value.items()) if text is not None}
    return value


def _questions(slugs: Collection[str]) -> list[dict[str, Any]]:
    options = _in_order(QuestionOption, "question_id", "option_id", slugs)
    defaults = _defaults(slugs)
    return [
        {
            "type": each.type,
            **_fields(each, SAVE_QUESTION[each.type]),
            **({"options": options[each.pk]} if "options" in SAVE_QUESTION[each.type].cleaners else {}),
            "default_answer": defaults.get(each.pk),
        }
        for each in _found(Question, slugs)
    ]


def _defaults(questions: Collection[str]) -> Mapping[str, dict[str, Any]]:
    """Default answers by question: a value, or the cells of rows."""
    answers = list(Answer.objects.filter(document=None, question__in=questions, question__default_answer__isnull=False))
    links = AnswerDocument.objects.filter(answer__in=[each.pk for each in answers]).order_by("-sort", "pk")
    rows: dict[Any, dict[Any, dict[str, Any]]] = defaultdict(dict)
    for link in links:
        rows[link.answer_id][link.document_id] = {}
    cells = Answer.objects.filter(document__in=[key for each in rows.values() for key in each]).order_by("question")
    for cell in cells:
        for of_answer in rows.values():
            if cell.document_id in of_answer:
                of_answer[cell.document_id][cell.question_id] = _value(cell)
    return {
        each.question_id: (
            {"rows": list(rows[each.pk].values()), "meta": each.meta}
            if each.pk in rows
            else {"value": _value(each), "meta": each.meta}
        )
        for each in answers
    }


def _value(answer: Answer) -> Any:
    return answer.value if answer.date is None else answer.date.isoformat()


def _forms(slugs: Collection[str]) -> list[dict[str, Any]]:
    questions = _in_order(FormQuestion, "form_id", "question_id", slugs)
    return [{**_fields(each, SaveForm), "questions": questions[each.pk]} for each in _found(Form, slugs)]


def _in_order(model: Any, owner: str, member: str, owners: Collection[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    rows = model.objects.filter(**{f"{owner}__in": owners}).order_by("-sort", "pk")
    for key, slug in rows.values_list(owner, member):
        found[key].append(slug)
    return found


def _task(task: Task) -> dict[str, Any]:
    return {"type": task.type, **_fields(task, SAVE_TASK[task.type])}


def _workflows(slugs: Collection[str]) -> list[dict[str, Any]]:
    flows = _flows(slugs)
    return [
        {
            **_fields(each, SaveWorkflow),
            "start_tasks": sorted(task.pk for task in each.start_tasks.all()),
            "allow_forms": sorted(form.pk for form in each.allow_forms.all()),
            "flows": flows[each.pk],
        }
        for each in Workflow.objects.filter(pk__in=slugs).order_by("pk").prefetch_related("start_tasks", "allow_forms")
    ]


def _flows(workflows: Collection[str]) -> Mapping[str, list[dict[str, Any]]]:
    """The flows of workflows: the tasks that share one, by their first task."""
    shared: dict[tuple[str, Any], dict[str, Any]] = {}
    rows = TaskFlow.objects.filter(workflow__in=workflows).select_related("flow").order_by("workflow", "task")
    for row in rows:
        flow: dict[str, Any] = {"tasks": [], "next": row.flow.next or None, "redoable": row.redoable or None}
        shared.setdefault((row.workflow_id, row.flow_id), flow)["tasks"].append(row.task_id)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (workflow, _), flow in shared.items():
        found[workflow].append(flow)
    return found


def _needed(workflows: Collection[str], forms: Collection[str]) -> dict[str, set[str]]:
    """The slugs of all that these need, themselves included, by kind."""
    rows = list(TaskFlow.objects.filter(workflow__in=workflows).select_related("flow"))
    tasks = {slug for row in rows for slug in (row.task_id, *tasks_of(row.flow.next), *tasks_of(row.redoable or ""))}
    tasks |= set(Workflow.objects.filter(pk__in=workflows).values_list("start_tasks", flat=True)) - {None}
    of_tasks = set(Task.objects.filter(pk__in=tasks).values_list("form_id", flat=True))
    allowed = set(Workflow.objects.filter(pk__in=workflows).values_list("allow_forms", flat=True))
    needed_forms, questions = _with_inner({*forms, *of_tasks, *allowed} - {None})
    options = set(QuestionOption.objects.filter(question__in=questions).values_list("option_id", flat=True))
    return {
        "options": options,
        "questions": questions,
        "forms": needed_forms,
        "tasks": tasks,
        "workflows": set(workflows),
    }


def _with_inner(forms: Iterable[Any]) -> tuple[set[str], set[str]]:
    """The forms with their sub forms and row forms, and the questions of all: one statement per level."""
    known: set[str] = set()
    questions: set[str] = set()
    level = set(forms)
    while level:
        known |= level
        rows = FormQuestion.objects.filter(form__in=level)
        found = list(rows.values_list("question_id", "question__row_form_id", "question__sub_form_id"))
        questions |= {slug for slug, *_ in found}
        level = {inner for _, *both in found for inner in both if inner is not None} - known
    return known, questions
