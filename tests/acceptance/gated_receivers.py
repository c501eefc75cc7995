"""A site's receivers, for a server under test: each new case waits at the gate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from caluma_async.events import on
from caluma_async.workflow.events import post_create_case
from tests.acceptance.server import Gate

gate = Gate(Path(os.environ["GATE"]))


@on(post_create_case)
def wait_at_the_gate(case: Any, **kwargs: Any) -> None:
    """Hold the mutation up until the test lets it go on."""
    gate.pass_through()
