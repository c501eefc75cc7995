"""What the outbox's statements cost as the table grows: by index, and the same number of pages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from caluma_async import prepared
from caluma_async.events import outbox
from caluma_async.events.models import Delivery
from caluma_async.events.outbox import (
    Claim,
    Fence,
    Hand,
    NewDelivery,
    Result,
    StoredEvent,
    dialect,
    recording,
    settling,
)
from caluma_async.events.states import State
from tests.integration.test_queue_outbox import event

pytestmark = pytest.mark.django_db(transaction=True)

US = Hand(owner=11, lease=60)
SENDING = (dialect, recording, settling)
"""The modules that send statements."""
KNOWN = ["a"]

_FILL = """
    INSERT INTO events_delivery (event_id, receiver, lane, state, available_at, attempt, claims, crashes, error)
    SELECT {event}, 'a', CASE WHEN n <= {blocked} THEN 'a|blocked' WHEN n % 3 = 0 THEN NULL ELSE 'a|' || (n % 5000) END,
        CASE WHEN n = 1 THEN 'held' ELSE 'waiting' END, {now}, 0, 0, 0, ''
    FROM ({numbers}) AS numbers"""


def fill(rows: int, blocked: int, *, counted: bool = True) -> None:
    """So many waiting rows, a part of them in one lane that is held; `counted`: the planner knows how many."""
    one = event()
    outbox.record([one], [])
    into = dialect.dialect()
    if connection.vendor == "postgresql":
        numbers, key = f"SELECT generate_series(1, {rows}) AS n", f"'{one.id}'::uuid"
        with connection.cursor() as cursor:
            columns = ", ".join(f'"{column}"' for column in StoredEvent._fields if column != "id")
            cursor.execute(
                f"INSERT INTO events_eventrecord (id, {columns}) SELECT gen_random_uuid(), {columns} "
                f"FROM events_eventrecord, generate_series(1, {rows // 10}) WHERE id = {key}"
            )
            cursor.execute("VACUUM ANALYZE events_eventrecord")
    else:
        numbers = f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows}) SELECT n FROM c"
        key = f"'{one.id.hex}'"
    with connection.cursor() as cursor:
        cursor.execute(_FILL.format(event=key, blocked=blocked, now=into.now, numbers=numbers).replace("%%", "%"))
        if counted:
            cursor.execute("VACUUM ANALYZE events_delivery" if connection.vendor == "postgresql" else "ANALYZE")


@pytest.fixture
def statements(monkeypatch: Any) -> list[tuple[str, Any]]:
    """What is sent to the database."""
    sent: list[tuple[str, Any]] = []
    send = dialect.run

    def run(text: str, parameters: Any, **options: Any) -> Any:
        sent.append((text, parameters))
        return send(text, parameters, **options)

    for module in SENDING:
        monkeypatch.setattr(module, "run", run)
    return sent


def a_round() -> None:
    """Everything that a worker does with a few deliveries, except counting."""
    one = event("family")
    outbox.record([one], [NewDelivery(one.id, "a", "a|family", start=True)], owner=US.owner, lease=60)
    found = [*outbox.first_in_lanes(KNOWN, 20).ids, *outbox.unordered(KNOWN, 20).ids, *outbox.first_of(["a|1", "a|2"])]
    claims = outbox.take(found, US)
    assert len(claims) >= 40
    fences = [claim.fence for claim in claims]
    outbox.begin(fences[:1])
    outbox.extend(fences, 60)
    outbox.in_hand(US.owner)
    outbox.dead_owners()
    outbox.settle([Result(fence=fence, state=State.DELIVERED) for fence in fences])
    outbox.recover([], [])
    outbox.prune(7)
    outbox.still_waiting(found)


@pytest.mark.postgres
def test_no_statement_reads_a_whole_table(statements: list[tuple[str, Any]]) -> None:
    fill(100_000, blocked=20_000)
    a_round()
    assert len(statements) > 15
    for text, parameters in list(statements):
        for plan in plans(text, parameters):
            read = (plan["Node Type"], plan.get("Relation Name"))
            assert read not in {("Seq Scan", "events_delivery"), ("Seq Scan", "events_eventrecord")}, text


def plans(text: str, parameters: Any) -> Iterator[dict[str, Any]]:
    """The nodes of a statement's plan."""
    waiting = [_explain("FORMAT JSON", text, parameters)]
    while waiting:
        plan = waiting.pop()
        yield plan
        waiting += plan.get("Plans", [])


def _explain(how: str, text: str, parameters: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({how}) {text}", parameters)
        (found,) = cursor.fetchone()
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


@pytest.mark.postgres
def test_claiming_and_settling_read_the_same_pages_however_many_rows_there_are() -> None:
    fill(1_000, blocked=200)
    few = _pages_per_delivery()
    Delivery.objects.all().delete()
    fill(100_000, blocked=20_000)
    many = _pages_per_delivery()
    for name, read in many.items():
        # an index of a hundred times the rows is one level deeper
        assert read <= 1.5 * few[name] + 2, (name, few, many)


@pytest.mark.postgres
@pytest.mark.parametrize("rows", [2_000, 20_000])
def test_a_look_for_few_goes_no_further_than_they_stand(rows: int) -> None:
    fill(rows, blocked=0)
    few, many = (_pages(lambda limit=limit: outbox.first_in_lanes(KNOWN, limit)) for limit in (4, 100))
    assert few < many / 10, (few, many)
    found = outbox.first_in_lanes(KNOWN, 4)
    lanes = [Delivery.objects.get(pk=id_).lane for id_ in found.ids]
    assert (lanes, found.cursor) == (sorted(lanes, key=lambda lane: str(lane).encode()), lanes[-1])


def _pages_per_delivery() -> dict[str, float]:
    ids = [*outbox.first_in_lanes(KNOWN, 100).ids, *outbox.unordered(KNOWN, 100).ids]
    taken: list[Claim] = []
    cost = {
        "look": _pages(lambda: outbox.first_in_lanes(KNOWN, 100)) / 100,
        "look without lanes": _pages(lambda: outbox.unordered(KNOWN, 100)) / 100,
        "take": _pages(lambda: taken.extend(outbox.take(ids, US))) / max(len(taken), 1),
    }
    results = [Result(fence=claim.fence, state=State.DELIVERED) for claim in outbox.take(ids, US)]
    return {**cost, "settle": _pages(lambda: outbox.settle(results)) / len(results)}


def _pages(call: Callable[[], object]) -> int:
    """How many pages the statements of a call read. They are carried out twice, and undone."""
    sent: list[tuple[str, Any]] = []
    send = dialect.run

    def keep(text: str, parameters: Any) -> Any:
        sent.append((text, parameters))
        return send(text, parameters)

    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        for module in SENDING:
            patch.setattr(module, "run", keep)
        call()
        transaction.set_rollback(True)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
        pages = sum(_explain("ANALYZE, BUFFERS, FORMAT JSON", *one)["Shared Hit Blocks"] for one in sent)
        transaction.set_rollback(True)
    return int(pages)


PLANNED = {
    "take": lambda ids: outbox.take(ids, US),
    "recover": lambda ids: outbox.recover([], [US.owner]),
    "prune": lambda ids: outbox.prune(7),
    "still waiting": outbox.still_waiting,
    "settle": lambda ids: outbox.settle([Result(fence=Fence(id_, 1), state=State.DELIVERED) for id_ in ids]),
    "begin": lambda ids: outbox.begin([Fence(id_, 1) for id_ in ids]),
    "extend": lambda ids: outbox.extend([Fence(id_, 1) for id_ in ids], 60),
    "lock what is to be retried": outbox.retry,
}
"""Statements about a few deliveries."""

WHATEVER_IS_KNOWN = ("take", "recover", "prune", "still waiting")
"""Those of which there is but one plan."""


@pytest.mark.postgres
@pytest.mark.parametrize("name", WHATEVER_IS_KNOWN)
def test_what_was_planned_for_an_empty_table_reads_few_rows_of_a_full_one(name: str) -> None:
    grown(PLANNED[name])
    assert _rows_read(lambda: PLANNED[name](some())) < 2_000


@pytest.mark.postgres
@pytest.mark.parametrize("name", PLANNED)
def test_nothing_is_carried_out_for_long_as_it_was_planned_for_an_empty_table(name: str) -> None:
    grown(PLANNED[name])
    prepared.kept_by(connection.connection)._planned_for = -1.0
    assert _rows_read(lambda: PLANNED[name](some())) < 2_000


_SAME_TYPES = """
    SELECT 'ALTER TABLE events_delivery ' || string_agg(format('ALTER %I TYPE %s', attname, concat_ws(
        ' COLLATE ', format_type(atttypid, atttypmod), quote_ident(collname)
    )), ', ')
    FROM pg_attribute LEFT JOIN pg_collation ON pg_collation.oid = attcollation AND collname <> 'default'
    WHERE attrelid = 'events_delivery'::regclass AND attnum > 0 AND NOT attisdropped"""
"""A statement that changes nothing, and has the planner forget what it knows of values, which outlives all rows."""


def some() -> list[int]:
    return list(Delivery.objects.exclude(lane="a|blocked").order_by("id").values_list("id", flat=True)[:20])


def grown(use: Callable[[list[int]], object]) -> None:
    """A table that was empty when what is used was planned, as the planner knew, and has many rows by now."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_delivery, events_eventrecord")
        cursor.execute(_SAME_TYPES)
        cursor.execute(cursor.fetchone()[0])
        cursor.execute("ANALYZE events_delivery, events_eventrecord")
    dialect.tune()
    use(list(range(1, 21)))
    fill(20_000, blocked=100, counted=False)


def _rows_read(call: Callable[[], object]) -> int:
    """How many rows the statements of a call fetch. What they do is undone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20s'")
        before = _rows_so_far(cursor)
        call()
        after = _rows_so_far(cursor)
        transaction.set_rollback(True)
    return after - before


def _rows_so_far(cursor: Any) -> int:
    cursor.execute("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables")
    return int(cursor.fetchone()[0])


def test_a_claim_takes_little_time_with_many_rows_and_a_long_blocked_lane() -> None:
    fill(100_000, blocked=20_000)
    best = min(_seconds_of_a_claim() for _ in range(20))
    # comparing every row with those before it takes ten times as long
    assert best < 0.05


def _seconds_of_a_claim() -> float:
    started = time.perf_counter()
    assert outbox.take(outbox.first_in_lanes(KNOWN, 10).ids, US)
    return time.perf_counter() - started
