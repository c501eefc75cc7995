"""What was: a row for every save and every deletion of an object of the form domain. Triggers write them."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db import models

from caluma_async.identity import LONGEST_NAME
from caluma_async.keys import uuid7


class HistoryEntry(models.Model):
    """An object as it was from `date` on, or as it was when it was deleted then.

    `model` is the model's name and `object_id` the object's key, `parent_id` the key of what it belongs to: the family
    of a document, the document of an answer, the answer of a file or of a row of a table; keys are written as the
    database has them. `data` has the row's columns. Of two entries the one with the higher `id` is the later one.
    """

    CREATED: Final = "+"
    CHANGED: Final = "~"
    DELETED: Final = "-"

    id = models.BigAutoField(primary_key=True)
    history_id = models.UUIDField(default=uuid7, editable=False)
    model = models.CharField(max_length=20)
    object_id = models.CharField(max_length=255)
    parent_id = models.CharField(max_length=127, null=True)
    type = models.CharField(max_length=1)
    date = models.DateTimeField()
    user_id = models.CharField(max_length=LONGEST_NAME, null=True)
    question_type = models.CharField(max_length=23, null=True)
    data: models.JSONField[Any, Any] = models.JSONField()

    class Meta:
        verbose_name_plural = "history entries"
        indexes: ClassVar = [
            models.Index(fields=["model", "object_id", "id"], name="history_of_object"),
            models.Index(fields=["model", "parent_id", "id"], name="history_of_parts"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.model} {self.object_id}"
