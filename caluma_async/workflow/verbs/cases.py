"""The verbs on one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from caluma_async.errors import InvalidInput, Misconfigured, NotFound, Refused
from caluma_async.form.documents import create_documents
from caluma_async.form.models import Form
from caluma_async.keys import uuid7
from caluma_async.verbs import bulk, inputs
from caluma_async.workflow import routing, rows, rules
from caluma_async.workflow.events import family_lane, post_create_case, pre_create_case
from caluma_async.workflow.expressions import Moment
from caluma_async.workflow.models import Case, Workflow, WorkItem
from caluma_async.workflow.transitions import CASE, Transition
from caluma_async.workflow.verbs.changes import Changes, Node, of_case, part_statuses
from caluma_async.workflow.verbs.creating import announced, told, written
from caluma_async.workflow.verbs.family import FamilyVerb


class SaveCase(FamilyVerb[Case]):
    """Start a case of a `workflow`, or change the case that `id` names.

    A new case may have a `form` (of which it gets a document), `meta`, and a `parent_work_item`, whose child case it
    becomes; an `id` that no case has yet becomes its key. Of an existing case, `meta` can be changed and a document be
    added; nothing is started then.
    """

    async_twin = "asave_case"
    references = ("id", "workflow", "form", "parent_work_item")
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {"meta": inputs.json_object}
    case: Case | None
    parent: WorkItem | None

    def load(self) -> Case | None:
        """Lock and look up the case, if there is one; if not, the family of the parent work item."""
        self.case = self._existing()
        self.parent = None
        if self.case is None and self.data.get("parent_work_item") is not None:
            work_items = self.locked_work_items("parent_work_item").select_related("case", "child_case")
            self.parent = self.found("parent_work_item", work_items)
        return self.case

    def check(self) -> None:
        """What the input names must exist, the workflow allow the form, and the parent be ready."""
        super().check()
        if self.case is not None:
            self._refuse_moves(self.case)
        elif self.parent is not None:
            rules.may_become_parent(self.parent)
        self.workflow = self.case.workflow if self.case is not None else self._workflow()
        self.form = self._form()

    def write(self) -> Case:
        """Change the case, or start one."""
        return self._start() if self.case is None else self._change(self.case)

    def _existing(self) -> Case | None:
        if self.data.get("id") is None:
            return None
        key = self.key("id", Case)
        cases = self.visible(Case.objects.all()).filter(pk=key)
        if rows.lock_family_of_cases(cases):
            return self.found("id", cases.select_related("workflow", "document"))
        if self.access.restricts(Case) and Case.objects.filter(pk=key).exists():
            raise self.not_found("id", Case)
        return None

    def _refuse_moves(self, case: Case) -> None:
        workflow = inputs.key_of(self.data.get("workflow"))
        if workflow is not None and workflow != case.workflow_id:
            raise Refused("The workflow of a case cannot be changed.")
        parent = self.data.get("parent_work_item")
        if parent is not None and not WorkItem.objects.filter(
            pk=self.key("parent_work_item", WorkItem), child_case=case
        ):
            raise Refused("The parent work item of a case cannot be changed.")
        form = inputs.key_of(self.data.get("form"))
        if form is not None and case.document is not None and case.document.form_id != form:
            raise Refused("The form of a case that has a document cannot be changed.")

    def _workflow(self) -> Workflow:
        slug = self.slug("workflow", Workflow)
        if self.access.restricts(Workflow):
            return self.found("workflow", self.visible(Workflow.objects.all()).filter(pk=slug))
        for workflow in rows.workflow_by_slug(slug):
            return workflow
        raise self.not_found("workflow", Workflow)

    def _form(self) -> Form | None:
        slug = inputs.key_of(self.data.get("form"))
        if slug is None or (self.case is not None and self.case.document_id is not None):
            return None
        forms = self.visible(Form.objects.all()) if inputs.is_slug(slug) else Form.objects.none()
        listed = Workflow.allow_forms.through._default_manager.filter(workflow=self.workflow.pk, form=OuterRef("pk"))
        form = self.found("form", forms.filter(pk=slug).annotate(listed=Exists(listed)))
        rules.form_is_allowed(self.workflow, form, getattr(form, "listed", False))
        return form

    def _change(self, case: Case) -> Case:
        names = set(self.changes)
        for name, value in self.changes.items():
            setattr(case, name, value)
        if self.form is not None:
            [case.document] = create_documents(self, [self.form.pk], lane=family_lane(case.family_id))
            names.add("document")
        case.stamp(self.user)
        bulk.update([case], names)
        return case

    def _start(self) -> Case:
        """Announce the case and its work items, write the rows, tell that they are there."""
        data = {
            "workflow": self.workflow,
            "form": self.form,
            "parent_work_item": self.parent,
            "meta": {},
            **self.changes,
        }
        self.emit(pre_create_case, case=None, validated_data=data)
        parent = data.pop("parent_work_item", None)
        form = data.pop("form", None)
        case = self._new(data, parent)
        moment = Moment(case=case, user=self.user, context=self.context)
        plan = routing.start(rows.start_tasks(case.workflow_id), moment, timezone.now())
        work_items = announced(self, plan.create)
        if form is not None and case.document_id is None:
            [case.document] = create_documents(self, [form.pk], lane=family_lane(case.family_id))
        self._insert(case)
        written(self, work_items)
        if parent is not None:
            parent.child_case = case
            parent.stamp(self.user)
            bulk.update([parent], ["child_case"])
        self.emit(post_create_case, case=case)
        told(self, work_items)
        return case

    def _new(self, data: Mapping[str, Any], parent: WorkItem | None) -> Case:
        key = uuid7() if self.data.get("id") is None else self.key("id", Case)
        try:
            case = Case(**{"id": key, **data})
        except (TypeError, ValueError) as error:
            raise Misconfigured(f"A receiver of pre_create_case put wrong data into validated_data: {error}") from error
        if case.workflow_id is None:
            raise Misconfigured("A receiver of pre_create_case left no workflow in validated_data.")
        case.family_id = case.pk if parent is None else parent.case.family_id
        case.stamp(self.user)
        return case

    def _insert(self, case: Case) -> None:
        try:
            case.save(force_insert=True)
        except IntegrityError as error:
            message = f"Case {case.pk} cannot be created: it exists already, or its document belongs to another case."
            raise Refused(message) from error


class StartCase(SaveCase):
    """Start a case: `SaveCase` under the name that Python code asks for it by."""

    async_twin = "astart_case"


class _CaseVerb(FamilyVerb[Case]):
    """A verb that takes a case, named by `id`, through a transition."""

    action: ClassVar[str]
    case: Case
    work_items: Sequence[WorkItem]

    @property
    def transition(self) -> Transition:
        """From where to where it goes."""
        return CASE[self.action]

    def load(self) -> Case:
        """Lock the family, then look the case up, with the work items that go along."""
        found = rows.cases_with_parts(self.locked_cases("id"), part_statuses(self.transition))
        if not found:
            raise self.not_found("id", Case)
        [(self.case, self.work_items)] = found
        return self.case

    def check(self) -> None:
        """The case must be in a status that the transition starts from."""
        super().check()
        rules.case_allows(self.case, self.transition)

    def write(self) -> Case:
        """Carry the transition out, on the work items and their child cases too."""
        Changes(self, of_case(self.case, self.work_items, self.action), self.check).carry_out()
        return self.case


class CancelCase(_CaseVerb):
    """Cancel a running or suspended case (`id`), its ready and suspended work items, and their child cases."""

    async_twin = "acancel_case"
    action = "cancel"


class SuspendCase(_CaseVerb):
    """Suspend a running case (`id`), its ready work items, and their running child cases."""

    async_twin = "asuspend_case"
    action = "suspend"


class ResumeCase(_CaseVerb):
    """Resume a suspended case (`id`), its suspended work items, and their suspended child cases."""

    async_twin = "aresume_case"
    action = "resume"


class ReopenCase(FamilyVerb[Case]):
    """Let a completed or canceled case (`id`) run again, from the given `work_items` on, which become ready.

    Refused unless each of them belongs to the case and ends a branch; for a child case, unless its parent work item is
    ready.
    """

    async_twin = "areopen_case"
    references = ("id", "work_items")
    case: Case
    work_items: Sequence[WorkItem]

    def load(self) -> Case:
        """Lock the family, then look up the case and the work items."""
        self.case = self.found("id", self.locked_cases("id").select_related("parent_work_item"))
        return self.case

    def check(self) -> None:
        """The case must have ended, and the work items end its branches."""
        super().check()
        self.work_items = self._work_items()
        parent: WorkItem | None = getattr(self.case, "parent_work_item", None)
        rules.may_be_reopened(self.case, parent, CASE["reopen"])
        rules.end_branches(self.case, self.work_items)

    def write(self) -> Case:
        """Let the case run, with the work items ready."""
        node = Node(
            row=self.case, transition=CASE["reopen"], along=list(self.work_items), more={"work_items": self.work_items}
        )
        Changes(self, node, self.check).carry_out()
        return self.case

    def _work_items(self) -> list[WorkItem]:
        given = self.data.get("work_items")
        if not isinstance(given, list | tuple) or not given:
            raise InvalidInput("workItems must name at least one work item.", field="workItems")
        keys = list(dict.fromkeys(self._key(each) for each in given))
        queryset = rows.with_ends(self.visible(WorkItem.objects.all()).filter(pk__in=keys))
        found = {work_item.pk: work_item for work_item in queryset}
        for key in keys:
            if key not in found:
                raise NotFound(f"There is no work item {inputs.shown(key)}.", field="workItems")
        for work_item in found.values():
            if work_item.case_id == self.case.pk:
                work_item.case = self.case
        return [found[key] for key in keys]

    def _key(self, given: Any) -> UUID:
        try:
            return inputs.uuid("workItems", given)
        except InvalidInput as error:
            wanted = inputs.shown(inputs.key_of(given))
            raise NotFound(f"There is no work item {wanted}.", field="workItems") from error
