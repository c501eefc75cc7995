"""Measure one thing and print the figures as JSON: `python -m benchmarks.measuring NAME SECONDS`."""

from __future__ import annotations

import importlib
import json
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "caluma_async.settings"

import django

django.setup()


def main() -> None:
    """Run the module `NAME` for about so many seconds."""
    _, name, seconds = sys.argv
    figures = importlib.import_module(f"benchmarks.measuring.{name}").measure(float(seconds))
    print(json.dumps(figures), flush=True)
    # threads of the engine that are still there have nothing to say any more
    os._exit(0)


main()
