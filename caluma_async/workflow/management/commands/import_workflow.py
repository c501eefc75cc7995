"""`manage.py import_workflow`: workflows and forms out of a file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from caluma_async.errors import CalumaError
from caluma_async.identity import User
from caluma_async.workflow.transfer import Importing, read

EVERY: Final = 100
"""Objects between two lines of progress."""


class Command(BaseCommand):
    """Reads what `export_workflow` wrote."""

    help = (
        "Make or change workflows and forms as a file describes them, through the same checks and events as clients. "
        "All of it or nothing. What is there already as described is not touched; what the file does not name stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which file, and in whose name."""
        parser.add_argument("file", metavar="FILE", help="the file to read; - for the standard input")
        parser.add_argument("--user", help="the name that the objects get as their author")
        parser.add_argument("--group", help="the group that the objects get as their author's")
        parser.add_argument("--dry-run", action="store_true", help="check all of it, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, import, and say how much was changed."""
        user = User(options["user"], groups=[options["group"]] if options["group"] else [])
        try:
            importing = Importing(read(self._text(options["file"])), user, self._tell)
            with transaction.atomic():
                importing.run()
                transaction.set_rollback(options["dry_run"])
        except CalumaError as error:
            raise CommandError(f"{options['file']}: {error.message} Nothing was changed.") from error
        done = "would be changed" if options["dry_run"] else "changed"
        self.stdout.write(f"{options['file']}: {importing.changed} of {importing.total} objects {done}.")

    @staticmethod
    def _text(name: str) -> str:
        try:
            return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{name} cannot be read: {error}.") from error

    def _tell(self, done: int, total: int) -> None:
        if done % EVERY == 0:
            self.stderr.write(f"{done} of {total}")
