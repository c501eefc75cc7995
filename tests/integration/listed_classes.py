"""What a site might list in its settings: data sources and format validators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from caluma_async.form.data_sources import BaseDataSource, data_source_cache
from caluma_async.form.format_validators import BaseFormatValidator

asked: list[Any] = []
"""What the data sources were asked."""


class Towns(BaseDataSource):
    """A few towns, each given in another way."""

    info = "Some towns"

    def get_data(self, user: Any, question: Any, context: Any) -> Iterable[Any]:
        asked.append((user.username, question.pk, context))
        yield "thun"
        yield ("bern", {"en": "Berne", "de": "Bern"})
        yield ["biel", "Biel/Bienne"]
        yield ("3600",)
        yield 3000


class OddNumbers(BaseDataSource):
    """Decides by itself on what is accepted."""

    def get_data(self, user: Any, question: Any, context: Any) -> Iterable[Any]:
        return [1, 3, 5]

    def validate_answer_value(self, value: Any, document: Any, question: Any, user: Any, context: Any) -> Any:
        wanted = 0 if (context or {}).get("even") else 1
        return f"Number {value}" if int(value) % 2 == wanted else False

    def on_copy(self, old_answer: Any, new_answer: Any, old_value: Any) -> Any:
        return (None, None)


class Renumbering(BaseDataSource):
    """Numbers whose copies are the next ones; there are none after 3, and 1 stays as it is."""

    def get_data(self, user: Any, question: Any, context: Any) -> Iterable[Any]:
        return [1, 2, 3]

    def on_copy(self, old_answer: Any, new_answer: Any, old_value: Any) -> Any:
        asked.append((old_answer.pk, new_answer.pk))
        slug, label = old_value
        if slug == "3":
            return None
        return (slug, label) if slug == "1" else (int(slug) + 1, {"en": f"after {slug}"})


class Failing(BaseDataSource):
    """Always fails."""

    def get_data(self, user: Any, question: Any, context: Any) -> Iterable[Any]:
        raise ConnectionError("secret")


class FailingSoftly(Failing):
    """Fails, but has something to offer."""

    default: ClassVar[Any] = ["thun"]


class Cached(BaseDataSource):
    """Remembers what it found."""

    @data_source_cache(timeout=60)
    def get_data(self, user: Any, question: Any, context: Any) -> Iterable[Any]:
        asked.append((user.username, question.pk, context))
        yield from [user.username, str(context)]


class PostalCode(BaseFormatValidator):
    """Four digits."""

    slug = "postal-code"
    name: ClassVar[Any] = {"en": "Postal code"}
    regex = r"[1-9][0-9]{3}$"
    error_msg: ClassVar[Any] = {"en": "%(value)s is no postal code."}


class Nameless(BaseFormatValidator):
    """Has no slug."""


class AnotherPostalCode(PostalCode):
    """Has the slug of another one."""
