"""The verbs that make, change, copy and remove documents."""

from __future__ import annotations

from caluma_async.errors import Refused
from caluma_async.form import families, options
from caluma_async.form.copies import Copies, Original
from caluma_async.form.documents import FIELDS, create_documents
from caluma_async.form.events import (
    post_copy_document,
    post_remove_document,
    post_save_document,
    pre_copy_document,
    pre_remove_document,
    pre_save_document,
)
from caluma_async.form.lanes import Lane
from caluma_async.form.models import Answer, AnswerDocument, Document, DynamicOption, File, Form
from caluma_async.form.verbs.family import DocumentVerb
from caluma_async.verbs import bulk, inputs
from caluma_async.verbs.saving import unknown_objects


class SaveDocument(DocumentVerb[Document]):
    """Create a root document of a form, or change the form or the meta of the one whose `id` is given.

    A new one has the default answers of its form's questions, and of those of the form's sub forms.
    """

    async_twin = "asave_document"
    cleaners = FIELDS
    document: Document | None = None

    def load(self) -> Document | None:
        """With an id: lock the family, then find the document through what the user may see."""
        self.document = self.locked_document("id") if self.data.get("id") is not None else None
        return self.document

    def check(self) -> None:
        """The form must be given for a new document, and exist."""
        super().check()
        if self.document is None and "form" not in self.changes:
            raise inputs.refusal("form", "form is needed.", of=self._subject)
        self._refuse_unfit_form()

    def write(self) -> Document:
        """Save it."""
        if self.document is None:
            return create_documents(self, [self.changes["form"]], meta=self.changes.get("meta"))[0]
        if self.emit(pre_save_document, document=self.document, validated_data=self.changes):
            self.changes = inputs.clean(self.changes, self.cleaners, of=self._subject)
            self._refuse_unfit_form()
        before = self.document.form_id
        self.document.form_id = self.changes.get("form", before)
        self.document.meta = self.changes.get("meta", self.document.meta)
        self.document.stamp(self.user)
        self.document.save(update_fields=["form", "meta"])
        if self.document.form_id != before:
            self.calculate_all([self.document])
        self.emit(post_save_document, document=self.document)
        return self.document

    @property
    def _subject(self) -> str:
        return f"Document {self.document.pk}" if self.document else "Document"

    def _refuse_unfit_form(self) -> None:
        if "form" in self.changes:
            self._refuse_unknown_form(self.changes["form"])
        if self.document is not None:
            self._refuse_other_row_form(self.document)

    def _refuse_unknown_form(self, slug: str) -> None:
        if not self.visible(Form.objects.filter(pk=slug)).exists():
            raise inputs.refusal("form", unknown_objects(Form, [slug]), of=self._subject)

    def _refuse_other_row_form(self, document: Document) -> None:
        form = self.changes.get("form", document.form_id)
        if form != document.form_id and AnswerDocument.objects.filter(document=document).exists():
            message = f"It is a row of a table, whose rows are of the form '{document.form_id}'."
            raise inputs.refusal("form", message, of=self._subject)


class CopyDocument(DocumentVerb[Document]):
    """Make a root document with the answers of the document `source`, and with copies of its rows."""

    async_twin = "acopy_document"
    references = ("source",)
    source: Document

    def load(self) -> Document:
        """Lock the family of what is copied, so that it is copied as it is at one moment."""
        self.source = self.locked_document("source")
        return self.source

    def write(self) -> Document:
        """Copy the document, its rows, and all that belongs to their answers."""
        self.emit(pre_copy_document, document=self.source)
        copy = Document(form_id=self.source.form_id, meta=dict(self.source.meta), source=self.source)
        copy.family_id = copy.pk
        Lane(copy.pk).holds_for([copy])
        copies = Copies(self.user)
        copies.documents.append(copy)
        copies.add(Original.of_document(self.source), self.source.pk, copy, sourced=True)
        copies.write()
        if options.copied(copies.options, copies.answers, self.user):
            self.calculate_all([copy])
        self.emit(post_copy_document, document=copy, source=self.source)
        return copy


class RemoveDocument(DocumentVerb[Document]):
    """Remove a `document` with its rows and files. It may be a row of a table itself, which has one less then."""

    async_twin = "aremove_document"
    removes = True
    references = ("document",)
    document: Document

    def load(self) -> Document:
        """Lock the family, then find the document, and what is below it."""
        self.document = self.locked_document("document")
        self.documents = families.subtrees([self.document])[self.document.pk]
        return self.document

    def check(self) -> None:
        """Nothing of it may be what a case or a work item has."""
        super().check()
        owned = families.owned([document.pk for document in self.documents])
        if owned:
            raise Refused(f"Document {owned[0].pk} belongs to a case or a work item, and cannot be removed.")

    def write(self) -> Document:
        """Remove everything."""
        self.emit(pre_remove_document, document=self.document)
        keys = [document.pk for document in self.documents]
        answers = list(Answer.objects.filter(document__in=keys))
        of_answers = [answer.pk for answer in answers]
        rows = AnswerDocument.objects.filter(answer__in=of_answers) | AnswerDocument.objects.filter(document__in=keys)
        links = list(rows.select_related("answer"))
        files, chosen = File.objects.filter(answer__in=of_answers), DynamicOption.objects.filter(document__in=keys)
        copies = list(Document.objects.filter(source__in=keys).exclude(pk__in=keys))
        for copy in copies:
            copy.source = None
        bulk.update(copies, ["source"])
        bulk.delete([*chosen, *files, *links, *answers, *reversed(self.documents)])
        if self.document.pk != self.document.family_id:
            tables = {(link.answer.document_id, link.answer.question_id) for link in links}
            self.calculate(self.document, [(key, slug) for key, slug in tables if key and key not in keys])
        self.emit(
            post_remove_document,
            document_id=self.document.pk,
            form_id=self.document.form_id,
            family_id=self.document.family_id,
            meta=self.document.meta,
        )
        return self.document
