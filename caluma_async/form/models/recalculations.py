"""What is still to be calculated anew because forms changed."""

from __future__ import annotations

from django.db import models

from caluma_async.records import UUIDRecord


class Recalculation(UUIDRecord):
    """That the documents of some forms are to be calculated anew, and how far that has come.

    `forms`: slugs of the forms of the root documents. `last`: the root that was done last; they are taken in the order
    of their keys. Who asked for it is who changed the forms.
    """

    forms = models.JSONField(default=list)
    last = models.UUIDField(null=True, editable=False)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta(UUIDRecord.Meta):
        abstract = False
