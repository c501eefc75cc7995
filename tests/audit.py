"""`make audit`: whether a version that is pinned is known to be vulnerable. Fails for that only, and says what it saw.

pip-audit itself ends well when the advisories know no package at all, as behind a proxy: that is no all-clear here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt")
SECONDS = 120


def main() -> int:
    """Ask, tell, and give the status to end with."""
    status, lines = verdict(answer())
    sys.stdout.write("\n".join(lines) + "\n")
    return status


def answer() -> str:
    """What pip-audit finds out about the pinned requirements, as JSON; empty if it could not ask."""
    files = [part for name in FILES for part in ("--requirement", str(ROOT / name))]
    options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    try:
        command = [sys.executable, "-m", "pip_audit", *files, *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False).stdout
    except subprocess.TimeoutExpired:
        return ""


def verdict(text: str) -> tuple[int, Sequence[str]]:
    """The status and the lines for an answer of pip-audit's."""
    try:
        packages: list[dict[str, Any]] = json.loads(text)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    known = [package for package in packages if "skip_reason" not in package]
    unknown = sorted({package["name"] for package in packages if "skip_reason" in package})
    if not known:
        return 0, ["NOT AUDITED: the service with the advisories cannot be reached; nothing is known of the versions."]
    found = [line for package in known for line in _advisories(package)]
    lines = [*found, f"Audited {len(known)} pinned packages: {len(found)} known vulnerabilities."]
    if unknown:
        lines.append(f"NOT AUDITED, unknown to the advisories: {', '.join(unknown)}.")
    return int(bool(found)), lines


def _advisories(package: dict[str, Any]) -> list[str]:
    return [
        f"{package['name']} {package['version']}: {advisory['id']}, mended in"
        f" {' or '.join(advisory['fix_versions']) or 'no version yet'}"
        for advisory in package["vulns"]
    ]


if __name__ == "__main__":
    sys.exit(main())
