"""`searchAnswers` and `search`: every word somewhere in what was answered. Choices are read by their labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

import strawberry
from django.db.models import CharField, Exists, F, Func, OuterRef, Q, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import IContains, IRegex, IStartsWith

from caluma_async.errors import InvalidInput
from caluma_async.form.models import Answer, DynamicOption, File, Form, FormQuestion, Question, QuestionOption
from caluma_async.graphql.context import Context
from caluma_async.graphql.filters.conditions import means_for_user
from caluma_async.graphql.filters.meta import MOST_WORDS, short
from caluma_async.graphql.filters.values import Holds, TextOf
from caluma_async.graphql.form.having_answers import Reaches, question_types, reached, seen_answers, together
from caluma_async.graphql.loaders import visible
from caluma_async.graphql.localized import shown_text
from caluma_async.graphql.relay import key_of
from caluma_async.graphql.scalars import GenericScalar


@strawberry.enum
class SearchLookupMode(Enum):
    """How a word is looked for in a text, in any case: at its beginning, anywhere, or as a whole word."""

    STARTSWITH = "startswith"
    CONTAINS = "contains"
    TEXT = "text"
    EXACT_WORD = "exact_word"


@strawberry.input
class SearchAnswersFilterType:
    """Words in the answers to these questions, and to all questions of these forms."""

    questions: list[strawberry.ID | None] | None = strawberry.UNSET
    forms: list[strawberry.ID | None] | None = strawberry.UNSET
    value: GenericScalar
    lookup: SearchLookupMode | None = strawberry.UNSET


Match = Callable[[Func, str], Q]

_PLAIN: Final = frozenset({Question.TYPE_TEXT, Question.TYPE_TEXTAREA, Question.TYPE_INTEGER, Question.TYPE_FLOAT})
_CHOICES: Final = frozenset({Question.TYPE_CHOICE, Question.TYPE_MULTIPLE_CHOICE})
_DYNAMIC: Final = frozenset({Question.TYPE_DYNAMIC_CHOICE, Question.TYPE_DYNAMIC_MULTIPLE_CHOICE})
# what stands between quotes, perhaps open at the end, or between spaces
_PARTS: Final = re.compile(r'"([^"]*)(?:"|$)|([^\s"]+)')


def words(text: str) -> list[str]:
    """The words of a text; what stands in quotes is one."""
    found = [quoted.strip() or word for quoted, word in _PARTS.findall(short(text))]
    kept = [each for each in found if each]
    if len(kept) > MOST_WORDS:
        raise InvalidInput(f"filter: {MOST_WORDS} words at most.", field="filter")
    return kept


def _whole(text: Func, word: str) -> Q:
    escaped = re.sub(r"([^\w\s])", r"\\\1", word)
    return Q(IRegex(text, rf"(^|\W){escaped}(\W|$)"))


_MATCHES: Final[Mapping[SearchLookupMode, Match]] = {
    SearchLookupMode.STARTSWITH: lambda text, word: Q(IStartsWith(text, word)),
    SearchLookupMode.CONTAINS: lambda text, word: Q(IContains(text, word)),
    SearchLookupMode.TEXT: _whole,
    SearchLookupMode.EXACT_WORD: _whole,
}


def search_answers(path: str, reaches: Reaches | None = None) -> Any:
    """A key of a filter: in the answers in the family of the root document whose key is at `path` are all the words."""

    def meaning(wanted: Sequence[Mapping[str, Any]], context: Context) -> Q:
        found = together(_searched(one, path, context) for one in wanted)
        return found & reached(reaches or {}, context)

    return means_for_user(meaning)


def _searched(one: Mapping[str, Any], path: str, context: Context) -> Q:
    value, match = one.get("value"), _MATCHES[one.get("lookup") or SearchLookupMode.CONTAINS]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidInput("filter: searchAnswers looks for a text.", field="filter")
    given = [[each for each in one.get(name) or () if each is not None] for name in ("questions", "forms")]
    questions, forms = (
        [key_of(each, kind, "filter") for each in ids] for ids, kind in zip(given, (Question, Form), strict=True)
    )
    if not questions and not forms:
        raise InvalidInput("filter: searchAnswers needs questions or forms.", field="filter")
    below, within = _below(forms, context)
    types = {**question_types(questions, context), **below}
    answers = seen_answers(context).filter(document__family=OuterRef(path))
    if forms:
        answers = answers.filter(document__form__in=within)
    return together(Q(Exists(answers.filter(in_text(types, match, word)))) for word in words(str(value)))


def _below(forms: Sequence[Any], context: Context) -> tuple[dict[str, str], set[str]]:
    """The types of all questions of these forms, of their sub forms and row forms; and all these forms."""
    known: set[str] = set()
    types: dict[str, str] = {}
    level = {str(form) for form in forms}
    seen = visible(Question, context)
    while level:
        known |= level
        links = FormQuestion.objects.filter(form__in=level, question__in=seen)
        rows = list(links.values_list("question", "question__type", "question__sub_form", "question__row_form"))
        types |= {slug: kind for slug, kind, _, _ in rows}
        level = {form for row in rows for form in row[2:] if form is not None} - known
    return types, known


def in_text(types: Mapping[str, str], match: Match, word: str) -> Q:
    """That an answer to one of these questions reads so."""
    of = {kinds: [slug for slug, kind in types.items() if kind in kinds] for kinds in (_PLAIN, _CHOICES, _DYNAMIC)}
    dates = [slug for slug, kind in types.items() if kind == Question.TYPE_DATE]
    clauses: list[tuple[list[str], Callable[[], Q]]] = [
        (of[_PLAIN], lambda: match(TextOf("value"), word)),
        (dates, lambda: match(_day(), word)),
        (of[_CHOICES], lambda: _by_label(match, word)),
        (of[_DYNAMIC], lambda: _by_dynamic_label(match, word)),
    ]
    found = Q(pk__in=[])
    for slugs, clause in clauses:
        if slugs:
            found |= Q(question__in=slugs) & clause()
    return found


def _day() -> Func:
    return Coalesce(Cast("date", CharField()), Value(""), output_field=TextField())


def _by_label(match: Match, word: str) -> Q:
    """An option that was chosen is labelled so; of the question's own options."""
    offered = QuestionOption.objects.filter(question=OuterRef("question"))
    chosen = offered.filter(match(shown_text("option__label"), word)).filter(Holds(OuterRef("value"), F("option")))
    return Q(Exists(chosen))


def _by_dynamic_label(match: Match, word: str) -> Q:
    noted = DynamicOption.objects.filter(question=OuterRef("question"), document=OuterRef("document"))
    return Q(Exists(noted.filter(match(shown_text("label"), word)).filter(Holds(OuterRef("value"), F("slug")))))


def searches_documents() -> Any:
    """A key of a filter: each word is in the document's answers, in the names of its files, or in its form's texts."""

    def meaning(text: str, context: Context) -> Q:
        return together(_in_document(word, context) for word in words(text))

    return means_for_user(meaning)


def _in_document(word: str, context: Context) -> Q:
    form = (
        visible(Form, context)
        .filter(pk=OuterRef("form"))
        .filter(
            Q(pk__icontains=word)
            | Q(IContains(shown_text("name"), word))
            | Q(IContains(shown_text("description"), word))
        )
    )
    answers = visible(Answer, context).filter(document=OuterRef("pk")).filter(_in_answer(word, context))
    return Q(Exists(form)) | Q(Exists(answers))


def searches_answers() -> Any:
    """A key of a filter: each word is in the answer's value or in the names of its files."""

    def meaning(text: str, context: Context) -> Q:
        return together(_in_answer(word, context) for word in words(text))

    return means_for_user(meaning)


def _in_answer(word: str, context: Context) -> Q:
    files = visible(File, context).filter(answer=OuterRef("pk"), name__icontains=word)
    return Q(IContains(TextOf("value"), word)) | Q(IContains(_day(), word)) | Q(Exists(files))
