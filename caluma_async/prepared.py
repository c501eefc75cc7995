"""Statements that the database plans once per connection and keeps. What they say is not known here.

They are sent by libpq itself, and values and rows are translated by psycopg: its cursors take longer to send a short
statement than the server takes to carry it out, and the engine sends many.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import fetch_many, send
from psycopg.pq import ConnStatus, ExecStatus, Format, PipelineStatus, TransactionStatus

from caluma_async.cursors import announce

if TYPE_CHECKING:
    from psycopg.abc import PQGen
    from psycopg.pq.abc import PGresult

Row = tuple[Any, ...]
_Execute = Callable[[Any, bytes, Sequence[Any], Sequence[Format] | None], Any]

MOST: Final = 300
"""How many statements a connection keeps; one more, and that which was not used for longest has to go."""

PLANNED_FOR: Final = 30.0
"""Seconds for which plans are kept at most. In a young session they are made anew after 1, 3, 7 and 15 seconds.

A plan that was made while tables were empty reads a whole table for each row once they are not, and nobody but
`ANALYZE` would have it made anew.
"""

_AT_FIRST: Final = 1.0

_PLACEHOLDER: Final = re.compile(r"%(.?)", re.DOTALL)


def run(text: str, parameters: Sequence[Any], *, is_last: bool = False) -> list[Row]:
    """Run a statement on the default database, prepared where that keeps prepared ones; its rows, if it returns any.

    The one that `is_last` in its transaction may commit it: the two are sent together then, and whoever opened the
    transaction finds nothing left to commit. Raises Django's database errors; the transaction is not committed then.
    On PostgreSQL a statement cannot be interrupted: signals are looked at when it is through.
    """
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    # where somebody looks on, Django's cursors tell them
    if _keeps_sessions(wrapper) and not wrapper.queries_logged and not wrapper.execute_wrappers:
        wrapper.ensure_connection()
        wrapper.validate_no_broken_transaction()
        announce(wrapper)
        if _is_plain(wrapper.connection):
            return _run(wrapper, text, parameters, is_last)
    with wrapper.cursor() as cursor:
        cursor.execute(text, parameters)
        return list(cursor.fetchall()) if _has_rows(cursor) else []


def _has_rows(cursor: Any) -> bool:
    """`description` would say it too; psycopg makes an object per column for that, 150 where objects are loaded."""
    result = getattr(cursor, "pgresult", None)
    return bool(cursor.description if result is None else result.nfields)


def sessions_are_ours() -> bool:
    """Whether a connection to the default database is one session of a PostgreSQL server's.

    Behind a pooler that hands out a session per transaction neither prepared statements nor session locks work;
    Django wants `DISABLE_SERVER_SIDE_CURSORS` to be set there, and so do we.
    """
    return _keeps_sessions(connections[DEFAULT_DB_ALIAS])


def _keeps_sessions(wrapper: BaseDatabaseWrapper) -> bool:
    return wrapper.vendor == "postgresql" and not wrapper.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")


def _is_plain(raw: psycopg.Connection[Any]) -> bool:
    """Whether psycopg does nothing here that we would not do: prepare on its own account, for what it keeps is all
    forgotten after a rollback, begin transactions of a special kind, or put statements in a pipeline.
    """
    special = raw.prepare_threshold, raw.isolation_level, raw.read_only, raw.deferrable
    return special == _NOTHING_SPECIAL and raw.pgconn.pipeline_status == PipelineStatus.OFF


_NOTHING_SPECIAL: Final = (None, None, None, None)


def _run(wrapper: Any, text: str, parameters: Sequence[Any], is_last: bool) -> list[Row]:
    raw = wrapper.connection
    execute = _execute_and_commit if is_last and not raw.autocommit else _execute
    with wrapper.wrap_database_errors, raw.lock:
        if not raw.autocommit and raw.pgconn.transaction_status == TransactionStatus.IDLE:
            _checked(raw.pgconn, raw.pgconn.exec_(b"BEGIN"))
        return kept_by(raw).run(text, parameters, execute)


class _Kept:
    """The statements that a session keeps, by their text and the types of their parameters.

    So is the translator: a new one has to ask anew who translates what.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._translator = Transformer(raw)
        self._names: OrderedDict[tuple[str, tuple[int, ...]], bytes] = OrderedDict()
        self._number = 0
        self._planned = time.monotonic()
        self._planned_for = _AT_FIRST

    def run(self, text: str, parameters: Sequence[Any], execute: _Execute) -> list[Row]:
        """Run a statement; its rows."""
        raw, translator = self._raw, self._translator
        if time.monotonic() - self._planned > self._planned_for:
            self._forget_plans(raw.pgconn)
        values = translator.dump_sequence(parameters, _formats(len(parameters)))
        key = text, translator.types or ()
        try:
            result = execute(raw, self._name(raw.pgconn, key), values, translator.formats)
        except (errors.InvalidSqlStatementName, errors.FeatureNotSupported):
            # somebody had the session forget all that it kept, or changed the type of a column
            self._names.clear()
            if raw.pgconn.transaction_status != TransactionStatus.IDLE:
                raise
            result = execute(raw, self._name(raw.pgconn, key), values, translator.formats)
        if not result.nfields:
            return []
        translator.set_pgresult(result)
        try:
            rows: list[Row] = translator.load_rows(0, result.ntuples, tuple)
        finally:
            translator.set_pgresult(None)  # it would keep them until the next one
        return rows

    def _forget_plans(self, session: Any) -> None:
        """Have each statement planned anew when it is used next, for tables as they are by then."""
        if session.transaction_status != TransactionStatus.INERROR:
            self._planned = time.monotonic()
            self._planned_for = min(2 * self._planned_for, PLANNED_FOR)
            _checked(session, session.exec_(b"DISCARD PLANS"))

    def _name(self, session: Any, key: tuple[str, tuple[int, ...]]) -> bytes:
        name = self._names.get(key)
        if name is None:
            return self._prepare(session, *key)
        self._names.move_to_end(key)
        return name

    def _prepare(self, session: Any, text: str, types: tuple[int, ...]) -> bytes:
        self._number += 1
        name = b"caluma_%d" % self._number
        _checked(session, session.prepare(name, _numbered(text), types))
        self._names[text, types] = name
        if len(self._names) > MOST:
            _, oldest = self._names.popitem(last=False)
            _checked(session, session.exec_(b"DEALLOCATE " + oldest))
        return name


_ATTRIBUTE: Final = "_kept_statements"


def kept_by(raw: Any) -> _Kept:
    """What a session of psycopg's keeps: an attribute, for each knows the other, and both go together."""
    kept: _Kept | None = vars(raw).get(_ATTRIBUTE)
    if kept is None:
        kept = vars(raw)[_ATTRIBUTE] = _Kept(raw)
    return kept


def _execute(raw: Any, name: bytes, values: Sequence[Any], formats: Sequence[Format] | None) -> Any:
    return _checked(raw.pgconn, raw.pgconn.exec_prepared(name, values, formats))


def _execute_and_commit(raw: Any, name: bytes, values: Sequence[Any], formats: Sequence[Format] | None) -> Any:
    """Send both before the server has answered to either. After a statement that fails it does not commit."""
    session = raw.pgconn
    session.enter_pipeline_mode()
    try:
        session.send_query_prepared(name, values, formats)
        session.send_query_params(b"COMMIT", None)
        session.pipeline_sync()
        statement, commit = raw.wait(_answers(session))
    finally:
        if session.status == ConnStatus.OK:
            session.exit_pipeline_mode()
    _checked(session, statement)
    _checked(session, commit)
    return statement


def _answers(session: Any) -> PQGen[list[PGresult]]:
    """The result of a statement and that of the commit. That all was read shows in a third one."""
    yield from send(session)
    statement = yield from fetch_many(session)
    commit = yield from fetch_many(session)
    yield from fetch_many(session)
    return [*statement, *commit]


def _checked(session: Any, result: Any) -> Any:
    """The result, if it is none of an error. Raises psycopg's errors."""
    if result.status in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
        return result
    if session.status == ConnStatus.BAD and not result.error_field(psycopg.pq.DiagnosticField.SQLSTATE):
        raise errors.OperationalError(session.get_error_message().strip())
    raise errors.error_from_result(result)


@cache
def _formats(count: int) -> list[PyFormat]:
    return [PyFormat.AUTO] * count


@lru_cache(maxsize=1_000)
def _numbered(text: str) -> bytes:
    """The statement with its placeholders as the server wants them. Raises `ValueError` for others than `%s`."""
    count = 0

    def number(found: re.Match[str]) -> str:
        nonlocal count
        if found[1] == "%":
            return "%"
        if found[1] != "s":
            raise ValueError(f"{found[0]!r} is no placeholder")
        count += 1
        return f"${count}"

    return _PLACEHOLDER.sub(number, text).encode()
