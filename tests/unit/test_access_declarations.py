"""How the site's classes are declared, found again, and refused at start-up when they are wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db.models import Model
from django.http import HttpRequest
from pytest_django import Settings

from caluma_async.access import checks
from caluma_async.access.asking import Asking, RequestContext
from caluma_async.access.declarations import settled
from caluma_async.access.permissions import BasePermission, object_permission_for, permission_for
from caluma_async.access.relations import leads_to_one
from caluma_async.access.site import Rules, current
from caluma_async.access.validations import BaseValidation, validation_for
from caluma_async.access.visibilities import BaseVisibility, Union, filter_queryset_for
from caluma_async.errors import Misconfigured
from caluma_async.identity import ANONYMOUS
from caluma_async.verbs import Verb
from caluma_async.workflow import CompleteWorkItem, SaveCase, StartCase
from caluma_async.workflow.models import Case, WorkItem
from caluma_async.workflow.verbs.family import FamilyVerb

HERE = __name__


class Named(BasePermission):
    """Answers by the name of the method that is asked."""

    @permission_for(Verb)
    def by_default(self, mutation: Any, info: Any) -> Any:
        return False

    @permission_for(SaveCase)
    def for_saving(self, mutation: Any, info: Any) -> Any:
        return True


class Heir(Named):
    """Overrides one method without declaring it again, and declares one for a verb in between."""

    def by_default(self, mutation: Any, info: Any) -> Any:
        return True

    @permission_for(FamilyVerb)
    def for_families(self, mutation: Any, info: Any) -> Any:
        return False


class Anew(Named):
    """Declares an inherited method for something else."""

    @permission_for(StartCase)
    def for_saving(self, mutation: Any, info: Any) -> Any:
        return True


def asking() -> Asking:
    return Asking(context=RequestContext(ANONYMOUS, HttpRequest()))


def test_the_declaration_for_the_nearest_class_of_the_verb_holds() -> None:
    assert permission_for.find(Named, SaveCase) == "for_saving"
    assert permission_for.find(Named, StartCase) == "for_saving"
    assert permission_for.find(Named, CompleteWorkItem) == "by_default"
    assert permission_for.find(BasePermission, CompleteWorkItem) is None


def test_a_method_that_is_overridden_keeps_what_it_was_declared_for() -> None:
    assert permission_for.find(Heir, Verb) == "by_default"
    assert Heir().has_permission(Verb, asking())
    assert not Heir().has_permission(CompleteWorkItem, asking())
    assert Heir().has_permission(SaveCase, asking())


def test_a_method_that_is_declared_anew_is_no_longer_asked_for_what_it_was_declared_for() -> None:
    assert permission_for.find(Anew, StartCase) == "for_saving"
    assert permission_for.find(Anew, SaveCase) == "by_default"


def test_one_method_may_be_declared_for_several_verbs_and_as_two_kinds() -> None:
    class Both(BasePermission):
        @permission_for(SaveCase, CompleteWorkItem)
        @object_permission_for(CompleteWorkItem)
        def may(self, mutation: Any, info: Any, instance: Any = None) -> bool:
            return instance is not None

    assert not Both().has_permission(SaveCase, asking())
    assert Both().has_object_permission(CompleteWorkItem, asking(), Case())
    assert Both().has_object_permission(SaveCase, asking(), Case())


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (permission_for, Case),
        (permission_for, "CompleteWorkItem"),
        (object_permission_for, None),
        (validation_for, object),
        (filter_queryset_for, CompleteWorkItem),
    ],
)
def test_what_is_neither_verb_nor_model_cannot_be_declared_for(kind: Any, key: Any) -> None:
    with pytest.raises(Misconfigured, match=rf"@{kind.decorator} takes .*{getattr(key, '__name__', key)}.* is none"):
        kind(key)


def test_a_declaration_for_nothing_is_refused() -> None:
    with pytest.raises(Misconfigured, match="@permission_for takes classes of verbs; None is none"):
        permission_for()


class Twice(BasePermission):
    """Says two things about one verb."""

    @permission_for(SaveCase)
    def one(self, mutation: Any, info: Any) -> bool:
        return True

    @permission_for(SaveCase)
    def other(self, mutation: Any, info: Any) -> bool:
        return True


class Short(BasePermission):
    """Forgets an argument."""

    @object_permission_for(SaveCase)
    def may(self, mutation: Any, info: Any) -> bool:
        return True


class NoMethod(Named):
    """Puts something that cannot be called where a method was."""

    for_saving = None  # type: ignore[assignment]


class ShortFilter(BaseVisibility):
    """Forgets an argument, and suppresses what there is not."""

    suppress_visibilities = ("WorkItem.nothing", "WorkItem.case", "Case.workItems", "Nothing.case")

    @filter_queryset_for(Case)
    def filter(self, queryset: Any, info: Any) -> Any:
        return queryset


class Nothing(Union):
    """Unites nothing, and filters itself."""

    @filter_queryset_for(Case)
    def filter(self, node: Any, queryset: Any, info: Any) -> Any:
        return queryset


class OfShort(Union):
    """Has a part that is wrong."""

    visibility_classes = (ShortFilter,)


class ShortValidation(BaseValidation):
    """Takes too many arguments."""

    @validation_for(SaveCase)
    def validate_case(self, mutation: Any, data: Any, info: Any, more: Any) -> Any:
        return data


@pytest.mark.parametrize(
    ("setting", "name", "complaints"),
    [
        ("PERMISSION_CLASSES", "Twice", ["one and other are both declared for SaveCase"]),
        ("PERMISSION_CLASSES", "Short", ["Short.may must take the arguments self, mutation, info, instance"]),
        ("PERMISSION_CLASSES", "NoMethod", ["NoMethod.for_saving must take the arguments self, mutation, info"]),
        ("PERMISSION_CLASSES", "ShortFilter", ["which is no subclass of BasePermission"]),
        ("PERMISSION_CLASSES", "asking", ["which is no subclass of BasePermission"]),
        ("PERMISSION_CLASSES", "Missing", ["which cannot be imported: ImportError"]),
        (
            "VISIBILITY_CLASSES",
            "ShortFilter",
            [
                "ShortFilter.filter must take the arguments self, node, queryset, info",
                "'WorkItem.nothing' is no relation to one object",
                "'Case.workItems' is no relation to one object",
                "'Nothing.case' is no relation to one object",
            ],
        ),
        ("VISIBILITY_CLASSES", "Nothing", ["must list at least one class", "cannot have filters of its own"]),
        ("VALIDATION_CLASSES", "ShortValidation", ["must take the arguments self, mutation, data, info"]),
    ],
)
def test_check_tells_what_is_wrong_with_a_class(
    settings: Settings, setting: str, name: str, complaints: list[str]
) -> None:
    setattr(settings, setting, [f"{HERE}.{name}"])
    found = [message.msg for message in checks.check_classes()]
    assert len(found) == len(complaints)
    for message, complaint in zip(found, complaints, strict=True):
        assert complaint in message
        assert message.startswith(setting)
    with pytest.raises(Misconfigured, match=setting):
        current.rules()


def test_a_union_is_asked_for_its_parts(settings: Settings) -> None:
    settings.VISIBILITY_CLASSES = [f"{HERE}.OfShort"]
    assert "ShortFilter.filter must take" in checks.check_classes()[0].msg


def test_a_module_that_fails_while_it_is_imported_is_named(settings: Settings) -> None:
    settings.PERMISSION_CLASSES = ["tests.legacy.no_verbs.Permissions"]
    [error] = checks.check_classes()
    assert "'tests.legacy.no_verbs.Permissions', which cannot be imported: Misconfigured: @permission_for" in error.msg


def test_a_setting_that_is_no_list_is_left_to_the_check_of_settings(settings: Settings) -> None:
    settings.PERMISSION_CLASSES = "one.Class"
    assert checks.check_classes() == []
    assert checks.check_openness() == []


def test_production_without_classes_is_refused_and_told_what_to_set(settings: Settings) -> None:
    settings.ENV = "production"
    [error] = checks.check_guarded()
    assert "ENV=production needs PERMISSION_CLASSES and VISIBILITY_CLASSES" in error.msg
    with pytest.raises(Misconfigured, match="PERMISSION_CLASSES and VISIBILITY_CLASSES"):
        current.rules()
    settings.PERMISSION_CLASSES = ["caluma_async.access.permissions.IsAuthenticated"]
    with pytest.raises(Misconfigured, match="ENV=production needs VISIBILITY_CLASSES:"):
        current.rules()
    settings.VISIBILITY_CLASSES = ["caluma_async.access.visibilities.Authenticated"]
    assert len(current.rules().permissions) == 1
    assert checks.check_guarded() == []


def test_development_without_classes_lets_everybody_in(settings: Settings) -> None:
    assert current.rules() == Rules()
    assert checks.check_guarded() == []


def test_deployment_is_warned_of_what_is_open_to_everybody(settings: Settings) -> None:
    settings.GRAPHQL_INTROSPECTION = settings.GRAPHIQL = False
    assert {message.id for message in checks.check_openness()} == {"access.W001", "access.W003"}
    settings.PERMISSION_CLASSES = ["caluma_async.access.permissions.AllowAny"]
    settings.VISIBILITY_CLASSES = ["caluma_async.access.visibilities.Any"]
    assert {message.id for message in checks.check_openness()} == {"access.W001", "access.W003"}
    settings.PERMISSION_CLASSES = [f"{HERE}.Anew", f"{HERE}.OnlyCases"]
    settings.VISIBILITY_CLASSES = ["caluma_async.access.visibilities.CreatedByGroup"]
    assert checks.check_openness() == []
    settings.PERMISSION_CLASSES = [f"{HERE}.OnlyCases"]
    [warning] = checks.check_openness()
    assert warning.id == "access.W002"
    assert "CompleteWorkItem" in warning.msg
    assert "StartCase" not in warning.msg
    settings.GRAPHIQL = True
    assert "GRAPHIQL is on." in {message.msg for message in checks.check_openness()}
    settings.ENV, settings.VISIBILITY_CLASSES = "production", []
    assert checks.check_openness() == []


class OnlyCases(BasePermission):
    """Says something about some verbs."""

    @permission_for(SaveCase)
    def may(self, mutation: Any, info: Any) -> bool:
        return False


@pytest.mark.parametrize("relation", ["WorkItem.case", "Case.parent_work_item", "Case.parentWorkItem", "Document.case"])
def test_relations_to_one_object_are_known_by_model_and_attribute(relation: str) -> None:
    assert leads_to_one(relation)


async def test_what_is_awaited_runs_on_the_loop_that_the_thread_works_for() -> None:
    async def loop_of_mine() -> Any:
        return asyncio.get_running_loop()

    found = await sync_to_async(lambda: settled(loop_of_mine()), thread_sensitive=False)()
    assert found is asyncio.get_running_loop()


def test_a_coroutine_that_says_no_forbids() -> None:
    class Slow(BasePermission):
        @permission_for(Verb)
        async def may(self, mutation: Any, info: Any) -> bool:
            return False

        @object_permission_for(Verb)
        async def may_it(self, mutation: Any, info: Any, instance: Any) -> bool:
            return False

    assert not Slow().has_permission(SaveCase, asking())
    assert not Slow().has_object_permission(SaveCase, asking(), Case())


def test_a_method_that_returns_nothing_forbids() -> None:
    class Forgetful(BasePermission):
        @permission_for(Verb)
        def may(self, mutation: Any, info: Any) -> None:
            """Returns nothing."""

    assert not Forgetful().has_permission(SaveCase, asking())


def test_a_union_restricts_only_where_all_its_parts_do() -> None:
    class Cases(BaseVisibility):
        @filter_queryset_for(Case)
        def filter(self, node: Any, queryset: Any, info: Any) -> Any:
            return queryset.none()

    class Own(BaseVisibility):
        def filter_queryset(self, node: type[Model], queryset: Any, info: Any) -> Any:
            return queryset

    class Both(Union):
        visibility_classes = (Cases, Own)

    class OwnUnion(Both):
        def filter_queryset(self, node: type[Model], queryset: Any, info: Any) -> Any:
            return queryset

    assert (Both.restricts(Case), Both.restricts(WorkItem), OwnUnion.restricts(WorkItem)) == (True, False, True)
