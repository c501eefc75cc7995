"""How Django's admin pages go through the verbs: the same checks, the same events, in the admin user's name.

Which models have pages, and which verbs these use, is the domains' own (`admin.py` there).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from caluma_async.errors import CalumaError, InvalidInput
from caluma_async.identity import ANONYMOUS, User
from caluma_async.read_only import ReadOnlyAdmin
from caluma_async.records import LocalizedField, LocalizedText
from caluma_async.verbs.base import Verb, run

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    ModelForm = forms.ModelForm[Any]
else:
    ModelAdmin, ModelForm = admin.ModelAdmin, forms.ModelForm

__all__ = [
    "STAMPS",
    "LinesField",
    "ReadOnlyAdmin",
    "RemovingAdmin",
    "VerbAdmin",
    "VerbForm",
    "acting_user",
    "link_to",
    "shown_when_refused",
    "verb_action",
]

Action: TypeAlias = Callable[[Any, HttpRequest, QuerySet[Any]], None]

STAMPS: Final = (
    "created_at",
    "created_by_user",
    "created_by_group",
    "modified_at",
    "modified_by_user",
    "modified_by_group",
)


def acting_user(request: HttpRequest) -> User:
    """The admin's user, who is logged in, as the verbs know users."""
    return User(request.user.get_username(), groups=list(request.user.groups.values_list("name", flat=True)))


class LocalizedTextField(forms.CharField):
    """The text of the active language; the other languages stay as they are."""

    def prepare_value(self, value: Any) -> Any:
        """One text out of all languages."""
        return LocalizedText.of(value).translate() or ""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the text differs from the one that was shown."""
        return super().has_changed(self.prepare_value(initial), data)


class LinesField(forms.CharField):
    """A list of texts in its order: one a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        """The lines."""
        return "\n".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        """The texts, without the spaces around them."""
        lines = value if isinstance(value, list | tuple) else str(value or "").splitlines()
        return [line.strip() for line in map(str, lines) if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the list is another one."""
        return bool(self.to_python(initial) != self.to_python(data))


class VerbForm(ModelForm):
    """A form whose input is handed to verbs; what they refuse is shown beside the fields."""

    user: ClassVar[User] = ANONYMOUS
    beside: ClassVar[Sequence[str]] = ()
    """Fields that are not for `verb`, but for those that `further` makes."""
    called: ClassVar[Mapping[str, str]] = {}
    """Names of the verbs' input that are called differently here."""

    def verb(self) -> Verb[Any]:
        """The verb that saves what the form says."""
        raise NotImplementedError

    def further(self) -> Sequence[Verb[Any]]:
        """The verbs that save what is said `beside`."""
        return ()

    def verbs(self) -> Sequence[Verb[Any]]:
        """All that saves what the form says, in order."""
        changed = set(self.changed_data)
        is_beside = bool(changed) and changed.issubset(self.beside)
        return [*([] if is_beside else [self.verb()]), *self.further()]

    def given(self) -> dict[str, Any]:
        """The input: every field of a new object, the changed ones of an existing one."""
        names = list(self.cleaned_data) if self.instance._state.adding else self.changed_data
        values = {name: self.cleaned_data[name] for name in names if name not in self.beside}
        return {name: list(value) if isinstance(value, QuerySet) else value for name, value in values.items()}

    def clean(self) -> dict[str, Any] | None:
        """Ask the first verb, without letting it write; the others are about what it leaves."""
        cleaned = super().clean()
        if not self.errors:
            self._ask_verb()
        return cleaned

    def _ask_verb(self) -> None:
        try:
            with transaction.atomic():
                for verb in self.verbs()[:1]:
                    verb.load()
                    verb.check()
        except CalumaError as error:
            self._show(error)

    def _show(self, error: CalumaError) -> None:
        """Beside the field that it is about, if the page has that."""
        fields = error.fields if isinstance(error, InvalidInput) else {}
        for name, complaint in (fields or {error.field or "": error.message}).items():
            snake = _snake(name)
            self.add_error(_known(self.called.get(snake, snake), self.fields), complaint)


class VerbAdmin(ModelAdmin):
    """Pages whose changes go through verbs. Nothing can be deleted: `RemovingAdmin` has a verb for that."""

    form: type[VerbForm]

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Localized text is edited in one language."""
        if isinstance(db_field, LocalizedField):
            required = db_field.name in {"name", "label"}
            widget = forms.TextInput if required else forms.Textarea
            return LocalizedTextField(label=capfirst(db_field.verbose_name), required=required, widget=widget)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, acting for the admin's user."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"user": acting_user(request)})

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Run the verbs; the first says which object it is."""
        saved = [run(verb) for verb in form.verbs()]
        if not change:
            obj.pk = saved[0].pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The verb did that too."""

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """There is no verb for it."""
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the user may run the actions: who may change the model by Django's permissions."""
        return self.has_change_permission(request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """What the verb refuses only when it runs is shown as a message; nothing is saved then."""
        return shown_when_refused(
            request, lambda: super(VerbAdmin, self).changeform_view(request, object_id, form_url, extra_context)
        )


class RemovingAdmin(VerbAdmin):
    """Pages whose objects can be removed too, by who may delete them by Django's permissions."""

    def removal(self, user: User, obj: Any) -> Verb[Any]:
        """The verb that removes it."""
        raise NotImplementedError

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As Django's permissions say."""
        return super(VerbAdmin, self).has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """Run the verb."""
        run(self.removal(acting_user(request), obj))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Run the verb for each: for all of them, or for none. One may be gone with another by then."""
        user = acting_user(request)
        with transaction.atomic():
            for key in list(queryset.order_by("pk").values_list("pk", flat=True)):
                for obj in self.model._default_manager.filter(pk=key):
                    run(self.removal(user, obj))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes along is the verb's business: no permission of its own is asked for that."""
        shown, counts, _, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the verb refuses is shown as a message."""
        return shown_when_refused(
            request, lambda: super(RemovingAdmin, self).delete_view(request, object_id, extra_context)
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """What the verb refuses of several is shown as a message."""
        return shown_when_refused(request, lambda: super(RemovingAdmin, self).changelist_view(request, extra_context))


def verb_action(verb: Callable[..., Verb[Any]], name: str, *, permission: str = "act", of: str = "pk") -> Action:
    """An action that runs the verb on each selected object, in a transaction each; `name` is what the list offers.

    The verb is made as `verb(user, id=key)`. With a column in `of`, it is made once for each value of that: as
    `verb(user, id=value, keys=…)` with the keys of all selected objects that have it. What it refuses is shown as a
    message, and the next one is taken.
    """

    @admin.action(permissions=[permission], description=name)
    def act(page: Any, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        user, done = acting_user(request), 0
        together: dict[Any, list[Any]] = {}
        for value, key in queryset.order_by("pk").values_list(of, "pk"):
            together.setdefault(value, []).append(key)
        for value, keys in together.items():
            try:
                run(verb(user, id=value, **({} if of == "pk" else {"keys": keys})))
                done += len(keys)
            except CalumaError as error:
                messages.error(request, f"{page.opts.verbose_name} {', '.join(map(str, keys))}: {error.message}")
        if done:
            messages.success(request, f"{name}: {done}.")

    act.__name__ = re.sub(r"\W+", "_", name.lower())
    return act


def shown_when_refused(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """The view's answer, or the same page again with what was refused as a message."""
    try:
        return view()
    except CalumaError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(request.get_full_path())


def link_to(obj: models.Model, text: Any = None) -> str:
    """A link to the object's page; its text alone, if it has no page."""
    shown = str(obj) if text is None else text
    try:
        url = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[quote(obj.pk)])
    except NoReverseMatch:
        return str(shown)
    return format_html('<a href="{}">{}</a>', url, shown)


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _known(name: str, fields: Mapping[str, Any]) -> str | None:
    return name if name in fields else None
