"""Formats that answers must have, such as that of an e-mail address: built in, or the site's own.

class PostalCode(BaseFormatValidator):
    slug = "postal-code"
    name = {"en": "Postal code", "de": "Postleitzahl"}
    regex = r"[1-9][0-9]{3}$"
    error_msg = {"en": "%(value)s is no postal code."}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from caluma_async.errors import InvalidFormat
from caluma_async.form.listed import Listed
from caluma_async.form.models import Question
from caluma_async.records import LocalizedText

Text = str | Mapping[str, str | None]
"""A text, or one per language."""


class BaseFormatValidator:
    """Base of format validators.

    `regex` must match from the start of the answer; `error_msg` may hold `%(value)s`. Where a regular expression does
    not do, override `is_valid`.
    """

    slug: ClassVar[str] = ""
    name: ClassVar[Text] = ""
    regex: ClassVar[str] = ""
    error_msg: ClassVar[Text] = "%(value)s does not have the right format."
    allowed_question_types: ClassVar[Sequence[str]] = (Question.TYPE_TEXT, Question.TYPE_TEXTAREA)

    @classmethod
    def is_valid(cls, value: Any, document: Any, question: Any) -> bool:
        """Whether the answer has the format; `document` is `None` for a default answer."""
        return re.match(cls.regex, str(value)) is not None

    @classmethod
    def get_error_msg_args(cls, value: Any, document: Any, question: Any) -> Mapping[str, Any]:
        """What `error_msg` may name."""
        return {"value": value}

    @classmethod
    def validate(cls, value: Any, document: Any, question: Any) -> None:
        """Raise `InvalidFormat` with the message if the answer does not have the format."""
        if not cls.is_valid(value, document, question):
            message = LocalizedText.of(cls.error_msg).translate() or ""
            raise InvalidFormat(message % cls.get_error_msg_args(value, document, question))


class EMail(BaseFormatValidator):
    """An e-mail address, by its looks."""

    slug = "email"
    name: ClassVar[Text] = {"en": "E-mail address", "de": "E-Mail-Adresse", "fr": "Adresse e-mail"}
    regex = r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$"
    error_msg: ClassVar[Text] = {
        "en": "This is no e-mail address.",
        "de": "Das ist keine E-Mail-Adresse.",
        "fr": "Ceci n'est pas une adresse e-mail.",
    }


class PhoneNumber(BaseFormatValidator):
    """A telephone number with a leading + or 0, of 6 to 20 more digits, which may be grouped."""

    slug = "phone-number"
    name: ClassVar[Text] = {"en": "Phone number", "de": "Telefonnummer", "fr": "Numéro de téléphone"}
    regex = r"[\s/.()-]*(\+|00?)([\s/.()-]*\d){6,20}[\s/.()-]*$"
    error_msg: ClassVar[Text] = {
        "en": "This is no phone number.",
        "de": "Das ist keine Telefonnummer.",
        "fr": "Ceci n'est pas un numéro de téléphone.",
    }


format_validators: Final = Listed(
    "FORMAT_VALIDATOR_CLASSES", BaseFormatValidator, lambda each: each.slug, also=(EMail, PhoneNumber)
)
"""All format validators by slug."""
