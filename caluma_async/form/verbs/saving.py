"""The frames of the verbs that save and copy what is asked, and tell of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django.db import IntegrityError
from django.db.models import Model

from caluma_async.errors import InvalidInput
from caluma_async.events.event import EventType
from caluma_async.records import SlugRecord
from caluma_async.verbs import Verb, inputs
from caluma_async.verbs.saving import SaveBySlug, unknown_objects

S = TypeVar("S", bound=SlugRecord)


class SaveAndTell(SaveBySlug[S]):
    """As `SaveBySlug`, with an event before and one after.

    `noun` is the events' argument for the object. What receivers of the first leave in `validated_data` is checked
    like any other input, and saved.
    """

    noun: ClassVar[str]
    before: ClassVar[EventType]
    after: ClassVar[EventType]

    def _save(self, record: S) -> S:
        created = record._state.adding
        given = {self.noun: None if created else record, "validated_data": self.changes}
        if self.emit(self.before, **given):
            self.data = {**self.changes, "slug": self.slug}
            self.check()
        saved = super()._save(record)
        self.write_parts(saved)
        self.emit(self.after, **{self.noun: saved, "created": created})
        return saved

    def write_parts(self, record: S) -> None:
        """Write what belongs to the object and is no column of it."""


class Copy(Verb[S], Generic[S]):
    """Make an object of a new `slug` out of the one that `source` names: what the input does not say is the source's.

    What is archived is copied all the same, and the copy is not archived.
    """

    model: type[S]
    noun: ClassVar[str]
    before: ClassVar[EventType]
    after: ClassVar[EventType]
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]]
    needed: ClassVar[tuple[str, ...]] = ("source", "name")
    copied: ClassVar[Sequence[str]]
    """The columns that come from the source, unless the input says otherwise."""

    slug: str
    source: S

    def load(self) -> Model | None:
        """Nothing is changed: something new is made."""
        return None

    def check(self) -> None:
        """The slug must be free, and there must be such a source."""
        self.slug = self._slug()
        given = {key: value for key, value in self.data.items() if key != "slug"}
        self.changes = inputs.clean(given, self.cleaners, of=self.subject)
        missing = [inputs.camel(key) for key in self.needed if key not in self.changes]
        if missing:
            raise inputs.together({name: InvalidInput(f"{name} is needed.") for name in missing}, of=self.subject)
        self.source = self._source()

    def write(self) -> S:
        """Save the copy."""
        if self.emit(self.before, **{self.noun: None, "validated_data": self.changes}):
            self.data = {**self.changes, "slug": self.slug}
            self.check()
        fields = {name: getattr(self.source, name) for name in self.copied}
        given = {name: value for name, value in self.changes.items() if name != "source"}
        copy = self.model(**{**fields, **given, "slug": self.slug, "source": self.source})
        copy.stamp(self.user)
        try:
            copy.save(force_insert=True)
        except IntegrityError as error:  # made by somebody else in the meantime
            raise self._taken() from error
        self.write_parts(copy)
        self.emit(self.after, **{self.noun: copy, "created": True})
        return copy

    def write_parts(self, copy: S) -> None:
        """Write what belongs to the copy and is no column of it."""

    @property
    def subject(self) -> str:
        """The object, for messages: `Form 'plan'`."""
        return f"{self.model.__name__} '{self.slug}'"

    def _slug(self) -> str:
        try:
            return inputs.slug("slug", self.data.get("slug"))
        except InvalidInput as complaint:
            raise inputs.together({"slug": complaint}, of=self.model.__name__) from complaint

    def _source(self) -> S:
        """The source; what there is of the new slug is looked up along with it."""
        wanted = self.changes["source"]
        found = self.model._default_manager.in_bulk([wanted, self.slug])
        if self.slug in found:
            raise self._taken()
        source = found.get(wanted)
        if source is None or not self._is_visible(source):
            raise inputs.refusal("source", unknown_objects(self.model, [wanted]), of=self.subject)
        return source

    def _is_visible(self, source: S) -> bool:
        if not self.access.restricts(self.model):
            return True
        mine: Any = self.model._default_manager.filter(pk=source.pk)
        return bool(self.access.visible(mine, self.user).exists())

    def _taken(self) -> InvalidInput:
        return inputs.refusal("slug", f"The slug '{self.slug}' is taken.", of=self.model.__name__)
