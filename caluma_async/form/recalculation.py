"""What a change of forms means for the documents there are: calculated anew after the commit, in batches.

A row says what is to be done and how far that has come; a delivery of the event engine does a share of it and asks for
the next one, so that it survives whatever happens to the process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from caluma_async.conf import settings
from caluma_async.events import Retry, on
from caluma_async.events.emit import caused_by, emissions, send_event
from caluma_async.form import versions
from caluma_async.form.around import forms_around, forms_with
from caluma_async.form.calculation import recalculate_all
from caluma_async.form.definitions import catalogues
from caluma_async.form.events import post_calculate_answers, post_request_recalculation
from caluma_async.form.models import Document, Recalculation
from caluma_async.form.structure.dependencies import dependencies
from caluma_async.identity import User

BATCH: Final = 50
"""Families that are locked, calculated and written together."""
SENDER: Final = "recalculation"
SHARE: Final = 5.0
"""Seconds that one delivery works before it asks for the next one."""


def schedule(user: User, *, questions: Collection[str] = (), forms: Collection[str] = ()) -> Recalculation | None:
    """Have the documents that a change of forms concerns calculated anew after the commit; `None` if none can change.

    For verbs, inside their transaction, after they wrote: `questions` whose expressions or type changed, or that came
    into or went out of `forms`. A request for the same forms that nobody has begun is not made twice.
    """
    concerned = forms_around({*forms, *forms_with(questions)})
    known = catalogues(concerned, versions.current())
    calculating = sorted(form for form, catalogue in known.items() if dependencies(catalogue).order)
    return request(user, calculating) if calculating and _roots(calculating).exists() else None


def request(user: User, forms: Sequence[str]) -> Recalculation:
    """Have all documents of these forms calculated anew after the commit."""
    # locked: who begins it waits for this transaction, and sees what it changed
    waiting = Recalculation.objects.select_for_update().filter(forms=list(forms), started_at=None).first()
    if waiting is not None:
        return waiting
    made = Recalculation(forms=list(forms))
    made.stamp(user)
    made.save(force_insert=True)
    send_event(post_request_recalculation, SENDER, user=user, recalculation=made)
    return made


@on(
    post_request_recalculation,
    name="caluma_async.form.recalculation",
    blocking=False,
    transactional=False,
    retry=Retry(max_attempts=20),
)
def work_off(recalculation: Recalculation, user: User, **_: Any) -> None:
    """Do a share of a recalculation; ask for the next one if something is left."""
    begin(recalculation)
    until = monotonic() + SHARE
    for _batch in batches(recalculation, user):
        if monotonic() > until:
            with caused_by(None):  # not one event after another: the chain would end at EVENT_MAX_DEPTH
                send_event(post_request_recalculation, SENDER, user=user, recalculation=recalculation)
            return


def begin(recalculation: Recalculation) -> None:
    """Note that it has begun, and how much there is to do; nothing if it has begun before."""
    with transaction.atomic():
        fresh = Recalculation.objects.select_for_update().filter(pk=recalculation.pk, started_at=None)
        if fresh.first() is not None:
            fresh.update(started_at=timezone.now(), total=_roots(recalculation.forms).count())


def supersede(recalculation: Recalculation) -> None:
    """Finish earlier ones for the same forms by the same user: what they had left has been calculated since."""
    earlier = Recalculation.objects.filter(forms=recalculation.forms, created_by_user=recalculation.created_by_user)
    earlier.filter(finished_at=None, created_at__lt=recalculation.created_at).update(finished_at=timezone.now())


def batches(recalculation: Recalculation, user: User) -> Iterator[int]:
    """Calculate batch after batch, each in a transaction of its own; how many answers changed in each."""
    while True:
        with transaction.atomic():
            roots = _next(recalculation)
            changed = _calculate(roots, user) if roots else 0
            _note(recalculation, roots)
        if not roots:
            return
        yield changed


def _calculate(roots: Sequence[UUID], user: User) -> int:
    # in the order of their keys, as verbs that lock two families do it; no answer is saved meanwhile
    documents = list(Document.objects.select_for_update(no_key=True).filter(pk__in=roots).order_by("pk"))
    changed = recalculate_all([document.pk for document in documents], user)
    with emissions(user=user):
        for document in documents:
            if document.pk in changed:
                send_event(post_calculate_answers, SENDER, user=user, document=document, answers=changed[document.pk])
    return sum(map(len, changed.values()))


def _next(recalculation: Recalculation) -> list[UUID]:
    roots = _roots(recalculation.forms).order_by("pk")
    if recalculation.last is not None:
        roots = roots.filter(pk__gt=recalculation.last)
    return list(roots.values_list("pk", flat=True)[:BATCH])


def _note(recalculation: Recalculation, roots: Sequence[UUID]) -> None:
    row = Recalculation.objects.filter(pk=recalculation.pk)
    if not roots:
        now = timezone.now()
        row.update(finished_at=now)
        old = now - timedelta(days=settings.EVENT_RETENTION)
        Recalculation.objects.filter(finished_at__lt=old).delete()
        return
    recalculation.last = roots[-1]
    row.update(last=roots[-1], done=F("done") + len(roots))


def _roots(forms: Sequence[str]) -> QuerySet[Document]:
    return Document.objects.filter(form__in=forms, pk=F("family"))
