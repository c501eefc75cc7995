"""The verbs on one work item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils import timezone

from caluma_async.errors import InvalidInput
from caluma_async.form.validation import check_locked
from caluma_async.records import LocalizedText
from caluma_async.verbs import bulk, inputs
from caluma_async.workflow import routing, rows, rules
from caluma_async.workflow.expressions import Moment, groups_of
from caluma_async.workflow.models import Case, Task, WorkItem
from caluma_async.workflow.transitions import WORK_ITEM, Transition
from caluma_async.workflow.verbs.changes import Changes, Node, of_work_item
from caluma_async.workflow.verbs.continuing import continue_flow
from caluma_async.workflow.verbs.creating import create
from caluma_async.workflow.verbs.family import WORK_ITEM_FIELDS, FamilyVerb, texts


class _WorkItemVerb(FamilyVerb[WorkItem]):
    """A verb that takes a work item, named by `id`, through a transition."""

    action: ClassVar[str]
    goes_on: ClassVar[bool] = False
    """Whether the flow goes on afterwards."""
    work_item: WorkItem

    @property
    def transition(self) -> Transition:
        """From where to where it goes."""
        return WORK_ITEM[self.action]

    def load(self) -> WorkItem:
        """Lock the family, then look the work item up, with its task and case."""
        self.work_item = self.work_item_by_key("id", route=self.goes_on)
        return self.work_item

    def check(self) -> None:
        """The work item must be in a status that the transition starts from."""
        super().check()
        rules.work_item_allows(self.work_item, self.transition)

    def write(self) -> WorkItem:
        """Carry the transition out, on a child case too."""
        Changes(self, of_work_item(self.work_item, self.action), self.check).carry_out()
        return self.work_item


class _EndingVerb(_WorkItemVerb):
    """A verb after which the flow goes on."""

    goes_on = True

    def check(self) -> None:
        """The work item must be ready, and its case running."""
        super().check()
        rules.case_runs(self.work_item.case, self.transition)

    def write(self) -> WorkItem:
        """End the work item; then continue the flow."""
        changes = Changes(self, of_work_item(self.work_item, self.action), self.check)
        changes.carry_out()
        continue_flow(self, self.work_item, rows.Route.of(self.work_item), changes.written)
        return self.work_item


class CompleteWorkItem(_EndingVerb):
    """Complete a ready work item (`id`) of a running case, and continue the flow.

    Refused while its child case is running; `InvalidInput` while the document that its task is about is not valid.
    """

    async_twin = "acomplete_work_item"
    action = "complete"

    def check(self) -> None:
        """A child case must have ended, and the document be valid."""
        super().check()
        rules.child_case_has_ended(self.work_item.child_case)
        document = self._document()
        if document is not None:
            check_locked(document, self.user, self.context)

    def _document(self) -> Any:
        match self.work_item.task.type:
            case Task.TYPE_COMPLETE_WORKFLOW_FORM:
                return self.work_item.case.document
            case Task.TYPE_COMPLETE_TASK_FORM:
                return self.work_item.document
        return None


class SkipWorkItem(_EndingVerb):
    """Skip a ready work item (`id`) of a running case, and continue the flow; an open child case is canceled."""

    async_twin = "askip_work_item"
    action = "skip"


class CancelWorkItem(_WorkItemVerb):
    """Cancel a ready or suspended work item (`id`), and its child case if that is running or suspended."""

    async_twin = "acancel_work_item"
    action = "cancel"


class SuspendWorkItem(_WorkItemVerb):
    """Suspend a ready work item (`id`), and its child case if that is running."""

    async_twin = "asuspend_work_item"
    action = "suspend"


class ResumeWorkItem(_WorkItemVerb):
    """Resume a suspended work item (`id`), and its child case if that is suspended."""

    async_twin = "aresume_work_item"
    action = "resume"


class RedoWorkItem(_WorkItemVerb):
    """Make a work item (`id`) ready again that has ended; all its successors get the status redo.

    Refused unless the flow after a ready successor names its task as redoable.
    """

    async_twin = "aredo_work_item"
    action = "redo"
    tree: rules.Tree

    def check(self) -> None:
        """A ready successor must allow it."""
        FamilyVerb.check(self)
        self.tree = rules.Tree.of([self.work_item.case_id])
        rules.may_be_redone(self.work_item, self.tree, self.user, self.context)

    def write(self) -> WorkItem:
        """Make it ready again, and its successors redo."""
        successors = self.tree.successors(self.work_item)
        node = Node(row=self.work_item, transition=self.transition, along=successors)
        Changes(self, node, self.check).carry_out()
        return self.work_item


class _Creating(FamilyVerb[WorkItem]):
    """One more work item of a multiple instance task, in a case where one is ready."""

    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        **WORK_ITEM_FIELDS,
        "addressed_groups": texts,
        "controlling_groups": texts,
    }
    case: Case
    task: Task
    sibling: WorkItem | None

    def load_case(self) -> None:
        """Lock the family, then look up the case, with a ready sibling and the task in the same statement."""
        task = inputs.key_of(self.data.get("multiple_instance_task"))
        if task is None:
            raise InvalidInput("multipleInstanceTask is needed.", field="multipleInstanceTask")
        cases = self.locked_cases("case")
        if not inputs.is_slug(task):
            raise self.not_found("multiple_instance_task", Task)
        self.sibling = rows.ready_sibling(cases, task)
        self.case = self.found("case", cases) if self.sibling is None else self.sibling.case
        if self.sibling is None or self.access.restricts(Task):
            self.task = self.found("multiple_instance_task", self.visible(Task.objects.all()).filter(pk=task))
        else:
            self.task = self.sibling.task

    def create(self) -> WorkItem:
        """Make it: what the input does not say is as the task says."""
        moment = Moment(
            case=self.case,
            user=self.user,
            prev_work_item=self.sibling.previous_work_item if self.sibling else None,
            context=self.context,
        )
        fields = routing.new_work_item(
            self.task, self._groups("addressed", moment), self._groups("controlling", moment), moment, timezone.now()
        )
        fields.update((name, value) for name, value in self.changes.items() if name in WORK_ITEM_FIELDS)
        for name in ("name", "description"):
            if not fields[name].translate():
                fields[name] = LocalizedText(getattr(self.task, name))
        [work_item] = create(self, [fields])
        return work_item

    def _groups(self, kind: str, moment: Moment) -> list[str]:
        name = f"{kind}_groups"
        if self.data.get(name) is not None:
            return list(self.changes[name])
        expression = self.task.address_groups if kind == "addressed" else self.task.control_groups
        return groups_of(expression, self.task, moment)


class CreateWorkItem(_Creating):
    """Create one more ready work item of a task (`multiple_instance_task`) in a `case`.

    Also takes `name`, `description`, `assigned_users`, `addressed_groups`, `controlling_groups`, `deadline`, `meta`.
    Refused unless the task is multiple instance and the case has a ready work item of it.
    """

    async_twin = "acreate_work_item"
    references = ("case", "multiple_instance_task")

    def load(self) -> None:
        """Look up the case and the task."""
        self.load_case()

    def check(self) -> None:
        """The task must be multiple instance, and one of it ready."""
        super().check()
        rules.may_get_another(self.task, self.sibling)

    def write(self) -> WorkItem:
        """Create it."""
        return self.create()


class SaveWorkItem(_Creating):
    """Change the `name`, `description`, `assigned_users`, `deadline` and `meta` of a work item (`work_item`).

    Without a work item, but with `case` and `multiple_instance_task`, one is created as by `CreateWorkItem`.
    """

    async_twin = "asave_work_item"
    references = ("work_item", "case", "multiple_instance_task")
    work_item: WorkItem | None = None

    @property
    def creates(self) -> bool:
        """Whether there is no work item yet."""
        return self.data.get("work_item") is None and self.data.get("case") is not None

    def load(self) -> WorkItem | None:
        """Look up the work item, or the case and the task."""
        if self.creates:
            self.load_case()
            return None
        self.work_item = self.work_item_by_key("work_item")
        return self.work_item

    def check(self) -> None:
        """The input must fit; to create, the task must be multiple instance and one of it ready."""
        super().check()
        if self.work_item is None:
            rules.may_get_another(self.task, self.sibling)
        elif "name" in self.changes and not self.changes["name"].translate():
            raise inputs.refusal("name", "name must not be empty.", of=type(self).__name__)

    def write(self) -> WorkItem:
        """Save what was given, or create."""
        if self.work_item is None:
            return self.create()
        fields = {name: value for name, value in self.changes.items() if name in WORK_ITEM_FIELDS}
        for name, value in fields.items():
            kept = getattr(self.work_item, name) if isinstance(value, LocalizedText) else None
            setattr(self.work_item, name, value if kept is None else LocalizedText({**kept, **value}))
        self.work_item.stamp(self.user)
        bulk.update([self.work_item], fields)
        return self.work_item
