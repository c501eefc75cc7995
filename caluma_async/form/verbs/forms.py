"""The verbs that make, change and copy forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from caluma_async.form.events import post_save_form, pre_save_form
from caluma_async.form.models import Form, FormQuestion
from caluma_async.form.verbs.saving import Copy, SaveAndTell
from caluma_async.verbs import bulk, inputs


class SaveForm(SaveAndTell[Form]):
    """Create or change a form by its slug."""

    async_twin = "asave_form"
    model = Form
    noun = "form"
    before, after = pre_save_form, post_save_form
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        "name": inputs.needed_localized,
        "description": inputs.localized,
        "meta": inputs.json_object,
        "is_archived": inputs.flag,
        "is_published": inputs.flag,
    }


class CopyForm(Copy[Form]):
    """Make a form out of another one: with the same questions in the same order, which both share."""

    async_twin = "acopy_form"
    model = Form
    noun = "form"
    before, after = pre_save_form, post_save_form
    copied = ("description", "meta", "is_published")
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        "name": inputs.needed_localized,
        "description": inputs.localized,
        "is_published": inputs.flag,
        "source": inputs.reference,
    }

    def write_parts(self, copy: Form) -> None:
        """Tie the questions to the copy, too."""
        links = [tie(copy.pk, each.question_id, each.sort) for each in self.source.form_questions.all()]
        for link in links:
            link.stamp(self.user)
        bulk.insert(links)


def tie(form: str, question: str, sort: int) -> FormQuestion:
    """That a form has a question, not yet written."""
    return FormQuestion(id=f"{form}.{question}", form_id=form, question_id=question, sort=sort)
