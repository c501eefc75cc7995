"""The rules of the site: the classes that its settings list, and what they answer to one request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeVar

from django.core.signals import setting_changed
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from caluma_async.access.asking import Asking, RequestContext
from caluma_async.access.base import Access, Deed, Operation
from caluma_async.access.classes import BASES, listed, unguarded
from caluma_async.access.declarations import settled
from caluma_async.access.permissions import BasePermission
from caluma_async.access.refusals import in_our_words
from caluma_async.access.validations import BaseValidation
from caluma_async.access.visibilities import BaseVisibility, checked, without_repetition
from caluma_async.errors import Misconfigured, NotAllowed
from caluma_async.identity import User

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The classes of the site."""

    permissions: Sequence[type[BasePermission]] = ()
    visibilities: Sequence[type[BaseVisibility]] = ()
    validations: Sequence[type[BaseValidation]] = ()

    def restricting(self, model: type[Model], through: str | None) -> Iterator[type[BaseVisibility]]:
        """The visibility classes that may leave out objects of the model, reached through that relation."""
        for visibility in self.visibilities:
            if visibility.restricts(model) and not (through and visibility.suppresses(through)):
                yield visibility


class SiteAccess:
    """The site's rules for one request. Its classes are instantiated once, and live as long as the request."""

    def __init__(self, rules: Rules, request: HttpRequest) -> None:
        self._rules = rules
        self._request = request
        self._restricting: dict[tuple[type[Model], str | None], Sequence[type[BaseVisibility]]] = {}

    def visible(self, queryset: QuerySet[M], user: User, *, through: str | None = None) -> QuerySet[M]:
        """The part of the queryset that every visibility class shows."""
        info = self._asking(user)
        for kind in self._classes(queryset.model, through):
            found = settled(self._visibilities[kind].filter_queryset(queryset.model, queryset, info))
            queryset = without_repetition(checked(found, queryset.model, kind.__qualname__), queryset)
        return queryset

    def restricts(self, model: type[Model], *, through: str | None = None) -> bool:
        """Whether any visibility class may leave something out."""
        return bool(self._classes(model, through))

    def admit(self, deed: Deed) -> None:
        """Every permission class must allow it."""
        forbidden = f"You are not allowed to do this: {type(deed).__name__}."
        with in_our_words(forbidden):
            info = self._asking(deed.user, deed)
            allowed = self._is_open(deed) and all(
                settled(each.has_permission(type(deed), info)) for each in self._permissions
            )
        if not allowed:
            raise NotAllowed(forbidden)

    def permit(self, deed: Deed, instance: Model | None) -> None:
        """Every permission class must allow it for this object."""
        if instance is None:
            return
        of = f"{instance._meta.verbose_name} {instance.pk}"
        forbidden = f"You are not allowed to do this to the {of}: {type(deed).__name__}."
        with in_our_words(forbidden):
            info = self._asking(deed.user, deed, instance)
            asked = (each.has_object_permission(type(deed), info, instance) for each in self._permissions)
            allowed = all(map(settled, asked))
        if not allowed:
            raise NotAllowed(forbidden)

    def validate(self, deed: Deed, instance: Model | None) -> dict[str, Any]:
        """The input, as it leaves the last of the validation classes."""
        data = deed.data
        with in_our_words(f"This input is not allowed: {type(deed).__name__}."):
            info = self._asking(deed.user, deed, instance)
            for validation in self._validations:
                data = settled(validation.validate(type(deed), data, info))
                if not isinstance(data, dict):
                    place = type(validation).__qualname__
                    raise Misconfigured(f"{place} must return the data for {type(deed).__name__}, not {data!r}.")
        return data

    def _is_open(self, deed: Deed) -> bool:
        return not isinstance(deed, Operation) or any(each.names(type(deed)) for each in self._rules.permissions)

    def _classes(self, model: type[Model], through: str | None) -> Sequence[type[BaseVisibility]]:
        """Those that may leave something out; asked for with every object that is shown."""
        found = self._restricting.get((model, through))
        if found is None:
            found = self._restricting[model, through] = tuple(self._rules.restricting(model, through))
        return found

    @cached_property
    def _permissions(self) -> Sequence[BasePermission]:
        return [kind() for kind in self._rules.permissions]

    @cached_property
    def _visibilities(self) -> Mapping[type[BaseVisibility], BaseVisibility]:
        return {kind: kind() for kind in self._rules.visibilities}

    @cached_property
    def _validations(self) -> Sequence[BaseValidation]:
        return [kind() for kind in self._rules.validations]

    def _asking(self, user: User, deed: Deed | None = None, instance: Model | None = None) -> Asking:
        context = RequestContext(user, self._request)
        if deed is None:
            return Asking(context=context)
        return Asking(context=context, data=deed.data, sent=deed.context, instance=instance)


def site_access(user: User, request: HttpRequest | None = None) -> Access:
    """The rules that the settings name, for one request; without one, for code that acts under them for the user.

    Raises `Misconfigured` where they cannot be had.
    """
    if request is None:
        request = HttpRequest()
        request.user = user  # type: ignore[assignment]
    return SiteAccess(current.rules(), request)


class Current:
    """The rules that the settings in force name, read when first asked for."""

    def __init__(self) -> None:
        self._rules: Rules | None = None
        setting_changed.connect(self._forget)

    def rules(self) -> Rules:
        """The classes; raises `Misconfigured` if the settings or a class of them are wrong."""
        if self._rules is None:
            self._rules = read()
        return self._rules

    def _forget(self, *, setting: str, **more: Any) -> None:
        if setting in BASES or setting == "ENV":
            self._rules = None


current: Final = Current()


def read() -> Rules:
    """The rules that the settings name now. Raises `Misconfigured`."""
    missing = unguarded()
    if missing:
        raise Misconfigured(missing)
    return Rules(
        permissions=listed("PERMISSION_CLASSES"),
        visibilities=listed("VISIBILITY_CLASSES"),
        validations=listed("VALIDATION_CLASSES"),
    )
