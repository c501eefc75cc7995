"""A form with a question of every type, for tests of what can be asked and shown."""

from __future__ import annotations

from typing import Any, ClassVar

from django.test import override_settings

from caluma_async.form.data_sources import BaseDataSource
from caluma_async.form.models import Form, Question
from caluma_async.identity import User
from caluma_async.testing.factories import make_form, make_question


class Streets(BaseDataSource):
    """Streets, as far as the context names a town."""

    info: ClassVar[Any] = {"en": "Streets of the town", "de": "Strassen der Stadt"}

    def get_data(self, user: User, question: Any, context: Any) -> list[Any]:
        town = (context or {}).get("town", "nowhere")
        return [("main", {"en": f"Main Street, {town}"}), f"of {question.slug if question else 'nobody'}", 3]


def with_streets() -> override_settings:
    """The site lists `Streets`."""
    return override_settings(DATA_SOURCE_CLASSES=[f"{__name__}.Streets"])


BUTTON = {"action": "complete", "color": "primary", "validate_on_enter": True, "show_validation": False}
FIELDS: dict[str, dict[str, Any]] = {
    "text": {"configuration": {"min_length": 1, "max_length": 20}},
    "textarea": {"configuration": {"max_length": 2000}},
    "integer": {"configuration": {"min_value": 0, "max_value": 9}},
    "float": {"configuration": {"min_value": 0.5, "step": 0.25}},
    "choice": {"options": ["yes", "no"]},
    "multiple_choice": {"options": ["no", "yes"], "static_content": "Choose"},
    "dynamic_choice": {"data_source": "Streets"},
    "dynamic_multiple_choice": {"data_source": "Streets"},
    "table": {"row_form": "row"},
    "form": {"sub_form": "part"},
    "static": {"static_content": "Read this"},
    "calculated_float": {"calc_expression": "1 + 1"},
    "action_button": {"configuration": BUTTON},
}


def plan_with_every_question() -> Form:
    """The form `plan` with a question `a-<type>` of every type, in the order of the types.

    Its table has rows of the form `row`, its sub form is `part`; choices are `yes` and `no`.
    """
    forms = {slug: make_form(slug) for slug in ("plan", "row", "part")}
    for kind in Question.TYPES:
        fields = {
            name: forms.get(value, value) if isinstance(value, str) else value
            for name, value in FIELDS.get(kind, {}).items()
        }
        make_question(f"a-{kind}", form="plan", type=kind, label=kind, **fields)
    return forms["plan"]
