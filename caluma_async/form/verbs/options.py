"""The verbs that make and change options of choice questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from caluma_async.form.events import post_save_option, pre_save_option
from caluma_async.form.expressions import condition
from caluma_async.form.models import Option
from caluma_async.form.verbs.saving import Copy, SaveAndTell
from caluma_async.verbs import inputs


class SaveOption(SaveAndTell[Option]):
    """Create or change an option by its slug; which questions offer it is theirs to say."""

    async_twin = "asave_option"
    model = Option
    noun = "option"
    before, after = pre_save_option, post_save_option
    needed = ("label",)
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        "label": inputs.needed_localized,
        "is_hidden": condition,
        "is_archived": inputs.flag,
        "meta": inputs.json_object,
    }


class CopyOption(Copy[Option]):
    """Make an option out of another one. No question offers it yet."""

    async_twin = "acopy_option"
    model = Option
    noun = "option"
    before, after = pre_save_option, post_save_option
    needed = ("source", "label")
    copied = ("is_hidden", "meta")
    cleaners: ClassVar[Mapping[str, inputs.Cleaner]] = {
        "label": inputs.needed_localized,
        "source": inputs.reference,
    }
