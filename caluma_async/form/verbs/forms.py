"""The verbs that make and change forms, and say which questions they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from caluma_async.form.models import Form
from caluma_async.verbs import inputs
from caluma_async.verbs.saving import SaveBySlug


class SaveForm(SaveBySlug[Form]):
    """Create or change a form by its slug."""

    async_twin = "asave_form"
    model = Form
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        "name": inputs.needed_localized,
        "description": inputs.localized,
        "meta": inputs.json_object,
        "is_archived": inputs.flag,
        "is_published": inputs.flag,
    }
