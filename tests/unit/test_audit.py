"""The audit of the pinned requirements: it fails for what is known to be vulnerable, and gives no false all-clear."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.audit import verdict

GOOD = {"name": "django", "version": "5.2", "vulns": []}
BAD = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"], "aliases": []}]}
HOPELESS = {"name": "older", "version": "0.1", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]}
UNKNOWN = {"name": "own", "skip_reason": "Dependency not found on PyPI"}


def audited(*packages: dict[str, Any]) -> tuple[int, str]:
    status, lines = verdict(json.dumps({"dependencies": packages, "fixes": []}))
    return status, "\n".join(lines)


def test_vulnerable_versions_fail_and_are_named_with_their_remedy() -> None:
    status, text = audited(GOOD, BAD, HOPELESS)
    assert status == 1
    assert "old 1.0: PYSEC-1, mended in 1.1 or 2.0" in text
    assert "older 0.1: PYSEC-2, mended in no version yet" in text
    assert "3 pinned packages: 2 known vulnerabilities" in text


def test_good_versions_pass_and_unknown_ones_are_named() -> None:
    assert audited(GOOD) == (0, "Audited 1 pinned packages: 0 known vulnerabilities.")
    status, text = audited(GOOD, UNKNOWN)
    assert status == 0
    assert "NOT AUDITED, unknown to the advisories: own." in text


@pytest.mark.parametrize("text", ["", "no JSON", "{}", json.dumps({"dependencies": [UNKNOWN]})])
def test_without_advisories_nothing_fails_and_nothing_is_cleared(text: str) -> None:
    status, [line] = verdict(text)
    assert status == 0
    assert line.startswith("NOT AUDITED: the service with the advisories cannot be reached")
