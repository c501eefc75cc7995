"""The triggers that write the history, so that no way of writing leaves it out, and none pays a statement for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db import connections
from django.db.models import JSONField, Model

from caluma_async.form.models import (
    Answer,
    AnswerDocument,
    Document,
    DynamicOption,
    File,
    Form,
    FormQuestion,
    HistoryEntry,
    Option,
    Question,
    QuestionOption,
)

PARENTS: Final[dict[type[Model], str | None]] = {
    Form: None,
    Question: None,
    Option: None,
    FormQuestion: "form_id",
    QuestionOption: "question_id",
    Document: "family_id",
    Answer: "document_id",
    AnswerDocument: "answer_id",
    File: "answer_id",
    DynamicOption: "document_id",
}
"""The models that have a history, each with the column that names what its objects belong to."""

_TABLE: Final = HistoryEntry._meta.db_table
_QUESTION: Final = Question._meta.db_table
_COLUMNS: Final = "history_id, model, object_id, parent_id, type, date, user_id, question_type, data"
_TYPES: Final = {"INSERT": "+", "UPDATE": "~", "DELETE": "-"}

Made = tuple[str, str]
"""The name of a trigger or function, and the statement that makes it."""


def install(using: str = "default", **_: Any) -> None:
    """Have the database keep the history; what does so already as it should stays untouched."""
    connection = connections[using]
    if connection.vendor not in _DIALECTS:
        return
    found, drop, wanted = _DIALECTS[connection.vendor]
    with connection.cursor() as cursor:
        if not {_TABLE, *(model._meta.db_table for model in PARENTS)} <= set(
            connection.introspection.table_names(cursor)
        ):
            return  # the migrations have not come that far
        cursor.execute(found)
        there = {str(name): str(text) for name, text in cursor.fetchall()}
        for name, statement in wanted():
            # PostgreSQL tells of a function its body only, and of triggers nothing
            if name not in there or there[name] not in statement:
                cursor.execute(drop.format(name=name))
                cursor.execute(statement)


def _on_postgresql() -> Iterator[Made]:
    function = "form_history_kept"
    question_type = f"SELECT type FROM {_QUESTION} WHERE slug = was ->> 'question_id'"  # noqa: S608 - our own words only
    values = (
        "gen_random_uuid()",
        "TG_ARGV[0]",
        "was ->> TG_ARGV[1]",
        "was ->> TG_ARGV[2]",
        "CASE TG_OP WHEN 'INSERT' THEN '+' WHEN 'UPDATE' THEN '~' ELSE '-' END",
        "clock_timestamp()",
        "CASE WHEN TG_OP <> 'DELETE' THEN was ->> 'modified_by_user' END",
        f"CASE WHEN TG_ARGV[0] = 'answer' THEN ({question_type}) END",
        "was",
    )
    rows = "SELECT to_jsonb(touched) AS was FROM touched"
    insert = f"INSERT INTO {_TABLE} ({_COLUMNS}) SELECT {', '.join(values)} FROM ({rows}) AS rows"  # noqa: S608 - our own words only
    head = f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql"
    yield function, f"{head} AS $$ BEGIN {insert}; RETURN NULL; END $$"
    for model, parent in PARENTS.items():
        table, key = model._meta.db_table, model._meta.pk.column
        arguments = ", ".join(f"'{each}'" for each in (model._meta.model_name, key, parent or ""))
        for event in _TYPES:
            name, old_or_new = f"{table}_history_{event.lower()}", "OLD" if event == "DELETE" else "NEW"
            head = f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {old_or_new} TABLE AS touched"
            yield name, f"{head} FOR EACH STATEMENT EXECUTE FUNCTION {function}({arguments})"


def _on_sqlite() -> Iterator[Made]:
    for model, parent in PARENTS.items():
        table = model._meta.db_table
        for event, kind in _TYPES.items():
            row, name = "OLD" if event == "DELETE" else "NEW", f"{table}_history_{event.lower()}"
            user = "NULL" if event == "DELETE" else "NEW.modified_by_user"
            question_type = f"(SELECT type FROM {_QUESTION} WHERE slug = {row}.question_id)"  # noqa: S608 - our own words only
            values = (
                "lower(hex(randomblob(16)))",
                f"'{model._meta.model_name}'",
                f"{row}.{model._meta.pk.column}",
                f"{row}.{parent}" if parent else "NULL",
                f"'{kind}'",
                "strftime('%Y-%m-%d %H:%M:%f', 'now')",
                user,
                question_type if model is Answer else "NULL",
                _as_object(model, row),
            )
            insert = f"INSERT INTO {_TABLE} ({_COLUMNS}) VALUES ({', '.join(values)})"  # noqa: S608 - our own words only
            yield name, f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {insert}; END"


def _as_object(model: type[Model], row: str) -> str:
    """The columns of a row as a JSON object, in the words of SQLite."""
    pairs = [
        f"'{field.column}', "
        + (f"json({row}.{field.column})" if isinstance(field, JSONField) else f"{row}.{field.column}")
        for field in model._meta.concrete_fields
    ]
    return f"json_object({', '.join(pairs)})"


_DIALECTS: Final = {
    "postgresql": (
        "SELECT tgname, '' FROM pg_trigger UNION ALL SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'form_%'",
        "SELECT 1",  # functions are replaced, and of triggers only missing ones are made
        _on_postgresql,
    ),
    "sqlite": (
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
        "DROP TRIGGER IF EXISTS {name}",
        _on_sqlite,
    ),
}
