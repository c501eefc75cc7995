"""Localized attributes in SQL: the text that the user reads, for comparing and sorting."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Coalesce, NullIf

from caluma_async.records import language, site_language


class TextIn(Func):
    """The text of one language of a localized attribute."""

    output_field = TextField()

    def __init__(self, path: str, code: str) -> None:
        super().__init__(F(path), code=code)

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        """Called by Django."""
        column, params = compiler.compile(self.source_expressions[0])
        return f"({column} ->> %s::text)", [*params, self.extra["code"]]

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """Called by Django."""
        column, params = compiler.compile(self.source_expressions[0])
        return f"json_extract({column}, %s)", [*params, f'$."{self.extra["code"]}"']


def shown_text(path: str) -> Func:
    """The text in the active language, else in the site's."""
    codes = dict.fromkeys([language(), site_language()])
    texts = [NullIf(TextIn(path, code), Value(""), output_field=TextField()) for code in codes]
    return Coalesce(*texts) if len(texts) > 1 else texts[0]
