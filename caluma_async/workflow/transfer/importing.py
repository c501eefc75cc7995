"""From descriptions to the tables, through the verbs. What is there already as described is not touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from django.db import transaction

from caluma_async.errors import CalumaError, InvalidInput
from caluma_async.form.default_api import remove_default_answer, save_default_answer
from caluma_async.form.document_api import save_answer, save_document
from caluma_async.form.models import Question
from caluma_async.form.structure import formula
from caluma_async.form.verbs.form_questions import AddFormQuestion, RemoveFormQuestion, ReorderFormQuestions
from caluma_async.form.verbs.forms import SaveForm
from caluma_async.form.verbs.options import SaveOption
from caluma_async.form.verbs.questions import SAVE_QUESTION
from caluma_async.identity import User
from caluma_async.records import LocalizedText
from caluma_async.verbs import Verb, inputs, run
from caluma_async.workflow.models import TaskFlow
from caluma_async.workflow.transfer.exporting import described
from caluma_async.workflow.transfer.files import KINDS, Broken, Content, place
from caluma_async.workflow.verbs.design import SAVE_TASK, AddWorkflowFlow, RemoveFlow, SaveWorkflow

Step = Callable[[dict[str, Any], dict[str, Any] | None], None]
"""Makes an object as described; the second is how it is described now, if it is there."""


class Importing:
    """One import of a file, in the name of a user.

    `changed` counts the objects that were not there as described, `total` all that are described. `progress` is told
    how many of how many are done.
    """

    def __init__(self, content: Content, user: User, progress: Callable[[int, int], None] | None = None) -> None:
        self._content = content
        self._user = user
        self._progress = progress
        self.changed = 0
        self.total = sum(map(len, content.values()))

    def run(self) -> int:
        """Import all of it, or nothing: raises `Broken`, with the place, and what the verbs raise. How many changed."""
        with transaction.atomic():
            wanted = {kind: [each["slug"] for each in self._content[kind]] for kind in KINDS}
            now = described(wanted)
            self._now = {kind: {each["slug"]: each for each in now[kind]} for kind in KINDS}
            self._take_all()
        return self.changed

    def _take_all(self) -> None:
        done = 0
        steps: tuple[tuple[str, Step], ...] = (
            ("options", self._option),
            ("forms", self._form),
            ("questions", self._question),
            ("tasks", self._task),
            ("workflows", self._workflow),
        )
        for kind, step in steps:
            for number, given in self._in_order(kind):
                now = self._now[kind].get(given["slug"])
                if given != now:
                    self._at(kind, number, given, partial(step, given, now))
                    self.changed += 1
                done += 1
                if self._progress is not None:
                    self._progress(done, self.total)
        self._take_what_needs_all("forms", self._questions_of)
        self._take_what_needs_all("questions", self._default_rows)

    def _take_what_needs_all(self, kind: str, step: Step) -> None:
        """What can only be made when all objects are there: forms get their questions, tables their rows."""
        for number, given in enumerate(self._content[kind]):
            now = self._now[kind].get(given["slug"])
            self._at(kind, number, given, partial(step, given, now))

    def _in_order(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects of a kind, calculated questions after those that they name."""
        objects = list(enumerate(self._content[kind]))
        if kind != "questions":
            yield from objects
            return
        waiting = {each["slug"]: (number, each) for number, each in objects if _names(each)}
        yield from ((number, each) for number, each in objects if each["slug"] not in waiting)
        while waiting:
            ready = [slug for slug, (_, each) in waiting.items() if not _names(each) & waiting.keys() - {slug}]
            for slug in ready or list(waiting):  # questions that need each other are refused by the verb
                yield waiting.pop(slug)

    def _at(self, kind: str, number: int, given: Mapping[str, Any], act: Callable[[], None]) -> None:
        try:
            act()
        except CalumaError as error:
            raise Broken.at(place(kind, number, given["slug"]), error) from error

    def _option(self, given: dict[str, Any], now: dict[str, Any] | None) -> None:
        self._run(SaveOption, given, now)

    def _form(self, given: dict[str, Any], now: dict[str, Any] | None) -> None:
        own = {name: value for name, value in given.items() if name != "questions"}
        if now is None or own != {name: value for name, value in now.items() if name != "questions"}:
            self._run(SaveForm, own, now)

    def _question(self, given: dict[str, Any], now: dict[str, Any] | None) -> None:
        own = {name: value for name, value in given.items() if name not in {"type", "default_answer"}}
        save = SAVE_QUESTION.get(str(given.get("type")))
        if save is None:
            raise InvalidInput(f"There is no type of questions {inputs.shown(given.get('type'))}.")
        self._run(save, own, now)
        self._default(given, now)

    def _default(self, given: dict[str, Any], now: dict[str, Any] | None) -> None:
        wanted = given.get("default_answer")
        if wanted is None:
            remove_default_answer(given["slug"], self._user)
            return
        if not isinstance(wanted, dict) or wanted.keys() - {"value", "rows", "meta"}:
            raise InvalidInput("default_answer must be an object with value or rows, and meta.")
        if "rows" not in wanted and wanted != (now or {}).get("default_answer"):
            save_default_answer(given["slug"], self._user, value=wanted.get("value"), meta=wanted.get("meta"))

    def _default_rows(self, given: dict[str, Any], now: dict[str, Any] | None) -> None:
        wanted = given.get("default_answer")
        if wanted is not None and "rows" in wanted and wanted != (now or {}).get("default_answer"):
            rows = self._rows(given["slug"], wanted["rows"])
            save_default_answer(given["slug"], self._user, value=rows, meta=wanted.get("meta"))

    def _rows(self, question: str, rows: Any) -> list[Any]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InvalidInput("The rows of default_answer must be a list of objects.")
        form = Question.objects.get(pk=question).row_form_id
        if form is None:
            raise InvalidInput("Only tables have rows.")
        documents = []
        for row in rows:
            document = save_document(form, self._user)
            for slug, value in row.items():
                save_answer(slug, document, self._user, value=value)
            documents.append(document.pk)
        return documents

    def _questions_of(self, given: dict[str, Any], described_now: dict[str, Any] | None) -> None:
        wanted = inputs.references("questions", given.get("questions"))
        form, now = given["slug"], (described_now or {}).get("questions", [])
        if wanted == now:
            return
        for slug in now:
            if slug not in wanted:
                run(RemoveFormQuestion(self._user, form=form, question=slug))
        for slug in wanted:
            if slug not in now:
                run(AddFormQuestion(self._user, form=form, question=slug))
        run(ReorderFormQuestions(self._user, form=form, questions=wanted))

    def _task(self, given: dict[str, Any], now: dict[str, Any] | None) -> None:
        save = SAVE_TASK.get(str(given.get("type")))
        if save is None:
            raise InvalidInput(f"There is no type of tasks {inputs.shown(given.get('type'))}.")
        self._run(save, {name: value for name, value in given.items() if name != "type"}, now)

    def _workflow(self, given: dict[str, Any], now: dict[str, Any] | None) -> None:
        self._run(SaveWorkflow, {name: value for name, value in given.items() if name != "flows"}, now)
        flows = given.get("flows") or []
        if not isinstance(flows, list) or not all(isinstance(flow, dict) for flow in flows):
            raise InvalidInput("flows must be a list of objects.")
        for number, flow in enumerate(flows):
            try:
                run(AddWorkflowFlow(self._user, **{**flow, "workflow": given["slug"]}))
            except InvalidInput as error:
                raise InvalidInput(f"flows[{number}]: {error.message}") from error
        kept = {task for flow in flows for task in flow["tasks"]}
        others = TaskFlow.objects.filter(workflow=given["slug"]).exclude(task__in=kept)
        for key in set(others.values_list("flow_id", flat=True)):
            run(RemoveFlow(self._user, flow=key))

    def _run(self, verb: type[Verb[Any]], given: dict[str, Any], now: dict[str, Any] | None) -> None:
        """Run the verb; texts in languages that the file does not have are taken away."""
        data = {name: _exactly(value, (now or {}).get(name), name) for name, value in given.items()}
        run(verb(self._user, **data))


LOCALIZED = frozenset({"name", "label", "description", "info_text", "hint_text", "placeholder", "static_content"})


def _exactly(value: Any, now: Any, name: str) -> Any:
    if name not in LOCALIZED or not isinstance(value, dict):
        return value
    return LocalizedText({**dict.fromkeys(now or {}), **value})


def _names(question: Mapping[str, Any]) -> set[str]:
    """The questions that a calculated one names."""
    expression = question.get("calc_expression")
    return set(formula(expression).names) if isinstance(expression, str) else set()
