"""Group and flow expressions, without a database."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from caluma_async.errors import InvalidExpression, InvalidInput, Misconfigured
from caluma_async.identity import User
from caluma_async.workflow import checks, dynamic
from caluma_async.workflow.dynamic import (
    BaseDynamicGroups,
    BaseDynamicTasks,
    register_dynamic_group,
    register_dynamic_task,
)
from caluma_async.workflow.expressions import (
    Lazy,
    Moment,
    groups_of,
    next_tasks,
    tasks_of,
    validate_flow,
    validate_groups,
)
from caluma_async.workflow.models import Case, Task, WorkItem

HERE = "tests.unit.test_workflow_expressions"
ANNA = User("anna", groups=["office"])
TASK = Task(slug="review")


def moment(**changes: Any) -> Moment:
    """After a work item of the groups a, b and c, in a case of the council."""
    previous = WorkItem(addressed_groups=["a", "b"], controlling_groups=["c"], created_by_group="canton")
    values: dict[str, Any] = {
        "case": Case(created_by_group="council"),
        "user": ANNA,
        "prev_work_item": previous,
        "context": {"addressed_groups": ["x"], "controlling_groups": "y", "answer": 42},
    }
    return Moment(**{**values, **changes})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, []),
        ("", []),
        ("null", []),
        ("'one'", ["one"]),
        ("['a', 'b', 'a', '']", ["a", "b"]),
        ("['a', 'b']|groups", ["a", "b"]),
        ("'a'|groups", ["a"]),
        ("[['a'], ['b', ['c']], null]", ["a", "b", "c"]),
        ("info.case.created_by_group", ["council"]),
        ("info.work_item.created_by_group", ["office"]),
        ("info.prev_work_item.addressed_groups", ["a", "b"]),
        ("info.prev_work_item.controlling_groups", ["c"]),
        ("info.prev_work_item.created_by_group", ["canton"]),
        ("info.context.addressed_groups", ["x"]),
        ("info.context.controlling_groups", ["y"]),
        ("info.nothing.at.all", []),
        ("info.case.created_by_group == 'council' ? 'a' : 'b'", ["a"]),
        ("['a', 'z'] intersects info.prev_work_item.addressed_groups ? 'yes' : 'no'", ["yes"]),
        ("info.context.answer > 41 ? ['many']|groups : []", ["many"]),
        ("[['a'], ['b']]|flatten", ["a", "b"]),
        ("[info.prev_work_item.addressed_groups|length|stringify]", ["2"]),
    ],
)
def test_groups(text: str | None, expected: list[str]) -> None:
    assert groups_of(text, TASK, moment()) == expected


@pytest.mark.parametrize("context", [None, [], "text", 5])
def test_a_context_that_is_no_object_holds_nothing(context: Any) -> None:
    assert groups_of("info.context.addressed_groups", TASK, moment(context=context)) == []


def test_at_the_start_there_is_no_work_item_before() -> None:
    assert groups_of("info.prev_work_item.addressed_groups", TASK, moment(prev_work_item=None)) == []


@pytest.mark.parametrize(
    ("text", "kind"), [("5", "int"), ("[true]", "bool"), ("{a: 1}", "dict"), ("['a', 1.5]|groups", "float")]
)
def test_groups_are_texts(text: str, kind: str) -> None:
    with pytest.raises(InvalidExpression, match=rf"must give groups as strings or lists of them, but gave a {kind}\.$"):
        groups_of(text, TASK, moment())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, []),
        ("", []),
        (" \n", []),
        ("'a'|task", ["a"]),
        ("['a', 'b', 'a']|tasks", ["a", "b"]),
        ("'a'|tasks", ["a"]),
        ("info.context.answer == 42 ? 'a'|task : ['b', 'c']|tasks", ["a"]),
        ("info.context.answer != 42 ? 'a'|task : ['b', 'c']|tasks", ["b", "c"]),
        ("['a', 1 + 1 == 2 ? 'b' : 'c']|tasks", ["a", "b"]),
        ("false && 'a'|task || null", []),
    ],
)
def test_next_tasks(text: str | None, expected: list[str]) -> None:
    assert next_tasks(text, moment()) == expected


def test_tasks_are_texts() -> None:
    with pytest.raises(InvalidExpression, match=r"must give tasks as strings or lists of them, but gave a int\.$"):
        next_tasks("[1]|tasks", moment())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("'a'|task", ["a"]),
        ("x ? 'a'|task : ['b', 'a']|tasks", ["a", "b"]),
        ("'not-a-task'", []),
        ("info.case.created_by_group == 'g' ? 'a'|task : 'b'|task", ["a", "b"]),
    ],
)
def test_the_tasks_that_a_flow_names(text: str, expected: list[str]) -> None:
    assert validate_flow(text) == expected
    assert tasks_of(text) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "position"), [("'a'|task |", None), ("'a'|tsk", 4), ("'a'|groups", 4), ("'a'|task('b')", 4)]
)
def test_a_wrong_flow_is_refused_with_the_place(text: str, position: int | None) -> None:
    with pytest.raises(InvalidExpression) as caught:
        validate_flow(text)
    assert caught.value.position is not None
    assert position in (None, caught.value.position)
    assert tasks_of(text) == ()


@pytest.mark.parametrize("text", ["'a'|grps", "'a'|task", "['a'"])
def test_wrong_groups_are_refused_with_the_place(text: str) -> None:
    with pytest.raises(InvalidExpression) as caught:
        validate_groups(text)
    assert caught.value.position is not None
    validate_groups("['a', info.case.created_by_group]|groups")


@pytest.mark.parametrize("validate", [validate_flow, validate_groups])
def test_an_expression_of_more_than_10000_characters_is_refused(validate: Any) -> None:
    with pytest.raises(InvalidInput):
        validate("'" + "a" * 10_000 + "'")


@pytest.mark.parametrize("text", ["info.__class__", "info.case.pk", "info.case.__dict__", "info.prev_work_item.case"])
def test_python_objects_are_out_of_reach(text: str) -> None:
    assert groups_of(text, TASK, moment()) == []


def test_data_is_made_when_it_is_read() -> None:
    asked: list[str] = []
    data = Lazy(a=lambda: asked.append("a") or 1, b=lambda: asked.append("b"))
    assert (len(data), list(data), asked) == (2, ["a", "b"], [])
    assert (data["a"], asked) == (1, ["a"])


class Groups(BaseDynamicGroups):
    """Dynamic groups in all the ways that they may be written."""

    @register_dynamic_group("as-documented")
    def documented(self, task: Any, case: Any, user: Any, prev_work_item: Any, context: Any) -> str:
        """One group."""
        return f"{task.pk} {case.created_by_group} {user} {prev_work_item.created_by_group} {context['answer']}"

    @register_dynamic_group("named-otherwise")
    def otherwise(self, t: Task, c: Any, u: Any, w: Any, x: Any) -> list[str]:
        """Arguments in the documented order."""
        return [t.slug, str(u)]

    @register_dynamic_group("whatever")
    def whatever(self, **kwargs: Any) -> tuple[str, ...]:
        """All by name."""
        return tuple(sorted(kwargs))

    @register_dynamic_group("none")
    def none(self, *args: Any) -> None:
        """Nothing."""

    @register_dynamic_group("wrong")
    def wrong(self, *args: Any) -> Any:
        """Not what a method should return."""
        return [5]

    @register_dynamic_group("failing")
    def failing(self, *args: Any) -> Any:
        """A mistake of the site."""
        raise KeyError("gone")

    def unregistered(self) -> None:
        """Of no concern."""


class Tasks(BaseDynamicTasks):
    """A dynamic task."""

    @register_dynamic_task("next")
    def next(self, case: Any, user: Any, prev_work_item: Any, context: Any) -> set[str]:
        """One task."""
        return {"found"}


class Inheriting(Tasks):
    """What base classes register counts too."""


class Double(BaseDynamicTasks):
    """Registers a name that is taken."""

    @register_dynamic_task("next")
    def again(self, case: Any, user: Any, prev_work_item: Any, context: Any) -> str:
        """Never asked."""
        return "never"


class Asynchronous(BaseDynamicTasks):
    """Cannot be asked."""

    @register_dynamic_task("later")
    async def later(self, case: Any, user: Any, prev_work_item: Any, context: Any) -> str:
        """Never asked."""
        return "never"


class TooFew(BaseDynamicTasks):
    """Cannot be asked."""

    @register_dynamic_task("short")
    def short(self, case: Any) -> str:
        """Never asked."""
        return "never"


class Stranger:
    """No subclass of either base."""


known = override_settings(
    DYNAMIC_GROUPS_CLASSES=[f"{HERE}.Groups"],
    DYNAMIC_TASKS_CLASSES=[f"{HERE}.Inheriting"],
)


@known
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'as-documented'|groups", ["review council anna canton 42"]),
        ("['named-otherwise', 'static']|groups", ["review", "anna", "static"]),
        ("'whatever'|groups", ["case", "context", "prev_work_item", "task", "user"]),
        ("'none'|groups", []),
        ("['named-otherwise']", ["named-otherwise"]),
    ],
)
def test_dynamic_groups_stand_for_what_their_method_returns(text: str, expected: list[str]) -> None:
    assert groups_of(text, TASK, moment()) == expected


@known
def test_dynamic_tasks_stand_for_what_their_method_returns() -> None:
    assert next_tasks("['next', 'static']|tasks", moment()) == ["found", "static"]
    assert next_tasks("'next'|task", moment()) == ["found"]


@known
def test_the_names_of_dynamic_groups_and_tasks() -> None:
    assert set(dynamic.dynamic_task_names()) == {"next"}
    assert set(dynamic.dynamic_group_names()) >= {"as-documented", "whatever"}
    assert checks.check_dynamic() == []


@known
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", r"Groups\.wrong must return a string or a list of strings, not list\.$"),
        ("failing", r"Groups\.failing failed with KeyError: 'gone'$"),
    ],
)
def test_a_dynamic_group_that_goes_wrong_is_named(name: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        groups_of(f"'{name}'|groups", TASK, moment())


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([f"{HERE}.Gone"], r"^DYNAMIC_TASKS_CLASSES lists '.*\.Gone', which cannot be imported: "),
        (["nowhere.Tasks"], r"^DYNAMIC_TASKS_CLASSES lists 'nowhere\.Tasks', which cannot be imported: "),
        ([f"{HERE}.Stranger"], r"which is no subclass of BaseDynamicTasks\.$"),
        ([f"{HERE}.Groups"], r"which is no subclass of BaseDynamicTasks\.$"),
        ([f"{HERE}.Tasks", f"{HERE}.Double"], r"'next' is registered by .*Tasks\.next and .*Double\.again\.$"),
        ([f"{HERE}.Asynchronous"], r"Asynchronous\.later is an `async def`"),
        ([f"{HERE}.TooFew"], r"TooFew\.short must take the arguments self, case, user, prev_work_item, context\.$"),
    ],
)
def test_wrong_classes_are_reported(classes: list[str], message: str) -> None:
    with override_settings(DYNAMIC_TASKS_CLASSES=classes):
        with pytest.raises(Misconfigured, match=message) as caught:
            next_tasks("'next'|task", moment())
        [found] = checks.check_dynamic()
        assert (found.msg, found.id) == (caught.value.message, "workflow.E001")
    assert dynamic.dynamic_task_names() == {}.keys()


def test_a_setting_of_the_wrong_kind_is_not_reported_twice() -> None:
    with override_settings(DYNAMIC_TASKS_CLASSES="not.a.List"):
        assert checks.check_dynamic() == []


@pytest.mark.parametrize("name", ["", None, 5])
@pytest.mark.parametrize("register", [register_dynamic_group, register_dynamic_task])
def test_a_dynamic_group_or_task_has_a_name(register: Any, name: Any) -> None:
    with pytest.raises(Misconfigured, match="is registered under a name"):
        register(name)
