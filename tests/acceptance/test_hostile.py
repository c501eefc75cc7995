"""What is meant to be dear to answer costs a running server no more than a moment each, and little memory."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from caluma_async.form.models import Document
from caluma_async.testing.factories import make_case, make_document, make_question, make_table, make_work_item
from tests.acceptance import bombs
from tests.acceptance.server import Server, serving
from tests.acceptance.test_fuzz import complaint
from tests.unit.test_expression_bombs import BOMBS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that tells what a process has used"),
]

MOST_SECONDS = 2.0
"""Each takes less than a second of processor time; measuring coverage, as the suite does, makes a server slower."""
MOST_MEMORY = 250 * 1024 * 1024

QUESTIONS = 40
CHARACTERS = 450_000
"""Of expressions in a form and its row form together; a few more are refused."""
ROWS = 100
DOCUMENTS = 100
VALIDITY = 'v{at}: documentValidity(id: "{document}") {{ edges {{ node {{ isValid }} }} }}'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    case = make_case("approval")
    for _ in range(12):
        make_work_item(case, "review")
    with serving(tmp_path, EVENT_RECEIVER_MODULES="") as server:
        yield server


def seconds_of(pid: int) -> float:
    """Processor time that the process has used: what it took, however busy the machine is."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def most_memory_of(pid: int) -> int:
    """Bytes that the process has had at its largest."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def asked(client: httpx.Client, pid: int, body: bytes) -> tuple[float, httpx.Response]:
    """What an answer cost the process, and the answer."""
    before = seconds_of(pid)
    response = client.post("/graphql", content=body)
    return seconds_of(pid) - before, response


def _tried(server: Server, bodies: Mapping[str, bytes]) -> tuple[list[str], list[str], int]:
    """Which of these took too long, which were answered in a way that none should be, and by how much it has grown."""
    headers = {"Content-Type": "application/json"}
    pid = server.process.pid
    slow, wrong = [], []
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
        client.post("/graphql", json={"query": "{ allCases { totalCount } }"})
        at_first = most_memory_of(pid)
        for name, body in bodies.items():
            took, response = asked(client, pid, body)
            if took > MOST_SECONDS:  # the processor, too, has its off moments
                took, response = asked(client, pid, body)
            if took > MOST_SECONDS:
                slow.append(f"{name}: {took:.1f} s, {response.text[:200]}")
            if response.status_code != 413 and (said := complaint(response)):
                wrong.append(f"{name}: {said}, {response.text[:200]}")
        grown = most_memory_of(pid) - at_first
    return slow, wrong, grown


def test_every_bomb_is_refused_or_answered_in_no_time(server: Server) -> None:
    slow, wrong, grown = _tried(server, bombs.bodies())
    server.stop()
    assert (slow, wrong) == ([], [])
    assert grown < MOST_MEMORY
    assert not re.search(r"Traceback|\b(ERROR|CRITICAL)\b", server.log), server.log[-10_000:]


def documents_with(number: int, expression: str) -> list[Document]:
    """Documents of a form that asks so in every question; the first one asks it again in every row of a table."""
    form, row = f"bombs-{number}", f"row-{number}"
    make_question(f"top-{number}", form=form)
    for at in range(min(QUESTIONS, CHARACTERS // len(expression) // 2)):
        make_question(f"hidden-{number}-{at}", form=form, is_hidden=expression)
        make_question(f"cell-{number}-{at}", form=row, is_hidden=expression)
    make_question(f"table-{number}", form=form, type="table", row_form_id=row)
    first = make_document(form)
    make_table(first, f"table-{number}", [{}] * ROWS)
    return [first, *(make_document(form) for _ in range(DOCUMENTS - 1))]


def validities(documents: Iterable[Document]) -> bytes:
    """Whether they are valid, in one request."""
    fields = [VALIDITY.format(at=at, document=document.pk) for at, document in enumerate(documents)]
    return json.dumps({"query": f"{{ {' '.join(fields)} }}"}).encode()


def test_forms_full_of_bombs_are_judged_in_no_time(tmp_path: Path) -> None:
    bodies = {}
    for number, (name, expression) in enumerate(BOMBS.items()):
        documents = documents_with(number, expression)
        bodies[f"{name}, one document"] = validities(documents[:1])
        bodies[f"{name}, {DOCUMENTS} documents"] = validities(documents)
    with serving(tmp_path, EVENT_RECEIVER_MODULES="") as server:
        slow, wrong, grown = _tried(server, bodies)
        server.stop()
    assert (slow, wrong) == ([], [])
    assert grown < MOST_MEMORY
