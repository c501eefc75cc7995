"""The frame of verbs that create or change an object by its slug. Which fields there are is the domains' own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet

from caluma_async.errors import InvalidInput
from caluma_async.records import LocalizedText, SlugRecord
from caluma_async.verbs import inputs
from caluma_async.verbs.base import Verb

S = TypeVar("S", bound=SlugRecord)
M = TypeVar("M", bound=Model)


class SaveBySlug(Verb[S]):
    """Create the object of that slug, or change it: what is left out of the input stays as it is.

    A subclass says which fields there are (`cleaners`), which ones a new object needs (`needed`), and adds its rules to
    `check`, where `changes` holds the cleaned input and `record` the object, if there is one.
    """

    model: type[S]
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]]
    needed: ClassVar[tuple[str, ...]] = ("name",)
    many: ClassVar[tuple[str, ...]] = ()
    """Fields that are relations to several objects."""

    record: S | None

    @property
    def subject(self) -> str:
        """The object, for messages: `Task 'review'`."""
        return f"{self.model.__name__} '{self.slug}'"

    def load(self) -> Model | None:
        """Lock the row, if there is one."""
        try:
            self.slug = inputs.slug("slug", self.data.get("slug"))
        except InvalidInput as complaint:
            raise inputs.together({"slug": complaint}, of=self.model.__name__) from complaint
        # not the key: rows elsewhere that refer to it need not wait
        self.record = self._rows().select_for_update(no_key=True).first()
        if self.record is not None and self.access.restricts(self.model):
            self._refuse_invisible()
        return self.record

    def check(self) -> None:
        """Clean the input; nothing that a new object needs may be missing."""
        given = {key: value for key, value in self.data.items() if key != "slug"}
        self.changes = inputs.clean(given, self.cleaners, of=self.subject)
        missing = [inputs.camel(key) for key in self.needed_now() if key not in self.changes]
        if missing:
            complaints = {name: InvalidInput(f"{name} is needed.") for name in missing}
            raise inputs.together(complaints, of=self.subject)

    def needed_now(self) -> Iterable[str]:
        """The fields that have to be given."""
        return self.needed if self.record is None else ()

    def write(self) -> S:
        """Save the row, then the relations to several objects."""
        if self.record is not None:
            return self._save(self.record)
        try:
            with transaction.atomic():
                return self._save(self.model(slug=self.slug))
        except IntegrityError:
            if not self._rows().exists():
                raise
            # somebody else has made it in the meantime: from the start, as a change
            return self.execute()

    def existing(self, key: str, model: type[M]) -> None:
        """Put the objects in the place of the slugs that field `key` names; refuse the unknown ones by name."""
        named = self.changes.get(key)
        if not named:
            return
        wanted = named if isinstance(named, list) else [named]
        found = self._find(model, wanted)
        missing = [slug for slug in wanted if slug not in found]
        if missing:
            raise inputs.refusal(inputs.camel(key), unknown_objects(model, missing), of=self.subject)
        self.changes[key] = [found[slug] for slug in wanted] if isinstance(named, list) else found[named]

    def _rows(self) -> QuerySet[S]:
        return self.model._default_manager.filter(pk=self.slug)

    def _save(self, record: S) -> S:
        columns = self._assign(record)
        record.stamp(self.user)
        if record._state.adding:
            record.save(force_insert=True)
        else:
            record.save(update_fields=columns)
        self._set_many(record)
        return record

    def _set_many(self, record: S) -> None:
        for name in self.many:
            if name in self.changes:
                getattr(record, name).set(self.changes[name])

    def _find(self, model: type[M], slugs: Iterable[str]) -> dict[str, M]:
        visible = self.access.visible(model._default_manager.all(), self.user)
        return {str(found.pk): found for found in visible.filter(pk__in=slugs)}

    def _assign(self, record: S) -> list[str]:
        columns = [name for name in self.changes if name not in self.many]
        for name in columns:
            value = self.changes[name]
            if isinstance(value, LocalizedText):
                value = LocalizedText({**getattr(record, name), **value})
            setattr(record, name, value)
        return columns

    def _refuse_invisible(self) -> None:
        visible: Any = self.access.visible(self.model._default_manager.all(), self.user)
        if not visible.filter(pk=self.slug).exists():
            raise inputs.refusal("slug", f"The slug '{self.slug}' is taken.", of=self.model.__name__)


def unknown_objects(model: type[Model], slugs: Iterable[str]) -> str:
    """The sentence for slugs of which there is no object: `There is no task 'a', 'b'.`"""
    return f"There is no {model._meta.verbose_name} {', '.join(repr(slug) for slug in slugs)}."
