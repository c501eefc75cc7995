"""Which options answers to choices name: loaded for all answers of a place at once."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from caluma_async.form.models import Answer, DynamicOption, Option
from caluma_async.form.structure.definition import CHOICES, DYNAMIC
from caluma_async.graphql.context import Context
from caluma_async.graphql.loaders import loaded, visible
from caluma_async.graphql.pages import Rows, cut
from caluma_async.graphql.selection import ResolveInfo
from caluma_async.records import LocalizedText


@dataclass(frozen=True, slots=True)
class Chosen:
    """The source of a `SelectedOption`."""

    slug: str
    text: LocalizedText

    @property
    def label(self) -> str:
        """The label as the user reads it."""
        return self.text.translate() or ""


class Wanted(NamedTuple):
    """What is asked of one answer: its question and document, and the slugs that it names, in order."""

    question: str
    kind: str
    document: UUID | None
    slugs: tuple[str, ...]


async def selected_option(source: Answer, info: ResolveInfo, /, **_: Any) -> Chosen | None:
    """The resolver of `StringAnswer.selectedOption`; null for texts, and where nothing is chosen."""
    slugs = [source.value] if isinstance(source.value, str) else []
    found = await _chosen(source, slugs, info)
    return found[0] if found else None


async def selected_options(source: Answer, info: ResolveInfo, /, **arguments: Any) -> Rows:
    """The resolver of `ListAnswer.selectedOptions`: in the order in which they were chosen."""
    slugs = [slug for slug in source.value or () if isinstance(slug, str)]
    found = await _chosen(source, slugs, info)
    return cut(found, **arguments)


async def _chosen(source: Answer, slugs: Sequence[str], info: ResolveInfo) -> Sequence[Chosen]:
    kind = source.question.type
    if not slugs or kind not in CHOICES | DYNAMIC:
        return []
    wanted = Wanted(source.question_id, kind, source.document_id, tuple(slugs))
    found: Awaitable[Sequence[Chosen]] = loaded(info, wanted, lambda: _Loading(info.context))
    return await found


class _Loading:
    """Called with what is wanted of many answers; gives the options of each. A statement for each sort of options."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, wanted: Sequence[Wanted]) -> list[Sequence[Chosen]]:
        options = self._options([each for each in wanted if each.kind in CHOICES])
        dynamic = self._dynamic([each for each in wanted if each.kind in DYNAMIC])
        return [self._of(each, options if each.kind in CHOICES else dynamic) for each in wanted]

    @staticmethod
    def _of(wanted: Wanted, labels: Mapping[Any, LocalizedText]) -> Sequence[Chosen]:
        found = []
        for slug in wanted.slugs:
            label = labels.get(slug if wanted.kind in CHOICES else (wanted.document, wanted.question, slug))
            if label is not None:
                found.append(Chosen(slug, label))
        return found

    def _options(self, wanted: Sequence[Wanted]) -> Mapping[Any, LocalizedText]:
        slugs = _slugs(wanted)
        rows = visible(Option, self._context).filter(pk__in=slugs).values_list("pk", "label") if slugs else ()
        return {slug: LocalizedText.of(label) for slug, label in rows}

    def _dynamic(self, wanted: Sequence[Wanted]) -> Mapping[Any, LocalizedText]:
        if not wanted:
            return {}
        rows = visible(DynamicOption, self._context).filter(
            document__in={each.document for each in wanted},
            question__in={each.question for each in wanted},
            slug__in=_slugs(wanted),
        )
        return {
            (document, question, slug): LocalizedText.of(label)
            for document, question, slug, label in rows.values_list("document_id", "question_id", "slug", "label")
        }


def _slugs(wanted: Iterable[Wanted]) -> set[str]:
    return {slug for each in wanted for slug in each.slugs}
