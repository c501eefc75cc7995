"""Forms as frozen data, out of the tables: kept in memory until a form, question or option changes."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping
from threading import Lock
from typing import Any, Final

from caluma_async.expressions import afford
from caluma_async.form import versions
from caluma_async.form.models import Form, FormQuestion, Question, QuestionOption
from caluma_async.form.structure import Catalogue, FormDefinition, OptionDefinition, QuestionDefinition, formula

CATALOGUES_KEPT: Final = 256
MOST_CHARACTERS: Final = 2_000_000
"""Characters of the expressions in all catalogues that are kept."""

_COLUMNS: Final = (
    "type",
    "is_hidden",
    "is_required",
    "calc_expression",
    "configuration",
    "format_validators",
    "data_source",
    "row_form_id",
    "sub_form_id",
)


class _Kept:
    """The catalogues that were used last, by stamp and form."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._catalogues: OrderedDict[tuple[str, str], Catalogue] = OrderedDict()
        self._characters = 0

    def find(self, stamp: str | None, form: str) -> Catalogue | None:
        """The one of the form, if it was kept since the last change."""
        with self._lock:
            if stamp is None or (stamp, form) not in self._catalogues:
                return None
            self._catalogues.move_to_end((stamp, form))
            return self._catalogues[stamp, form]

    def keep(self, stamp: str | None, catalogue: Catalogue) -> None:
        """Keep it, and let go of the one that was not used for longest."""
        if stamp is None:
            return
        with self._lock:
            before = self._catalogues.pop((stamp, catalogue.root.slug), None)
            self._catalogues[stamp, catalogue.root.slug] = catalogue
            self._characters += catalogue.characters - (before.characters if before is not None else 0)
            while len(self._catalogues) > CATALOGUES_KEPT or self._characters > MOST_CHARACTERS:
                _, oldest = self._catalogues.popitem(last=False)
                self._characters -= oldest.characters


_kept: Final = _Kept()


def catalogue(form: str, stamp: str | None = None) -> Catalogue:
    """The form (its slug) with all forms that are reached from it.

    `stamp`: that of `versions`, where the caller has read it already. No statement if the form is kept, else one per
    level of forms and one for the options. Raises `Refused` for forms that contain each other.
    """
    return catalogues([form], stamp if stamp is not None else versions.current())[form]


def catalogues(forms: Collection[str], stamp: str | None) -> dict[str, Catalogue]:
    """As `catalogue`, of several forms at once."""
    found = {form: _kept.find(stamp, form) for form in forms}
    missing = [form for form, kept in found.items() if kept is None]
    if missing:
        afford()
        loaded = _loaded(missing)
        for form in missing:
            made = Catalogue(root=loaded[form], forms=_reached(form, loaded))
            found[form] = made
            _kept.keep(stamp, made)
    return {form: each for form, each in found.items() if each is not None}


def _reached(form: str, forms: Mapping[str, FormDefinition]) -> dict[str, FormDefinition]:
    reached, waiting = {form: forms[form]}, [form]
    while waiting:
        for question in forms[waiting.pop()].questions.values():
            inner = question.inner_form
            if inner is not None and inner not in reached:
                reached[inner] = forms[inner]
                waiting.append(inner)
    return reached


def _loaded(slugs: Iterable[str]) -> dict[str, FormDefinition]:
    """The forms and all that are reached from them: one statement per level, one for their metas, one for options."""
    by_form: dict[str, list[Mapping[str, Any]]] = {}
    level = set(slugs)
    while level:
        by_form |= {slug: [] for slug in level}
        for row in _questions(level):
            by_form[row["form_id"]].append(row)
        inner = {_inner(row) for slug in level for row in by_form[slug]} - {None}
        level = {str(slug) for slug in inner} - by_form.keys()
    metas = dict(Form.objects.filter(pk__in=by_form).values_list("pk", "meta"))
    options = _options({row["question_id"] for rows in by_form.values() for row in rows if "choice" in row["type"]})
    made = {row["question_id"]: _question(row, options) for rows in by_form.values() for row in rows}
    return {
        slug: FormDefinition(
            slug=slug,
            meta=metas.get(slug) or {},
            questions={row["question_id"]: made[row["question_id"]] for row in rows},
        )
        for slug, rows in by_form.items()
    }


def _questions(forms: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    columns = {name: f"question__{name}" for name in _COLUMNS}
    rows = FormQuestion.objects.filter(form__in=list(forms)).order_by("form_id", "-sort", "pk")
    for row in rows.values("form_id", "question_id", *columns.values()):
        yield {
            "form_id": row["form_id"],
            "question_id": row["question_id"],
            **{name: row[path] for name, path in columns.items()},
        }


def _inner(row: Mapping[str, Any]) -> Any:
    names = {Question.TYPE_FORM: "sub_form_id", Question.TYPE_TABLE: "row_form_id"}
    return row[names[row["type"]]] if row["type"] in names else None


def _options(questions: Collection[str]) -> Mapping[str, list[OptionDefinition]]:
    found: dict[str, list[OptionDefinition]] = defaultdict(list)
    if not questions:
        return found
    rows = QuestionOption.objects.filter(question__in=questions).order_by("question_id", "-sort", "pk")
    for question, option, is_hidden in rows.values_list("question_id", "option_id", "option__is_hidden"):
        found[question].append(OptionDefinition(slug=option, is_hidden=formula(is_hidden)))
    return found


def _question(row: Mapping[str, Any], options: Mapping[str, list[OptionDefinition]]) -> QuestionDefinition:
    is_calculated = row["type"] == Question.TYPE_CALCULATED_FLOAT
    return QuestionDefinition(
        slug=row["question_id"],
        type=row["type"],
        is_hidden=formula(row["is_hidden"]),
        is_required=formula(row["is_required"]),
        calculation=formula(row["calc_expression"] or "") if is_calculated else None,
        configuration=row["configuration"],
        format_validators=tuple(row["format_validators"]),
        data_source=row["data_source"],
        options=tuple(options.get(row["question_id"], ())),
        row_form=row["row_form_id"],
        sub_form=row["sub_form_id"],
    )
