"""Choices that the site's own code offers, by the names of its classes. What was chosen is recorded elsewhere.

class Towns(BaseDataSource):
    info = "The towns of the canton"

    @data_source_cache(timeout=3600)
    def get_data(self, user, question, context):
        return [("bern", {"en": "Berne", "de": "Bern"}), "thun", 3]
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

from django.core.cache import cache
from django.db.models import Model

from caluma_async.errors import CalumaError, Misconfigured
from caluma_async.form.listed import Listed
from caluma_async.form.models import DynamicOption
from caluma_async.identity import User
from caluma_async.records import LocalizedText

F = TypeVar("F", bound=Callable[..., Any])
logger = logging.getLogger("caluma_async.form")

Choice = tuple[str, LocalizedText]
"""A slug and its label."""


class BaseDataSource:
    """Base of data sources. `default`: what is offered when `get_data` fails; `None`: then its error is raised."""

    info: ClassVar[Any] = None
    default: ClassVar[Any] = None

    def get_data(self, user: User, question: Any, context: Any) -> Iterable[Any]:
        """The choices: scalars, or sequences of a slug and a label; a label is a text, or one per language."""
        raise NotImplementedError

    def validate_answer_value(self, value: Any, document: Any, question: Any, user: User, context: Any) -> Any:
        """The label of the choice, or `False` if it is none: in the data, or recorded here already."""
        label = dict(self.choices(user, question, context)).get(str(value))
        if label is not None:
            return label
        kept = DynamicOption.objects.filter(document=document, question=question, slug=str(value))
        recorded = kept.first() if document is not None else None
        return recorded.label if recorded else False

    def on_copy(self, old_answer: Any, new_answer: Any, old_value: Any) -> Any:
        """What a copied document has in place of the choice `(slug, label)`; `None` in place of the slug drops it."""
        return old_value

    def choices(self, user: User, question: Any, context: Any) -> list[Choice]:
        """What is offered, as slugs and labels."""
        try:
            return [_choice(each) for each in self.get_data(user, question, context)]
        except CalumaError:
            raise
        except Exception as error:
            if self.default is None:
                raise Misconfigured(f"The data source {type(self).__name__} failed.") from error
            logger.warning("The data source %s failed; its default is offered.", type(self).__name__, exc_info=error)
            return [_choice(each) for each in self.default]


def _choice(given: Any) -> Choice:
    """A slug and its label, whatever a data source gave for it."""
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        if not 1 <= len(given) <= 2:
            raise Misconfigured(f"A data source offers a slug, or a slug and a label, not {len(given)} values.")
        slug, label = given[0], given[-1]
    else:
        slug = label = given
    return str(slug), label_of(label)


def label_of(label: Any) -> LocalizedText:
    """A label as localized text."""
    if isinstance(label, Mapping):
        return LocalizedText({str(code): None if text is None else str(text) for code, text in label.items()})
    return LocalizedText.of(str(label))


data_sources: Final = Listed("DATA_SOURCE_CLASSES", BaseDataSource, lambda each: each.__name__)
"""All data sources by name."""


def data_source(name: str | None) -> BaseDataSource:
    """The data source of that name; `Misconfigured` if the settings do not list it any more."""
    found = data_sources.find(name)
    if found is None:
        raise Misconfigured(f"There is no data source {name!r}.")
    return found()


def data_source_cache(timeout: float | None = None) -> Callable[[F], F]:
    """Keep what a method of a data source returns for so many seconds (`None`: without end), per arguments and user."""

    def decorate(method: F) -> F:
        @functools.wraps(method)
        def kept(self: Any, *args: Any, **kwargs: Any) -> Any:
            key = _key(f"{method.__module__}.{method.__qualname__} of {type(self).__qualname__}", args, kwargs)
            found = cache.get(key)
            if found is None:
                found = [_plain(method(self, *args, **kwargs))]
                cache.set(key, found, timeout)
            return found[0]

        return kept  # type: ignore[return-value]

    return decorate


def _plain(value: Any) -> Any:
    """A generator could be read once only."""
    return value if isinstance(value, (list, tuple, dict, str, int, float, bool, type(None))) else list(value)


def _key(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    text = json.dumps([name, args, kwargs], default=_named, sort_keys=True)
    return f"data-source:{hashlib.sha256(text.encode()).hexdigest()}"


def _named(value: Any) -> Any:
    if isinstance(value, Model):
        return [value._meta.label, str(value.pk)]
    return value.stored() if isinstance(value, User) else repr(value)
