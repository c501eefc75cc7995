"""How Django's admin pages go through the verbs: the same checks, the same events, in the admin user's name.

Which models have pages, and which verbs these use, is the domains' own (`admin.py` there).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
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

__all__ = ["STAMPS", "ReadOnlyAdmin", "VerbAdmin", "VerbForm", "acting_user", "shown_when_refused", "verb_action"]

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


class VerbForm(ModelForm):
    """A form whose input is handed to a verb; what the verb refuses is shown beside the fields."""

    user: ClassVar[User] = ANONYMOUS

    def verb(self) -> Verb[Any]:
        """The verb that saves what the form says."""
        raise NotImplementedError

    def given(self) -> dict[str, Any]:
        """The input: every field of a new object, the changed ones of an existing one."""
        names = list(self.cleaned_data) if self.instance._state.adding else self.changed_data
        values = {name: self.cleaned_data[name] for name in names}
        return {name: list(value) if isinstance(value, QuerySet) else value for name, value in values.items()}

    def clean(self) -> dict[str, Any] | None:
        """Ask the verb, without letting it write."""
        cleaned = super().clean()
        if not self.errors:
            self._ask_verb()
        return cleaned

    def _ask_verb(self) -> None:
        try:
            with transaction.atomic():
                verb = self.verb()
                verb.load()
                verb.check()
        except InvalidInput as error:
            for name, complaint in (error.fields or {"": error.message}).items():
                self.add_error(_known(_snake(name), self.fields), complaint)
        except CalumaError as error:
            self.add_error(None, error.message)


class VerbAdmin(ModelAdmin):
    """Pages whose changes go through verbs. Nothing can be deleted, unless a verb for that is added."""

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
        """Run the verb."""
        run(form.verb())

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The verb did that too."""

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """There is no verb for it."""
        return False

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


def verb_action(verb: Callable[..., Verb[Any]], name: str) -> Action:
    """An action that runs the verb on each selected object, in a transaction each; `name` is what the list offers.

    The verb is made as `verb(user, id=key)`. What it refuses is shown as a message, and the next object is taken.
    """

    @admin.action(permissions=["act"], description=name)
    def act(page: Any, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        user, done = acting_user(request), 0
        for key in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                run(verb(user, id=key))
                done += 1
            except CalumaError as error:
                messages.error(request, f"{page.opts.verbose_name} {key}: {error.message}")
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


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _known(name: str, fields: Mapping[str, Any]) -> str | None:
    return name if name in fields else None
