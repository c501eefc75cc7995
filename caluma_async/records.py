"""What every stored object has: a key, who made and changed it and when, and text in several languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import get_language

from caluma_async.conf import of_django
from caluma_async.identity import LONGEST_NAME, User
from caluma_async.keys import uuid7


def language() -> str:
    """The language in force, without its region, or the site's own."""
    return _without_region(get_language()) if get_language() else site_language()


def site_language() -> str:
    """The site's own language, without its region."""
    return _without_region(of_django("LANGUAGE_CODE"))


def _without_region(code: str | None) -> str:
    return (code or "").split("-")[0].lower()


class LocalizedText(dict[str, str | None]):
    """One text by language: ``{"en": "Review", "de": "Prüfung"}``."""

    def translate(self, wanted: str | None = None) -> str | None:
        """The text in the wanted language (default: the one in force), else in the site's, else in any."""
        for code in (wanted or language(), site_language(), *self):
            if self.get(code):
                return self[code]
        return None

    def with_text(self, text: str | None, code: str | None = None) -> LocalizedText:
        """A copy with the text of one language (default: the one in force) replaced."""
        return LocalizedText({**self, code or language(): text})

    def __str__(self) -> str:
        return self.translate() or ""

    @classmethod
    def of(cls, value: Any) -> LocalizedText:
        """The value as localized text: a string counts for the language in force, ``None`` is no text at all."""
        if isinstance(value, cls):
            return value
        if value is None:
            return cls()
        if isinstance(value, Mapping):
            return cls(value)
        return cls({language(): str(value)})


class _LocalizedAttribute:
    """Turns whatever is assigned into localized text."""

    def __init__(self, field: LocalizedField) -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type) -> Any:
        if instance is None:
            return self
        if self.field.attname not in instance.__dict__:
            instance.refresh_from_db(fields=[self.field.attname])
        return instance.__dict__[self.field.attname]

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = LocalizedText.of(value)


if TYPE_CHECKING:
    _JSONField = models.JSONField[Any, LocalizedText]
else:
    _JSONField = models.JSONField


class LocalizedField(_JSONField):
    """A text column with one text per language, stored as a JSON object."""

    descriptor_class: Any = _LocalizedAttribute

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", LocalizedText)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def get_prep_value(self, value: Any) -> Any:
        """What goes into the column: a plain object."""
        return super().get_prep_value(dict(value) if isinstance(value, LocalizedText) else value)


class Record(models.Model):
    """Who made it and who changed it last, and when. The door through which it happens hands the user down."""

    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    modified_at = models.DateTimeField(auto_now=True, editable=False)
    created_by_user = models.CharField(max_length=LONGEST_NAME, null=True, blank=True, editable=False)
    created_by_group = models.CharField(max_length=LONGEST_NAME, null=True, blank=True, editable=False)
    modified_by_user = models.CharField(max_length=LONGEST_NAME, null=True, blank=True, editable=False)
    modified_by_group = models.CharField(max_length=LONGEST_NAME, null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    STAMPS: ClassVar[tuple[str, ...]] = ("modified_at", "modified_by_user", "modified_by_group")

    def __str__(self) -> str:
        return str(self.pk)

    def stamp(self, user: User, now: datetime | None = None) -> None:
        """Note who changes it; who made it too, while it has not been saved yet."""
        self.modified_at = now or timezone.now()
        self.modified_by_user, self.modified_by_group = user.username, user.group
        if self._state.adding:
            self.created_at = self.modified_at
            self.created_by_user, self.created_by_group = user.username, user.group

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save; a partial save takes the stamps along."""
        if update_fields is not None:
            update_fields = {*update_fields, *self.STAMPS}
        super().save(*args, update_fields=update_fields, **kwargs)


class UUIDRecord(Record):
    """A record with a time-ordered key."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True
        # the order of every list that asks for no other
        indexes: ClassVar = [models.Index(fields=["created_at", "id"], name="%(class)s_by_age")]


class SlugRecord(Record):
    """A record that people name: its key is a slug and never changes."""

    slug = models.CharField(
        primary_key=True,
        max_length=127,
        validators=[
            RegexValidator(r"\A[-_a-zA-Z0-9]+\Z", "Only letters, digits, hyphens and underscores.", code="invalid"),
        ],
    )

    class Meta:
        abstract = True
