"""What forms ask and documents answer, evaluated in memory: pure, without a database."""

from __future__ import annotations

from caluma_async.form.structure.definition import Catalogue, FormDefinition, OptionDefinition, QuestionDefinition
from caluma_async.form.structure.evaluation import Structure
from caluma_async.form.structure.family import AnswerData, DocumentData, Family
from caluma_async.form.structure.fields import Field, Section
from caluma_async.form.structure.formulas import Formula, formula

__all__ = [
    "AnswerData",
    "Catalogue",
    "DocumentData",
    "Family",
    "Field",
    "FormDefinition",
    "Formula",
    "OptionDefinition",
    "QuestionDefinition",
    "Section",
    "Structure",
    "formula",
]
