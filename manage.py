#!/usr/bin/env python3
"""Django's command line for this project. What is wrong with the settings or the database is said in a line."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError

from caluma_async.errors import Misconfigured


def main() -> None:
    """Run the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caluma_async.settings")
    try:
        execute_from_command_line(sys.argv)
    except (Misconfigured, OperationalError) as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"{str(error).strip()} (--traceback shows where.)")


if __name__ == "__main__":
    main()
