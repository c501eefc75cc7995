"""The verbs that design what may run later: tasks, workflows and the flows between them. They emit no events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import Model, QuerySet

from caluma_async.errors import InvalidInput, NotFound, Refused
from caluma_async.expressions import parse
from caluma_async.expressions.limits import ExpressionError
from caluma_async.form.models import Form
from caluma_async.verbs import Verb, inputs
from caluma_async.verbs.saving import SaveBySlug, unknown_objects
from caluma_async.workflow.dynamic import dynamic_task_names
from caluma_async.workflow.expressions import validate_flow, validate_groups
from caluma_async.workflow.models import Flow, Task, TaskFlow, Workflow


def group_expression(name: str, value: Any) -> str | None:
    """A group expression; `None` and a text without anything in it are none."""
    return _expression(name, value, validate_groups)


def flow_expression(name: str, value: Any) -> str | None:
    """A flow expression; `None` and a text without anything in it are none. Which tasks exist is not asked here."""
    return _expression(name, value, validate_flow)


def _expression(name: str, value: Any, validate: Callable[[str], object]) -> str | None:
    if value is None or not inputs.text(name, value).strip():
        return None
    validate(value)
    return str(value)


TASK_FIELDS: Final[Mapping[str, inputs.Cleaner]] = {
    "name": inputs.needed_localized,
    "description": inputs.localized,
    "meta": inputs.json_object,
    "address_groups": group_expression,
    "control_groups": group_expression,
    "is_archived": inputs.flag,
    "lead_time": inputs.whole_number,
    "is_multiple_instance": inputs.flag,
    "continue_async": inputs.flag,
}


class SaveTask(SaveBySlug[Task]):
    """Create or change a task. Never run itself: what is declared for it holds for every kind of task."""

    model = Task
    type: ClassVar[str]
    cleaners = TASK_FIELDS

    def check(self) -> None:
        """Refuse another type than the task has, and `continue_async` without multiple instance."""
        if self.record is not None and self.record.type != self.type:
            raise Refused(f"{self.subject} is of the type {self.record.type}; it cannot become {self.type}.")
        super().check()
        if self._will_be("continue_async") and not self._will_be("is_multiple_instance"):
            message = "continueAsync is only possible together with isMultipleInstance."
            raise inputs.refusal("continueAsync", message, of=self.subject)
        if self.record is None:
            self.changes["type"] = self.type

    def _will_be(self, name: str) -> bool:
        return bool(self.changes.get(name, getattr(self.record, name, False)))


class SaveSimpleTask(SaveTask):
    """Create or change a task that is completed by saying so."""

    async_twin = "asave_simple_task"
    type = Task.TYPE_SIMPLE


class SaveCompleteWorkflowFormTask(SaveTask):
    """Create or change a task that is completed once the document of the case is valid."""

    async_twin = "asave_complete_workflow_form_task"
    type = Task.TYPE_COMPLETE_WORKFLOW_FORM


class SaveCompleteTaskFormTask(SaveTask):
    """Create or change a task whose work items have a document of their own, of the task's `form`."""

    async_twin = "asave_complete_task_form_task"
    type = Task.TYPE_COMPLETE_TASK_FORM
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {**TASK_FIELDS, "form": inputs.reference}
    needed = ("name", "form")

    def check(self) -> None:
        """The form must exist."""
        super().check()
        self.existing("form", Form)


SAVE_TASK: Final[Mapping[str, type[SaveTask]]] = {
    verb.type: verb for verb in (SaveSimpleTask, SaveCompleteWorkflowFormTask, SaveCompleteTaskFormTask)
}
"""The verb for each type of task."""


class SaveWorkflow(SaveBySlug[Workflow]):
    """Create or change a workflow; its flows are those of `AddWorkflowFlow`."""

    async_twin = "asave_workflow"
    model = Workflow
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        "name": inputs.needed_localized,
        "description": inputs.localized,
        "meta": inputs.json_object,
        "start_tasks": inputs.some_references,
        "allow_all_forms": inputs.flag,
        "allow_forms": inputs.references,
        "is_archived": inputs.flag,
        "is_published": inputs.flag,
    }
    needed = ("name", "start_tasks")
    many = ("start_tasks", "allow_forms")

    def check(self) -> None:
        """Start tasks and forms must exist."""
        super().check()
        self.existing("start_tasks", Task)
        self.existing("allow_forms", Form)


class AddWorkflowFlow(Verb[Workflow]):
    """Say what comes after the given tasks of a workflow: one flow, which they share.

    `next` is a flow expression, `redoable` (optional) one that names the tasks which may be done again from there; one
    of them must name a task. Replaces the flows that the tasks have; flows that no task uses any more are deleted. A
    flow that only these tasks use keeps its id.
    """

    async_twin = "aadd_workflow_flow"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        "tasks": inputs.some_references,
        "next": flow_expression,
        "redoable": flow_expression,
    }
    workflow: Workflow
    flow: Flow

    def load(self) -> Model | None:
        """Lock the workflow: its flows are changed one verb at a time."""
        self.workflow = _locked_workflow(self, inputs.key_of(self.data.get("workflow")))
        return self.workflow

    def check(self) -> None:
        """The tasks must exist: those that get the flow, and those that the expressions name."""
        given = {key: value for key, value in self.data.items() if key != "workflow"}
        self.changes = inputs.clean(given, self.cleaners, of=self._subject)
        if "tasks" not in self.changes:
            raise inputs.refusal("tasks", "tasks is needed.", of=self._subject)
        named = {key: self._named(key) for key in ("next", "redoable")}
        if not any(named.values()):
            raise inputs.refusal("next", "next or redoable must name at least one task.", of=self._subject)
        self._refuse_unknown(named)

    def write(self) -> Workflow:
        """Point the tasks to one flow; sweep up what nobody uses then."""
        task_flows = list(TaskFlow.objects.filter(workflow=self.workflow))
        self.flow = self._reusable(task_flows) or Flow()
        self.flow.next = self.changes.get("next") or ""
        self.flow.stamp(self.user)
        self.flow.save()
        self._point_to_flow()
        self._sweep(task_flows)
        return self.workflow

    @property
    def _subject(self) -> str:
        return f"Flow of the workflow '{self.workflow.pk}'"

    def _named(self, key: str) -> Sequence[str]:
        expression = self.changes.get(key)
        return validate_flow(expression) if expression else []

    def _refuse_unknown(self, named: Mapping[str, Sequence[str]]) -> None:
        wanted = {slug for slugs in named.values() for slug in slugs} - {*dynamic_task_names()}
        tasks: QuerySet[Task] = self.access.visible(Task.objects.all(), self.user)
        known = {*tasks.filter(pk__in={*wanted, *self.changes["tasks"]}).values_list("pk", flat=True)}
        complaints: dict[str, InvalidInput] = {}
        if missing := [slug for slug in self.changes["tasks"] if slug not in known]:
            complaints["tasks"] = InvalidInput(unknown_objects(Task, missing))
        for key, slugs in named.items():
            if unknown := [slug for slug in slugs if slug in wanted - known]:
                complaints[key] = _unknown_task(self.changes[key], unknown[0])
        if complaints:
            raise inputs.together(complaints, of=self._subject)

    def _reusable(self, task_flows: Sequence[TaskFlow]) -> Flow | None:
        """A flow of the given tasks that no other task uses."""
        given = set(self.changes["tasks"])
        others = {task_flow.flow_id for task_flow in task_flows if task_flow.task_id not in given}
        own = [each.flow_id for each in task_flows if each.task_id in given and each.flow_id not in others]
        return Flow.objects.filter(pk=own[0]).first() if own else None

    def _point_to_flow(self) -> None:
        rows = [
            TaskFlow(workflow=self.workflow, task_id=task, flow=self.flow, redoable=self.changes.get("redoable"))
            for task in self.changes["tasks"]
        ]
        for row in rows:
            row.stamp(self.user)
        TaskFlow.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["workflow", "task"],
            update_fields=["flow", "redoable", *TaskFlow.STAMPS],
        )

    def _sweep(self, former: Sequence[TaskFlow]) -> None:
        given = set(self.changes["tasks"])
        kept = {self.flow.pk} | {each.flow_id for each in former if each.task_id not in given}
        unused = {each.flow_id for each in former} - kept
        if unused:
            Flow.objects.filter(pk__in=unused).delete()


class RemoveFlow(Verb[Flow]):
    """Remove a flow: nothing comes after its tasks any more. Returns it as it was."""

    async_twin = "aremove_flow"
    removes = True
    flow: Flow

    def load(self) -> Model | None:
        """Lock the workflow that it is in, then find it."""
        wanted = inputs.key_of(self.data.get("flow"))
        key = _flow_key(wanted)
        visible = self.access.visible(Flow.objects.all(), self.user).filter(pk=key)
        Workflow.objects.select_for_update(no_key=True).filter(
            pk__in=TaskFlow.objects.filter(flow__in=visible).values("workflow")
        ).first()
        found = visible.first()
        if found is None:
            raise NotFound(f"There is no flow {inputs.shown(wanted)}.", field="flow")
        self.flow = found
        return found

    def write(self) -> Flow:
        """Delete it, and the ties to its tasks with it."""
        Flow.objects.filter(pk=self.flow.pk).delete()
        return self.flow


def _unknown_task(expression: str, slug: str) -> InvalidInput:
    places = parse(expression).texts("task", "tasks")
    position = next(text.position for text in places if text.value == slug)
    return ExpressionError(f"there is no task {slug!r}", position).of(expression)


def _flow_key(wanted: Any) -> UUID:
    try:
        return inputs.uuid("flow", wanted)
    except InvalidInput as error:
        raise NotFound(f"There is no flow {inputs.shown(wanted)}.", field="flow") from error


def _locked_workflow(verb: Verb[Any], wanted: Any) -> Workflow:
    """The workflow under its lock, looked up through what the user may see."""
    visible = verb.access.visible(Workflow.objects.all(), verb.user)
    rows = Workflow.objects.select_for_update(no_key=True)
    if verb.access.restricts(Workflow):
        rows = rows.filter(pk__in=visible.values("pk"))
    found = rows.filter(pk=wanted).first() if inputs.is_slug(wanted) else None
    if found is None:
        raise NotFound(f"There is no workflow {inputs.shown(wanted)}.", field="workflow")
    return found
