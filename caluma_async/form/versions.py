"""The stamp of what is asked: another one after each change of a form, question or option, whoever makes it.

Triggers write it, since a definition that is kept in memory must notice every change, also one in bulk or by hand. It
is random: a number would come again after a change that was undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db import connections
from django.db.models import Subquery

from caluma_async.form.models import DefinitionVersion, Form, FormQuestion, Option, Question, QuestionOption

WATCHED: Final = tuple(model._meta.db_table for model in (Form, Question, FormQuestion, Option, QuestionOption))
VERSION: Final = DefinitionVersion._meta.db_table
EVENTS: Final = ("INSERT", "UPDATE", "DELETE")

_WRITE: Final = (
    f"INSERT INTO {VERSION} (id, stamp) VALUES (1, {{stamp}}) "  # noqa: S608 - our own words only
    "ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp"
)


def stamp() -> Subquery:
    """The stamp in force, to be read along with something else; null before the first change."""
    return Subquery(DefinitionVersion.objects.filter(pk=1).values("stamp"))


def current() -> str | None:
    """The stamp in force."""
    return DefinitionVersion.objects.filter(pk=1).values_list("stamp", flat=True).first()


def install(using: str = "default", **_: Any) -> None:
    """Have the database write the stamp; does nothing where it does already."""
    connection = connections[using]
    if connection.vendor not in _DIALECTS:
        return
    found, statements = _DIALECTS[connection.vendor]
    with connection.cursor() as cursor:
        if not {VERSION, *WATCHED} <= set(connection.introspection.table_names(cursor)):
            return  # the migrations have not come that far
        cursor.execute(found)
        there = {str(name) for (name,) in cursor.fetchall()}
        for name, statement in statements():
            if name not in there:
                cursor.execute(statement)


def _on_postgresql() -> Iterator[tuple[str, str]]:
    write = _WRITE.format(stamp="gen_random_uuid()::text")
    head = "CREATE OR REPLACE FUNCTION definition_changed() RETURNS trigger LANGUAGE plpgsql"
    yield "definition_changed", f"{head} AS $$ BEGIN {write}; RETURN NULL; END $$"
    for table in WATCHED:
        name, when = f"{table}_changed", "AFTER INSERT OR UPDATE OR DELETE"
        yield name, f"CREATE TRIGGER {name} {when} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION definition_changed()"


def _on_sqlite() -> Iterator[tuple[str, str]]:
    write = _WRITE.format(stamp="lower(hex(randomblob(16)))")
    for table in WATCHED:
        for event in EVENTS:
            name = f"{table}_changed_{event.lower()}"
            yield name, f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {write}; END"


_DIALECTS: Final = {
    "postgresql": (
        "SELECT tgname FROM pg_trigger UNION SELECT proname FROM pg_proc WHERE proname = 'definition_changed'",
        _on_postgresql,
    ),
    "sqlite": ("SELECT name FROM sqlite_master WHERE type = 'trigger'", _on_sqlite),
}
