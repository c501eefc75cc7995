"""The guide's example of tracing, in a real server: what it prints is one trace from the request to the delivery."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caluma_async.testing.factories import make_workflow
from tests.acceptance.server import ROOT, serving

pytestmark = pytest.mark.django_db(transaction=True)

START = 'mutation { saveCase(input: {workflow: "w"}) { case { id } } }'


def guides_example() -> str:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/guide/tracing.md").read_text(), flags=re.DOTALL)
    (example,) = blocks
    return str(example)


def printed(output: str) -> Iterator[dict[str, Any]]:
    """The spans that a console exporter wrote."""
    decoder, place = json.JSONDecoder(), output.find("{")
    while place >= 0:
        span, end = decoder.raw_decode(output, place)
        yield span
        place = output.find("{", end)


def test_the_guides_example_traces_a_request_to_its_delivery(tmp_path: Path) -> None:
    make_workflow("w", start=["a"])
    (tmp_path / "traced_site.py").write_text(guides_example())
    settings = {"EVENT_RECEIVER_MODULES": "traced_site,tests.acceptance.failing_receivers", "PYTHONPATH": str(tmp_path)}
    mended = tmp_path / "mended"
    mended.touch()
    with serving(tmp_path, MENDED=str(mended), EVENT_DRAIN="20", **settings) as server:
        assert "errors" not in server.ask(START).json()
        server.process.send_signal(signal.SIGTERM)
        output, _ = server.process.communicate(timeout=60)
    spans = {span["name"]: span for span in printed(output.decode())}
    assert {"mutation", "SaveCase", "process post_create_case"} <= set(spans)
    assert len({span["context"]["trace_id"] for span in spans.values()}) == 1
    assert spans["process post_create_case"]["parent_id"] == spans["SaveCase"]["context"]["span_id"]
    assert spans["SaveCase"]["parent_id"] == spans["mutation"]["context"]["span_id"]
    assert spans["mutation"]["resource"]["attributes"]["service.name"] == "permits"
