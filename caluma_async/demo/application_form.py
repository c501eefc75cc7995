"""The application for a building permit: a form with a sub form, a table, choices, files and what follows from them."""

from __future__ import annotations

from typing import Final

from caluma_async.form.api import save_form
from caluma_async.form.design_api import add_form_question, save_option
from caluma_async.form.question_api import (
    save_calculated_float_question,
    save_choice_question,
    save_files_question,
    save_float_question,
    save_form_question,
    save_table_question,
    save_text_question,
    save_textarea_question,
)
from caluma_async.identity import User

FORM: Final = "building-permit-application"
APPLICANT: Final = "building-permit-applicant"
PARCEL: Final = "building-permit-parcel"

KINDS: Final = {"new-building": "New building", "alteration": "Alteration", "demolition": "Demolition"}
IS_NEW: Final = "'kind-of-work'|answer == 'new-building'"
IS_ALTERATION: Final = "'kind-of-work'|answer == 'alteration'"
FEE: Final = f"'total-area'|answer(0) * 2 + ({IS_NEW} ? 500 : 100)"
"""Two for each square metre, and more for what is new."""


def make_form(user: User) -> None:
    """Make the form with all that it asks."""
    for slug, name in (
        (FORM, "Application for a building permit"),
        (APPLICANT, "Applicant"),
        (PARCEL, "Parcel"),
    ):
        save_form(slug, user, name=name, is_published=True)
    _applicant(user)
    _parcel(user)
    _application(user)


def _applicant(user: User) -> None:
    save_text_question("applicant-name", user, label="Name", is_required="true", max_length=200)
    save_text_question("applicant-email", user, label="E-mail address", format_validators=["email"])
    _fill(APPLICANT, ["applicant-name", "applicant-email"], user)


def _parcel(user: User) -> None:
    save_text_question("parcel-number", user, label="Number", is_required="true")
    save_float_question("parcel-area", user, label="Area in square metres", is_required="true", min_value=0)
    _fill(PARCEL, ["parcel-number", "parcel-area"], user)


def _application(user: User) -> None:
    for slug, label in KINDS.items():
        save_option(slug, user, label=label)
    save_form_question("applicant", user, label="Who applies", sub_form=APPLICANT)
    save_choice_question("kind-of-work", user, label="What is planned", options=[*KINDS], is_required="true")
    save_textarea_question(
        "heritage", user, label="What becomes of protected parts", is_hidden=f"!({IS_ALTERATION})", is_required="true"
    )
    save_textarea_question("energy", user, label="How little energy is used", is_required=IS_NEW)
    save_table_question("parcels", user, label="Parcels", row_form=PARCEL, is_required="true")
    area = "'parcels'|answer([])|mapby('parcel-area')|sum"
    save_calculated_float_question("total-area", user, label="Area of all parcels", calc_expression=area)
    save_calculated_float_question("fee", user, label="Fee", calc_expression=FEE)
    save_files_question("plans", user, label="Plans", is_required=IS_NEW, hint_text="As PDF, to scale")
    questions = ["applicant", "kind-of-work", "heritage", "energy", "parcels", "total-area", "fee", "plans"]
    _fill(FORM, questions, user)


def _fill(form: str, questions: list[str], user: User) -> None:
    for question in questions:
        add_form_question(form, question, user)
