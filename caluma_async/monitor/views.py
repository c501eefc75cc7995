"""The page, the same as JSON for browsers that have no socket, and the two buttons. For Django's staff only."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from caluma_async.errors import CalumaError
from caluma_async.monitor import board
from caluma_async.monitor.parts import parts
from caluma_async.verbs.admin import acting_user
from caluma_async.verbs.base import run
from caluma_async.verbs.deliveries import DiscardDelivery, RetryDelivery

View = Callable[[HttpRequest], HttpResponseBase]

PERMISSION: Final = "events.change_delivery"
"""Whoever may retry and discard in the admin may do it here."""

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind} 'self'" for kind in ("script-src", "style-src", "connect-src", "img-src", "form-action")),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def for_staff(view: View) -> View:
    """Let staff in; send whoever is not known to the admin's login, and refuse others."""

    @wraps(view)
    @never_cache
    def guarded(request: HttpRequest) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        if not request.user.is_staff:
            raise PermissionDenied
        response = view(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return guarded


@for_staff
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The page, complete without any script."""
    context = {"parts": _parts(request), "event": _event(request), "may_act": request.user.has_perm(PERMISSION)}
    return render(request, "monitor/page.html", context)


@for_staff
@require_GET
def state(request: HttpRequest) -> HttpResponse:
    """What the socket would push."""
    return JsonResponse({"parts": _parts(request)})


@for_staff
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """Retry or discard one delivery, in the name of the user. Says in words what became of it."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    try:
        done, said = True, _act(request)
    except CalumaError as error:
        done, said = False, error.message
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"done": done, "said": said})
    messages.add_message(request, messages.SUCCESS if done else messages.ERROR, said)
    return HttpResponseRedirect(reverse("monitor:page"))


def _act(request: HttpRequest) -> str:
    user = acting_user(request)
    if "discard" in request.POST:
        run(DiscardDelivery(user, id=request.POST["discard"]))
        return f"Delivery {request.POST['discard']} was discarded."
    verb = RetryDelivery(user, id=request.POST.get("retry"))
    run(verb)
    late = " It runs out of order: later ones of its lane were done already." if verb.out_of_order else ""
    return f"Delivery {request.POST['retry']} waits again.{late}"


def _parts(request: HttpRequest) -> dict[str, str]:
    event = _event(request)
    may_act = request.user.has_perm(PERMISSION)
    return parts(board.board(), event=event, chain=board.chain(event), may_act=may_act)


def _event(request: HttpRequest) -> UUID | None:
    return event_of(request.GET)


def event_of(given: Any) -> UUID | None:
    """The event whose chain is asked for; what is no key asks for none."""
    try:
        return UUID(given.get("event", ""))
    except ValueError:
        return None
