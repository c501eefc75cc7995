"""Pages of what can be copied: the page to add one makes a copy where its address names a source."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from caluma_async.form.verbs.saving import Copy
from caluma_async.verbs.admin import VerbAdmin, VerbForm


class CopyForm(VerbForm):
    """How the copy is called; all else is as the source has it."""

    copies: ClassVar[type[Copy[Any]]]
    source: ClassVar[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.source = self.source
        for name in ("name", "label"):
            if name in self.fields:
                self.initial[name] = getattr(self.source, name)

    def verb(self) -> Copy[Any]:
        """Makes the copy."""
        return self.copies(self.user, source=self.source.pk, **self.given())


class CopyingAdmin(VerbAdmin):
    """Pages whose objects can be copied."""

    copying: type[CopyForm]
    """The form that makes a copy."""
    changing: type[VerbForm]
    """The form of an object that is there."""
    actions = ("copy",)

    def get_form(self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form to change an object, to make one, or to make one out of another one."""
        source = self._source(request)
        if obj is not None:
            kwargs["form"] = self.changing_form(request, obj)
        elif source is not None:
            kwargs["form"] = type(self.copying.__name__, (self.copying,), {"source": source})
        return super().get_form(request, obj, change, **kwargs)

    def changing_form(self, request: HttpRequest, obj: Any) -> type[VerbForm]:
        """The form for this object."""
        return self.changing

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say what is copied, if anything is."""
        source = self._source(request)
        if source is None and "source" in request.GET:
            messages.error(request, f"There is no {self.opts.verbose_name} '{request.GET['source'][:127]}'.")
            return HttpResponseRedirect(request.path)
        title = {} if source is None else {"title": f"Copy {self.opts.verbose_name} '{source.pk}'"}
        return super().add_view(request, form_url, {**title, **(extra_context or {})})

    @admin.action(permissions=["add"], description="Copy under another slug")
    def copy(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Go to the page that makes a copy."""
        [*sources] = queryset[:2]
        if len(sources) == 1:
            return HttpResponseRedirect(self._address(sources[0]))
        messages.error(request, f"Select one {self.opts.verbose_name}: each copy needs a slug of its own.")
        return None

    @admin.display(description="copy")
    def copy_link(self, obj: Model) -> str:
        """Where it can be copied."""
        if obj._state.adding:
            return "-"
        return format_html('<a href="{}">{}</a>', self._address(obj), "Copy under another slug")

    def _address(self, source: Model) -> str:
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_add", current_app=self.admin_site.name)
        return f"{url}?{urlencode({'source': source.pk})}"

    def _source(self, request: HttpRequest) -> Any:
        slug = request.GET.get("source")
        return None if slug is None else self.model._default_manager.filter(pk=slug).first()
