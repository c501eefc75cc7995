"""What may be asked for: the base class for the site's own checks and changes of the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from caluma_async.access.asking import Asking
from caluma_async.access.base import Deed
from caluma_async.access.declarations import Kind, settled

validation_for: Final = Kind(
    decorator="validation_for", base=Deed, wanted="classes of verbs", arguments=("mutation", "data", "info")
)
"""Declare a method as the validation for a verb and those derived from it; the nearest declaration holds."""


class BaseValidation:
    """Checks the input of a verb, and may change it. Methods return the input, or raise `InvalidInput`.

    class Validation(BaseValidation):
        @validation_for(SaveCase)
        def with_reference(self, mutation, data, info):
            if "reference" not in data.get("meta", {}):
                raise InvalidInput("A case needs a reference.", field="meta")
            return data
    """

    @classmethod
    def complaints(cls) -> Iterator[str]:
        """What is wrong with the class."""
        yield from validation_for.complaints(cls)

    def validate(self, mutation: type[Any], data: dict[str, Any], info: Asking) -> dict[str, Any]:
        """The input as it shall be."""
        name = validation_for.find(type(self), mutation)
        return data if name is None else settled(getattr(self, name)(mutation, data, info))
