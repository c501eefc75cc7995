"""Events and deliveries in Django's admin: to look at, and to retry or discard. Both go the way the command goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from caluma_async.events import outbox
from caluma_async.events.event import event_types
from caluma_async.events.models import Delivery, EventRecord
from caluma_async.events.outbox.search import reason
from caluma_async.events.registry import registry
from caluma_async.read_only import ReadOnlyAdmin

_FIRST = 100
"""How many characters of an error the list shows, and how many deliveries an event shows."""


class ReceiverFilter(admin.SimpleListFilter):
    """By receiver: those that are registered. Asking the table for all there are would read all of it."""

    title = "receiver"
    parameter_name = "receiver"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The names, and `unknown`."""
        return [("unknown", "Not registered"), *((name, name) for name in sorted(registry.deliverable_names()))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the one that was chosen."""
        if self.value() == "unknown":
            return queryset.exclude(receiver__in=registry.deliverable_names())
        return queryset if self.value() is None else queryset.filter(receiver=self.value())


class EventFilter(admin.SimpleListFilter):
    """By the event's type: those that are declared."""

    title = "event"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """The names."""
        return [(name, name) for name in sorted(event_types())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the one that was chosen."""
        if self.value() is None:
            return queryset
        path = "type" if queryset.model is EventRecord else "event__type"
        return queryset.filter(**{path: self.value()})


@admin.register(EventRecord)
class EventRecordAdmin(ReadOnlyAdmin):
    """Events that somebody receives without blocking."""

    list_display = ("id", "type", "lane", "emitted_at", "correlation_id")
    list_filter = (EventFilter, "emitted_at")
    search_fields = ("=id", "=correlation_id", "=causation_id", "=lane")
    ordering = ("-id",)
    show_full_result_count = False
    readonly_fields = ("told",)

    @admin.display(description="Deliveries")
    def told(self, record: EventRecord) -> SafeString:
        """Who is told of it, and how far that has come."""
        deliveries = record.deliveries.order_by("id")[:_FIRST]
        return format_html_join("\n", "<div>{}: {}</div>", ((_link(one), one.state) for one in deliveries))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Deliveries, the latest first; those that failed or are held can be retried."""

    list_display = ("id", "receiver", "event_type", "state", "attempt", "available_at", "finished_at", "short_error")
    list_filter = ("state", ReceiverFilter, EventFilter, "available_at")
    list_select_related = ("event",)
    search_fields = ("=id", "=event__id", "=lane", "=event__lane")
    ordering = ("-id",)
    show_full_result_count = False
    actions = ("retry", "discard")

    @admin.display(description="Event", ordering="event__type")
    def event_type(self, delivery: Delivery) -> str:
        """The type of its event."""
        return delivery.event.type

    @admin.display(description="Error")
    def short_error(self, delivery: Delivery) -> str:
        """What went wrong last, in one line."""
        return reason(delivery.error)[:_FIRST]

    @admin.action(permissions=["act"], description="Retry")
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Let failed and held deliveries wait again."""
        ids = _keys(queryset)
        moved = outbox.retry(ids)
        outbox.announce()
        _tell(request, "waits again", "wait again", [one.id for one in moved], ids)
        if late := [one.id for one in moved if one.out_of_order]:
            messages.warning(
                request, f"Out of order, as later ones of their lane were delivered already: {_listed(late)}."
            )

    @admin.action(permissions=["act"], description="Discard")
    def discard(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Give up deliveries that wait, failed or are held."""
        ids = _keys(queryset)
        discarded = outbox.discard(ids, f"Discarded by {request.user.get_username()}.")
        _tell(request, "was discarded", "were discarded", sorted(discarded), ids)


def _keys(queryset: QuerySet[Delivery]) -> list[int]:
    return list(queryset.order_by("pk").values_list("pk", flat=True))


def _tell(request: HttpRequest, one: str, many: str, done: list[int], wanted: list[int]) -> None:
    if done:
        number = len(done)
        messages.success(request, f"{number} {f'delivery {one}' if number == 1 else f'deliveries {many}'}.")
    if left := sorted(set(wanted) - set(done)):
        messages.error(request, f"Left as they are, as their state does not allow it: {_listed(left)}.")


def _listed(ids: list[int]) -> str:
    shown = ", ".join(map(str, ids[:_FIRST]))
    return f"{shown} and {len(ids) - _FIRST} more" if len(ids) > _FIRST else shown


def _link(delivery: Delivery) -> SafeString:
    page = reverse("admin:events_delivery_change", args=[delivery.pk])
    return format_html('<a href="{}">{}</a>', page, delivery)
