"""The mutations of the form domain, as far as they are built."""

from __future__ import annotations

import strawberry

from caluma_async.form.verbs import SaveForm
from caluma_async.graphql.form.types import Form
from caluma_async.graphql.inputs import json_text, optional
from caluma_async.graphql.scalars import JSONString
from caluma_async.graphql.verbs import Input, Payload, mutation


@strawberry.input
class SaveFormInput(Input):
    """A form, new or changed by its slug."""

    slug: str
    name: str
    description: str | None = optional()
    meta: JSONString | None = json_text()
    is_archived: bool | None = optional()
    is_published: bool | None = optional()


@strawberry.type
class SaveFormPayload(Payload):
    """The form that was saved."""

    form: Form | None


@strawberry.type
class FormMutations:
    """What can be done with forms."""

    save_form: SaveFormPayload | None = mutation(SaveForm, SaveFormInput, "form")
