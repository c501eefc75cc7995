"""The site's classes decide: on verbs, on what is found, and on the input."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from caluma_async.access.permissions import BasePermission, object_permission_for, permission_for
from caluma_async.access.site import Rules, SiteAccess
from caluma_async.access.validations import BaseValidation, validation_for
from caluma_async.access.visibilities import Any as Everything
from caluma_async.access.visibilities import Authenticated, BaseVisibility, CreatedByGroup, Union, filter_queryset_for
from caluma_async.errors import InvalidInput, Misconfigured, NotAllowed, NotFound
from caluma_async.identity import ANONYMOUS, User
from caluma_async.records import Record
from caluma_async.testing.factories import make_case, make_work_item, make_workflow
from caluma_async.verbs import Verb, run
from caluma_async.workflow import CancelCase, SaveCase, SaveSimpleTask
from caluma_async.workflow.models import Case, Task, WorkItem

pytestmark = pytest.mark.django_db

ANNA = User("anna", groups=["office"])
BEN = User("ben", groups=["council"])


def under(*classes: Any, headers: dict[str, str] | None = None) -> SiteAccess:
    """The rules that these classes make."""
    request = HttpRequest()
    request.META.update({f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()})
    return SiteAccess(
        Rules(
            permissions=[each for each in classes if issubclass(each, BasePermission)],
            visibilities=[each for each in classes if issubclass(each, BaseVisibility)],
            validations=[each for each in classes if issubclass(each, BaseValidation)],
        ),
        request,
    )


class Ask(BasePermission):
    """Notes what it is asked, and allows what `allowed` says."""

    asked: list[Any]
    allowed: tuple[bool, bool]

    @permission_for(Verb)
    def may(self, mutation: Any, info: Any) -> bool:
        self.asked.append((mutation, info.user, dict(info.data), info.sent, info.instance))
        return self.allowed[0]

    @object_permission_for(Verb)
    def may_it(self, mutation: Any, info: Any, instance: Any) -> bool:
        self.asked.append((mutation, instance, info.instance))
        return self.allowed[1]


def ask(first: bool = True, second: bool = True) -> type[Ask]:
    return type("Ask", (Ask,), {"asked": [], "allowed": (first, second)})


def test_permissions_are_asked_with_the_verb_the_user_the_input_and_then_the_object() -> None:
    case, permission = make_case(), ask()
    run(CancelCase(ANNA, access=under(permission), context={"why": "so"}, id=case.pk))
    assert permission.asked == [
        (CancelCase, ANNA, {"id": case.pk}, {"why": "so"}, None),
        (CancelCase, case, case),
    ]


def test_whoever_may_not_do_it_at_all_is_refused_before_anything_is_looked_up() -> None:
    permission = ask(first=False)
    with pytest.raises(NotAllowed, match=r"You are not allowed to do this: CancelCase\."):
        run(CancelCase(ANNA, access=under(permission), id="none"))
    assert len(permission.asked) == 1


def test_whoever_may_not_do_it_to_this_object_changes_nothing() -> None:
    case = make_case()
    sentence = rf"You are not allowed to do this to the case {case.pk}: CancelCase\."
    with pytest.raises(NotAllowed, match=sentence):
        run(CancelCase(ANNA, access=under(ask(second=False)), id=case.pk))
    assert Case.objects.get().status == Case.STATUS_RUNNING


@pytest.mark.parametrize("refusing", [(False, True), (True, False)])
def test_every_class_must_allow_it(refusing: tuple[bool, bool]) -> None:
    case = make_case()
    for classes in ((ask(), ask(*refusing)), (ask(*refusing), ask())):
        with pytest.raises(NotAllowed):
            run(CancelCase(ANNA, access=under(*classes), id=case.pk))


def test_the_object_permission_is_not_asked_for_something_new() -> None:
    permission = ask(second=False)
    run(SaveSimpleTask(ANNA, access=under(permission), slug="new", name="New"))
    assert Task.objects.filter(pk="new").exists()


def test_a_coroutine_sees_what_the_transaction_has_written_and_writes_into_it() -> None:
    class Awaited(BasePermission):
        @object_permission_for(CancelCase)
        async def may(self, mutation: Any, info: Any, instance: Any) -> bool:
            await Case.objects.filter(pk=instance.pk).aupdate(meta={"seen": True})
            return await Case.objects.filter(pk=instance.pk, meta={"seen": True}).aexists()

    case = make_case()
    run(CancelCase(ANNA, access=under(Awaited), id=case.pk))
    assert (Case.objects.get().status, Case.objects.get().meta) == (Case.STATUS_CANCELED, {"seen": True})


def test_an_instance_of_a_class_lasts_for_the_request_and_no_longer() -> None:
    class Counting(BasePermission):
        count = 0

        @permission_for(Verb)
        def may(self, mutation: Any, info: Any) -> bool:
            self.count += 1
            return self.count == 1

    case, access = make_case(), under(Counting)
    run(SaveCase(ANNA, access=access, id=case.pk, workflow=case.workflow_id))
    with pytest.raises(NotAllowed):
        run(SaveCase(ANNA, access=access, id=case.pk, workflow=case.workflow_id))
    run(SaveCase(ANNA, access=under(Counting), id=case.pk, workflow=case.workflow_id))


class OwnGroup(CreatedByGroup):
    """What my groups made; tasks and workflows are everybody's."""

    @filter_queryset_for(Task)
    def tasks(self, node: Any, queryset: Any, info: Any) -> Any:
        return queryset


def test_what_is_hidden_is_not_found_and_said_in_the_same_words_as_what_is_missing() -> None:
    hidden, missing = make_case(user=ANNA), Case()
    texts = set()
    for case in (hidden, missing):
        with pytest.raises(NotFound) as caught:
            run(CancelCase(BEN, access=under(OwnGroup), id=case.pk))
        texts.add(caught.value.message.replace(str(case.pk), "…"))
    assert len(texts) == 1
    run(CancelCase(ANNA, access=under(OwnGroup), id=hidden.pk))


def test_a_case_that_is_hidden_can_neither_be_changed_nor_be_made_again() -> None:
    hidden = make_case(user=ANNA)
    access = under(NobodysCases)
    with pytest.raises(NotFound, match=f"There is no case '{hidden.pk}'"):
        run(SaveCase(BEN, access=access, id=hidden.pk, workflow=hidden.workflow_id))
    made = run(SaveCase(BEN, access=access, id=Case().pk, workflow=hidden.workflow_id))
    assert Case.objects.count() == 2
    assert made.workflow_id == hidden.workflow_id


class NobodysCases(BaseVisibility):
    """Hides cases, and nothing else."""

    @filter_queryset_for(Case)
    def none(self, node: Any, queryset: Any, info: Any) -> Any:
        return queryset.none()


def test_every_class_narrows_down() -> None:
    mine = make_case(user=ANNA, meta={"a": 1})
    make_case(user=ANNA)
    make_case(user=BEN, meta={"a": 1})

    class WithMeta(BaseVisibility):
        @filter_queryset_for(Case)
        async def with_meta(self, node: Any, queryset: Any, info: Any) -> Any:
            return queryset.filter(meta={"a": 1})

    access = under(OwnGroup, WithMeta, Everything)
    assert list(access.visible(Case.objects.all(), ANNA)) == [mine]
    assert access.restricts(Case)
    assert not under(WithMeta, Everything).restricts(WorkItem)


def test_the_declaration_for_the_nearest_class_of_the_model_holds() -> None:
    make_case(user=ANNA, ready=["review"])
    access = under(OwnGroup)
    assert access.visible(Task.objects.all(), BEN).count() == 1
    assert access.visible(WorkItem.objects.all(), BEN).count() == 0
    assert access.visible(WorkItem.objects.all(), ANNA).count() == 1
    assert under(Authenticated).visible(WorkItem.objects.all(), ANNA).count() == 1
    assert under(Authenticated).visible(WorkItem.objects.all(), ANONYMOUS).count() == 0


class Distinct(BaseVisibility):
    """Finds a case once per work item, and takes each once."""

    @filter_queryset_for(Case)
    def with_work(self, node: Any, queryset: Any, info: Any) -> Any:
        return queryset.filter(work_items__status="ready").distinct()


class Repeating(BaseVisibility):
    """Finds a case once per work item."""

    @filter_queryset_for(Case)
    def with_work(self, node: Any, queryset: Any, info: Any) -> Any:
        return queryset.filter(work_items__status="ready")


class United(BaseVisibility):
    """Answers with SQL's own union."""

    @filter_queryset_for(Case)
    def with_work(self, node: Any, queryset: Any, info: Any) -> Any:
        return queryset.filter(meta={"a": 1}).union(queryset.filter(work_items__status="ready"))


class Sliced(BaseVisibility):
    """Shows the newest ten."""

    @filter_queryset_for(Case)
    def newest(self, node: Any, queryset: Any, info: Any) -> Any:
        return queryset.filter(work_items__isnull=False).order_by("-created_at")[:10]


@pytest.mark.parametrize("visibility", [Distinct, Repeating, United, Sliced])
def test_whatever_a_class_answers_with_is_found_once_and_can_be_filtered_sorted_joined_and_locked(
    visibility: type[BaseVisibility],
) -> None:
    case = make_case(user=ANNA)
    make_work_item(case, "one"), make_work_item(case, "two")
    make_case(user=ANNA)
    access = under(visibility, OwnGroup)
    found = access.visible(Case.objects.all(), ANNA)
    assert (found.count(), list(found.order_by("-created_at"))) == (1, [case])
    assert list(found.filter(pk=case.pk).select_related("workflow").select_for_update()) == [case]
    run(CancelCase(ANNA, access=access, id=case.pk))


def test_a_union_shows_what_any_of_its_parts_shows_once() -> None:
    class WithWork(BaseVisibility):
        @filter_queryset_for(Case)
        async def with_work(self, node: Any, queryset: Any, info: Any) -> Any:
            return queryset.filter(work_items__isnull=False)

    class Either(Union):
        visibility_classes = (CreatedByGroup, WithWork)

    mine, working = make_case(user=ANNA), make_case(ready=["one", "two"])
    make_case(user=BEN)
    access = under(Either)
    assert set(access.visible(Case.objects.all(), ANNA)) == {mine, working}
    assert access.visible(Case.objects.all(), ANNA).count() == 2
    assert access.visible(WorkItem.objects.all(), BEN).count() == 2  # the second part says nothing of them


@pytest.mark.parametrize("answer", [None, [], Task.objects.none()])
def test_a_filter_that_answers_something_else_is_named(answer: Any) -> None:
    class Odd(BaseVisibility):
        @filter_queryset_for(Record)
        def odd(self, node: Any, queryset: Any, info: Any) -> Any:
            return answer

    class OddUnion(Union):
        visibility_classes = (Odd,)

    for visibility in (Odd, OddUnion):
        with pytest.raises(Misconfigured, match=r"Odd\.odd must return a queryset of Case, not"):
            under(visibility).visible(Case.objects.all(), ANNA)


def test_a_suppressed_relation_shows_what_the_class_hides_elsewhere() -> None:
    class Suppressing(NobodysCases):
        suppress_visibilities = ("WorkItem.case", "Case.parentWorkItem")

    make_case()
    access = under(Suppressing)
    assert access.visible(Case.objects.all(), ANNA, through="WorkItem.case").count() == 1
    assert access.visible(Case.objects.all(), ANNA, through="WorkItem.child_case").count() == 0
    assert access.visible(Case.objects.all(), ANNA).count() == 0
    assert not access.restricts(Case, through="WorkItem.case")
    assert not access.restricts(Case, through="Case.parent_work_item")
    assert under(Suppressing, NobodysCases).visible(Case.objects.all(), ANNA, through="WorkItem.case").count() == 0


def test_a_relation_that_a_part_of_a_union_suppresses_is_shown_by_the_union() -> None:
    class Suppressing(NobodysCases):
        suppress_visibilities = ("WorkItem.case",)

    class Either(Union):
        visibility_classes = (NobodysCases, Suppressing)

    make_case()
    assert under(Either).visible(Case.objects.all(), ANNA, through="WorkItem.case").count() == 1
    assert under(Either).visible(Case.objects.all(), ANNA).count() == 0


def test_an_overridden_filter_may_ask_the_one_that_it_overrides() -> None:
    class Noting(NobodysCases):
        def filter_queryset(self, node: type[Model], queryset: QuerySet[Any], info: Any) -> QuerySet[Any]:
            return super().filter_queryset(node, queryset, info)

    class NotingUnion(Union):
        visibility_classes = (Noting, NobodysCases)

        def filter_queryset(self, node: type[Model], queryset: QuerySet[Any], info: Any) -> QuerySet[Any]:
            return super().filter_queryset(node, queryset, info)

    make_case(ready=["review"])
    for visibility in (Noting, NotingUnion):
        access = under(visibility)
        assert access.visible(Case.objects.all(), ANNA).count() == 0
        assert access.visible(WorkItem.objects.all(), ANNA).count() == 1


class WithDoor(BaseValidation):
    """Notes the door in `meta`."""

    @validation_for(SaveCase)
    def door(self, mutation: Any, data: Any, info: Any) -> Any:
        return {**data, "meta": {**data.get("meta", {}), "door": info.context.headers["X-Door"]}}


class NeedsDoor(BaseValidation):
    """Refuses without a door, and asks who the case belongs to."""

    @validation_for(Verb)
    async def needs_door(self, mutation: Any, data: Any, info: Any) -> Any:
        if "door" not in data.get("meta", {}):
            made_by = info.instance and info.instance.created_by_user
            raise InvalidInput(f"There must be a door, {made_by}.", field="meta")
        return data


def test_validations_change_the_input_one_after_the_other() -> None:
    workflow = make_workflow(start=["review"])
    access = under(WithDoor, NeedsDoor, headers={"X-Door": "back"})
    case = run(SaveCase(ANNA, access=access, workflow=workflow.pk, meta={"a": 1}))
    assert Case.objects.get(pk=case.pk).meta == {"a": 1, "door": "back"}
    with pytest.raises(InvalidInput, match="There must be a door, None"):
        run(SaveCase(ANNA, access=under(NeedsDoor, WithDoor), workflow=workflow.pk))
    with pytest.raises(InvalidInput, match="There must be a door, anna"):
        run(SaveCase(ANNA, access=under(NeedsDoor), id=case.pk, workflow=workflow.pk))
    assert Case.objects.count() == 1


def test_a_validation_that_forgets_to_return_the_input_is_named() -> None:
    class Forgetful(BaseValidation):
        @validation_for(Verb)
        def forget(self, mutation: Any, data: Any, info: Any) -> None:
            """Returns nothing."""

    with pytest.raises(Misconfigured, match="Forgetful must return the data for CancelCase, not None"):
        run(CancelCase(ANNA, access=under(Forgetful), id=make_case().pk))


def test_a_verb_without_a_validation_of_its_own_keeps_its_input() -> None:
    class Others(BaseValidation):
        @validation_for(SaveCase)
        def refuse(self, mutation: Any, data: Any, info: Any) -> Any:
            raise InvalidInput("No.")

    run(CancelCase(ANNA, access=under(Others), id=make_case().pk))
    assert Case.objects.get().status == Case.STATUS_CANCELED


class FrameworkError(Exception):
    """As REST framework's errors are made."""

    def __init__(self, detail: Any) -> None:
        super().__init__(detail)
        self.detail = detail


class FrameworkInvalidError(FrameworkError):
    """Stands for `rest_framework.exceptions.ValidationError`."""


class FrameworkDeniedError(FrameworkError):
    """Stands for `rest_framework.exceptions.PermissionDenied`."""


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (NotAllowed("Not today."), NotAllowed, "Not today."),
        (PermissionDenied("Not you."), NotAllowed, "Not you."),
        (PermissionDenied(), NotAllowed, "You are not allowed to do this: CancelCase."),
        (ValidationError(["One.", "Two."]), InvalidInput, "One. Two."),
        (FrameworkInvalidError({"meta": ["Too long.", ["Too odd."]]}), InvalidInput, "Too long. Too odd."),
        (FrameworkDeniedError("Never."), NotAllowed, "Never."),
    ],
)
def test_the_words_that_django_and_rest_framework_have_for_a_refusal_are_understood(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, kind: type[Exception], message: str
) -> None:
    framework = ModuleType("rest_framework.exceptions")
    framework.ValidationError = FrameworkInvalidError  # type: ignore[attr-defined]
    framework.PermissionDenied = framework.NotAuthenticated = FrameworkDeniedError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, framework.__name__, framework)

    class Raising(BasePermission):
        @permission_for(Verb)
        def may(self, mutation: Any, info: Any) -> bool:
            raise raised

    with pytest.raises(kind) as caught:
        run(CancelCase(ANNA, access=under(Raising), id=make_case().pk))
    assert str(caught.value) == message


def test_an_error_of_the_class_itself_is_no_refusal() -> None:
    class Broken(BasePermission):
        @permission_for(Verb)
        def may(self, mutation: Any, info: Any) -> bool:
            return bool(1 / 0)

    case = make_case()
    with pytest.raises(ZeroDivisionError):
        run(CancelCase(ANNA, access=under(Broken), id=case.pk))
    assert Case.objects.get().status == Case.STATUS_RUNNING


def test_overridden_methods_of_the_base_classes_are_asked() -> None:
    class Own(BasePermission):
        def has_permission(self, mutation: Any, info: Any) -> bool:
            return mutation is CancelCase

        async def has_object_permission(self, mutation: Any, info: Any, instance: Any) -> bool:  # type: ignore[override]
            return instance.created_by_user == info.user.username

    class OwnFilter(BaseVisibility):
        def filter_queryset(self, node: type[Model], queryset: QuerySet[Any], info: Any) -> QuerySet[Any]:
            return queryset.exclude(meta={"a": 1}) if node is Case else queryset

    mine, other, hidden = make_case(user=ANNA), make_case(), make_case(user=ANNA, meta={"a": 1})
    access = under(Own, OwnFilter)
    run(CancelCase(ANNA, access=access, id=mine.pk))
    with pytest.raises(NotAllowed):
        run(CancelCase(ANNA, access=access, id=other.pk))
    with pytest.raises(NotFound):
        run(CancelCase(ANNA, access=access, id=hidden.pk))
