"""`manage.py export_workflow`: workflows and forms as a file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from caluma_async.form.models import Form
from caluma_async.workflow.models import Workflow
from caluma_async.workflow.transfer import exported, written


class Command(BaseCommand):
    """Writes what was designed; what runs is left out."""

    help = (
        "Write workflows and forms, with all that they need, as JSON: the same text for the same objects. "
        "`import_workflow` reads it. Cases, work items and documents are left out. Without a workflow or a form: all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which workflows and forms, and where to."""
        parser.add_argument("workflows", nargs="*", metavar="WORKFLOW", help="the slug of a workflow")
        parser.add_argument(
            "--form", action="append", default=[], metavar="SLUG", dest="forms", help="a form; may be repeated"
        )
        parser.add_argument("--output", metavar="FILE", help="a file to write; the standard output otherwise")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look whether they exist, and write."""
        _refuse_unknown(Workflow, options["workflows"], "workflow")
        _refuse_unknown(Form, options["forms"], "form")
        everything = not options["workflows"] and not options["forms"]
        content = exported(None if everything else options["workflows"], options["forms"])
        if options["output"] is None:
            self.stdout.write(written(content), ending="")
            return
        Path(options["output"]).write_text(written(content), encoding="utf-8")
        counts = ", ".join(f"{len(objects)} {kind}" for kind, objects in content.items())
        self.stdout.write(f"{options['output']}: {counts}.")


def _refuse_unknown(model: Any, slugs: list[str], noun: str) -> None:
    unknown = [slug for slug in slugs if not model.objects.filter(pk=slug).exists()]
    if unknown:
        raise CommandError(f"There is no {noun} {', '.join(map(repr, unknown))}.")
