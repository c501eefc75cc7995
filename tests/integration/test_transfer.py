"""Workflows and forms as a file: what is in it, that it comes out the same, and what a broken one does."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from caluma_async.form.api import save_answer, save_default_answer, save_document
from caluma_async.form.models import Answer, Document, Form, FormQuestion, Option, Question, QuestionOption
from caluma_async.form.question_api import save_calculated_float_question
from caluma_async.identity import User
from caluma_async.testing.factories import make_document, make_flow, make_form, make_question, make_task, make_workflow
from caluma_async.testing.plugin import Emitted
from caluma_async.workflow.models import Flow, Task, TaskFlow, Workflow
from tests.integration.forms_stage import plan_with_every_question, with_streets

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])


@pytest.fixture(autouse=True)
def data_sources() -> Any:
    with with_streets():
        yield


@pytest.fixture
def designed() -> str:
    """A site with a workflow and forms with everything; what is exported of it."""
    plan_with_every_question()
    for number in (2, 1):
        make_question(f"cell-{number}", form="row")
    save_calculated_float_question("z-sum", ANNA, label="Sum", calc_expression="3")
    save_calculated_float_question("a-sum", ANNA, label="Sum", calc_expression="'z-sum'|answer + 1")
    save_default_answer("a-text", ANNA, value="Ann", meta={"a": 1})
    save_default_answer("a-date", ANNA, value="2030-01-31")
    row = save_document("row", ANNA)
    save_answer("cell-1", row, ANNA, value="x")
    save_default_answer("a-table", ANNA, value=[row.pk])
    Form.objects.filter(pk="plan").update(name={"en": "Plan", "de": "Planung"}, is_published=True)
    make_task("fill", type="complete_task_form", form="plan", name="Fill")
    make_task("check", address_groups="['a']|groups", lead_time=60)
    workflow = make_workflow("way", start=["fill"], allow_forms=["plan"], meta={"b": [1, None]})
    make_flow(workflow, ["fill", "check"], "'done'|task", redoable={"fill": "'check'|task", "check": "'check'|task"})
    make_task("done")
    make_form("elsewhere")
    return exported()


def exported(*arguments: str) -> str:
    printed = StringIO()
    call_command("export_workflow", *arguments, stdout=printed)
    return printed.getvalue()


def imported(path: Path, text: str, *arguments: str) -> str:
    path.write_text(text, encoding="utf-8")
    printed = StringIO()
    call_command("import_workflow", str(path), *arguments, stdout=printed, stderr=StringIO())
    return printed.getvalue().strip().removeprefix(f"{path}: ")


def forget_everything() -> None:
    Question.objects.update(default_answer=None)
    for model in (
        Answer,
        Document,
        TaskFlow,
        Flow,
        Workflow,
        Task,
        FormQuestion,
        QuestionOption,
        Question,
        Option,
        Form,
    ):
        model._default_manager.all().delete()


def test_what_is_exported_comes_back_the_same(designed: str, tmp_path: Path) -> None:
    total = sum(len(objects) for kind, objects in json.loads(designed).items() if kind != "format")
    forget_everything()
    assert imported(tmp_path / "file", designed, "--user", "ben", "--group", "office") == (
        f"{total} of {total} objects changed."
    )
    assert exported() == designed
    question = Question.objects.get(pk="a-text")
    assert (question.created_by_user, question.created_by_group) == ("ben", "office")
    assert imported(tmp_path / "file", designed) == f"0 of {total} objects changed."


def test_a_second_import_changes_and_tells_nothing(designed: str, tmp_path: Path, emitted: Emitted) -> None:
    before = dict(Question.objects.values_list("pk", "modified_at"))
    emitted.clear()
    imported(tmp_path / "file", designed)
    assert emitted.names == []
    assert dict(Question.objects.values_list("pk", "modified_at")) == before


def test_the_text_is_the_same_for_the_same_objects(designed: str) -> None:
    assert exported() == designed
    content = json.loads(designed)
    assert list(content) == ["format", "options", "questions", "forms", "tasks", "workflows"]
    [way] = content["workflows"]
    assert way["flows"] == [{"tasks": ["check", "fill"], "next": "'done'|task", "redoable": "'check'|task"}]
    by_slug = {each["slug"]: each for each in content["questions"]}
    assert by_slug["a-text"]["default_answer"] == {"value": "Ann", "meta": {"a": 1}}
    assert by_slug["a-date"]["default_answer"] == {"value": "2030-01-31", "meta": {}}
    assert by_slug["a-table"]["default_answer"] == {"rows": [{"cell-1": "x"}], "meta": {}}
    assert by_slug["a-integer"]["max_value"] == 9


def test_a_workflow_brings_what_it_needs_and_nothing_else(designed: str) -> None:
    content = json.loads(exported("way"))
    assert [each["slug"] for each in content["forms"]] == ["part", "plan", "row"]
    assert [each["slug"] for each in content["tasks"]] == ["check", "done", "fill"]
    assert "z-sum" not in [each["slug"] for each in content["questions"]]
    alone = json.loads(exported("--form", "elsewhere"))
    assert [each["slug"] for each in alone["forms"]] == ["elsewhere"]
    assert (alone["workflows"], alone["questions"]) == ([], [])


def test_an_export_can_go_into_a_file(designed: str, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    said = exported("--output", str(path))
    assert path.read_text(encoding="utf-8") == designed
    assert "1 workflows" in said


@pytest.mark.parametrize("arguments", [["odd"], ["--form", "odd"]])
def test_what_there_is_not_cannot_be_exported(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"There is no (workflow|form) 'odd'\."):
        exported(*arguments)


def test_an_import_makes_what_is_there_as_the_file_says(designed: str, tmp_path: Path) -> None:
    content = json.loads(designed)
    make_question("new", form="plan")
    Form.objects.filter(pk="plan").update(name={"en": "Other", "fr": "Plan"})
    save_default_answer("a-float", ANNA, value=1)
    QuestionOption.objects.filter(option="no").delete()
    make_task("late")
    make_flow("way", ["late"], "'fill'|task")
    make_document("plan")
    imported(tmp_path / "file", json.dumps(content))
    for kind, objects in json.loads(exported("way")).items():
        if kind != "format":
            assert [each for each in objects if each not in content[kind]] == []
    assert Question.objects.filter(pk="new").exists()


def test_a_dry_run_checks_and_changes_nothing(designed: str, tmp_path: Path) -> None:
    forget_everything()
    assert imported(tmp_path / "file", designed, "--dry-run").endswith("objects would be changed.")
    assert not Form.objects.exists()


def changed(designed: str, kind: str, slug: str, **fields: Any) -> str:
    content = json.loads(designed)
    for each in content[kind]:
        if each["slug"] == slug:
            each.update(fields)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("kind", "slug", "fields", "message"),
    [
        ("questions", "a-integer", {"min_value": 10}, "questions[9] 'a-integer': Question 'a-integer': minValue (10)"),
        ("questions", "a-text", {"type": "odd"}, "There is no type of questions 'odd'"),
        ("questions", "a-text", {"is_hidden": "'a'|"}, "questions[14] 'a-text'"),
        ("questions", "a-text", {"odd": 1}, "There is no field odd"),
        ("questions", "a-text", {"default_answer": 1}, "default_answer must be an object"),
        ("questions", "a-text", {"default_answer": {"value": 1}}, "value must be a text"),
        ("questions", "a-text", {"default_answer": {"rows": []}}, "Only tables have rows"),
        ("questions", "a-table", {"default_answer": {"rows": [1]}}, "must be a list of objects"),
        ("questions", "a-table", {"default_answer": {"rows": [{"odd": 1}]}}, "There is no question 'odd'"),
        ("questions", "z-sum", {"calc_expression": "'a-sum'|answer"}, "There is no question 'z-sum'"),
        ("forms", "plan", {"questions": ["odd"]}, "forms[2] 'plan': There is no question 'odd'"),
        ("forms", "plan", {"questions": "odd"}, "questions must be a list"),
        ("forms", "part", {"questions": ["a-form"]}, "The forms contain each other"),
        ("tasks", "fill", {"type": "odd"}, "tasks[2] 'fill': There is no type of tasks 'odd'"),
        ("tasks", "fill", {"form": "odd"}, "There is no form 'odd'"),
        ("workflows", "way", {"flows": 1}, "flows must be a list of objects"),
        ("workflows", "way", {"flows": [{"tasks": ["odd"], "next": "'done'|task"}]}, "flows[0]: Flow of the workflow"),
    ],
)
def test_a_file_that_asks_for_what_cannot_be_is_refused_with_the_place(
    designed: str, tmp_path: Path, kind: str, slug: str, fields: dict[str, Any], message: str
) -> None:
    forget_everything()
    with pytest.raises(CommandError) as caught:
        imported(tmp_path / "file", changed(designed, kind, slug, **fields))
    assert message in str(caught.value)
    assert str(caught.value).endswith("Nothing was changed.")
    assert not any(model.objects.exists() for model in (Form, Question, Option, Task, Workflow))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{\n  "format": 1,\n  oops }',
            "This is not JSON: Expecting property name enclosed in double quotes in line 3",
        ),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5_000, "nested too deeply, or has a number that is too long"),
        ("[]", 'it does not say "format": 1'),
        ('{"format": 2}', 'it does not say "format": 1'),
        ('{"format": 1, "odd": []}', "There are no 'odd' in such a file"),
        ('{"format": 1, "forms": {}}', "forms must be a list"),
        ('{"format": 1, "forms": [1]}', "forms[0] must be an object"),
        ('{"format": 1, "forms": [{"slug": "a b"}]}', "forms[0] must have a slug"),
        ('{"format": 1, "forms": [{"slug": "a"}, {"slug": "a"}]}', "forms[1] 'a' stands already at forms[0]"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        imported(tmp_path / "file", text)
    assert message in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_workflow", str(tmp_path / "nowhere"))


def test_progress_is_told_of_large_files(tmp_path: Path) -> None:
    options = [{"slug": f"option-{number}", "label": {"en": "x"}} for number in range(250)]
    path, told = tmp_path / "file", StringIO()
    path.write_text(json.dumps({"format": 1, "options": options}))
    call_command("import_workflow", str(path), stderr=told, stdout=StringIO())
    assert told.getvalue().split("\n") == ["100 of 250", "200 of 250", ""]
