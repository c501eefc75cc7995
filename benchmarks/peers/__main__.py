"""Measure one peer and print the figures as JSON: `python -m benchmarks.peers NAME SECONDS`."""

from __future__ import annotations

import importlib
import json
import sys

_, name, seconds = sys.argv
print(json.dumps(importlib.import_module(f"benchmarks.peers.{name}").measure(float(seconds))))
