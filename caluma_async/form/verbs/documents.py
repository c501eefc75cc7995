"""The verbs that make and change documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Model

from caluma_async.errors import InvalidInput, NotFound
from caluma_async.form.documents import create_documents
from caluma_async.form.models import Document, Form
from caluma_async.verbs import Verb, inputs
from caluma_async.verbs.saving import unknown_objects


class SaveDocument(Verb[Document]):
    """Create a root document of a form, or change the form or the meta of the one whose `id` is given."""

    async_twin = "acreate_document"
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {"form": inputs.reference, "meta": inputs.json_object}
    document: Document | None = None

    def load(self) -> Model | None:
        """With an id: lock the root of its family, then find it through what the user may see."""
        self.document = self._find(self.data["id"]) if self.data.get("id") is not None else None
        return self.document

    def check(self) -> None:
        """The form must be given for a new document, and exist."""
        given = {key: value for key, value in self.data.items() if key != "id"}
        self.changes = inputs.clean(given, self.cleaners, of=self._subject)
        if "form" in self.changes:
            self._refuse_unknown_form(self.changes["form"])
        elif self.document is None:
            raise inputs.refusal("form", "form is needed.", of=self._subject)

    def write(self) -> Document:
        """Save it."""
        if self.document is None:
            return create_documents([self.changes["form"]], self.user, meta=self.changes.get("meta"))[0]
        self.document.form_id = self.changes.get("form", self.document.form_id)
        self.document.meta = self.changes.get("meta", self.document.meta)
        self.document.stamp(self.user)
        self.document.save(update_fields=["form", "meta"])
        return self.document

    @property
    def _subject(self) -> str:
        return f"Document {self.document.pk}" if self.document else "Document"

    def _find(self, wanted: Any) -> Document:
        try:
            key = inputs.uuid("id", wanted)
        except InvalidInput as error:
            raise NotFound(f"There is no document {inputs.shown(wanted)}.", field="id") from error
        visible = self.access.visible(Document.objects.all(), self.user).filter(pk=key)
        Document.objects.select_for_update(no_key=True).filter(pk__in=visible.values("family")).values("pk").first()
        found = visible.first()
        if found is None:
            raise NotFound(f"There is no document {inputs.shown(wanted)}.", field="id")
        return found

    def _refuse_unknown_form(self, slug: str) -> None:
        if not self.access.visible(Form.objects.all(), self.user).filter(pk=slug).exists():
            raise inputs.refusal("form", unknown_objects(Form, [slug]), of=self._subject)
