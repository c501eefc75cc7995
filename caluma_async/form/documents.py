"""How documents come into being, for verbs that make them among other things. Says nothing on who may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from caluma_async.errors import Misconfigured
from caluma_async.form import versions
from caluma_async.form.calculation import recalculate_all
from caluma_async.form.copies import Copies, Original
from caluma_async.form.definitions import catalogues
from caluma_async.form.events import post_calculate_answers, post_create_document, pre_create_document
from caluma_async.form.lanes import Lane
from caluma_async.form.models import Document, Form
from caluma_async.verbs import Verb, bulk, inputs
from caluma_async.verbs.saving import unknown_objects

FIELDS: Final[Mapping[str, inputs.Cleaner]] = {"form": inputs.reference, "meta": inputs.json_object}
"""What may be said of a document, when it is made and later."""


def create_documents(
    verb: Verb[Any], forms: Sequence[str], *, meta: Mapping[str, Any] | None = None, lane: str | None = None
) -> list[Document]:
    """New root documents of these forms (slugs), in the same order, with the default answers of their questions.

    For use inside of a verb: the forms are known to exist, and the transaction is the caller's. `lane` is that of the
    events, where the documents belong to somebody. The number of statements does not grow with that of documents.
    """
    documents = [_announced(verb, {"form": form, "meta": dict(meta or {})}) for form in forms]
    _refuse_unknown_forms({document.form_id for document in documents} - set(forms))
    for document in documents:
        document.family_id = document.pk
        document.stamp(verb.user)
        Lane(document.pk, lane).holds_for([document])
    bulk.insert(documents)
    _fill(documents, verb)
    calculated = recalculate_all([document.pk for document in documents], verb.user)
    for document in documents:
        verb.emit(post_create_document, document=document)
        if document.pk in calculated:
            verb.emit(post_calculate_answers, document=document, answers=calculated[document.pk])
    return documents


def _announced(verb: Verb[Any], data: dict[str, Any]) -> Document:
    """Tell receivers what is to be created; the document as they want it, not yet written."""
    verb.emit(pre_create_document, document=None, validated_data=data)
    if unknown := data.keys() - {"form", "meta"}:
        listed = ", ".join(sorted(map(repr, unknown)))
        raise Misconfigured(f"A document has no {listed}; a receiver of pre_create_document put it into its data.")
    cleaned = inputs.clean({"form": data.get("form"), "meta": data.get("meta")}, FIELDS, of="Document")
    return Document(form_id=cleaned["form"], meta=cleaned["meta"])


def _refuse_unknown_forms(put_in: set[str]) -> None:
    """A receiver may have put in another form, but none that there is not."""
    if put_in and (missing := put_in.difference(Form.objects.filter(pk__in=put_in).values_list("pk", flat=True))):
        raise inputs.refusal("form", unknown_objects(Form, sorted(missing)), of="Document")


def _fill(documents: Sequence[Document], verb: Verb[Any]) -> None:
    """Copy in what the questions of their forms, and of the sub forms of these, have as default answers."""
    forms = catalogues({document.form_id for document in documents}, versions.current())
    original = Original.of_defaults({slug for form in forms.values() for slug in form.of_document})
    copies = Copies(verb.user)
    for document in documents:
        copies.add(original.only(forms[document.form_id].of_document), None, document, sourced=False)
    copies.write()
