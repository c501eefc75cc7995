"""`manage.py recalculate`: calculate documents anew, at once, and show what is still to be calculated."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from caluma_async.form.models import Form, Recalculation
from caluma_async.form.recalculation import batches, begin, supersede
from caluma_async.identity import User

USER = User("recalculate")


class Command(BaseCommand):
    """Calculate documents anew."""

    help = "Calculate the calculated answers of all documents of some forms anew, or list what waits for that."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the forms."""
        parser.add_argument(
            "forms", nargs="*", metavar="form", help="slugs of forms of root documents; none: all forms"
        )
        parser.add_argument(
            "--list", action="store_true", help="show the requests of changed forms, and how far they are"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Show the list, or calculate."""
        if options["list"]:
            for each in Recalculation.objects.order_by("pk"):
                self.stdout.write(_line(each))
            return
        self._calculate(options["forms"] or list(Form.objects.order_by("pk").values_list("pk", flat=True)))

    def _calculate(self, forms: list[str]) -> None:
        unknown = sorted(set(forms) - set(Form.objects.filter(pk__in=forms).values_list("pk", flat=True)))
        if unknown:
            raise CommandError(f"There is no form {', '.join(map(repr, unknown))}.")
        made = Recalculation(forms=sorted(set(forms)))
        made.stamp(USER)
        made.save(force_insert=True)
        begin(made)
        changed = 0
        for number in batches(made, USER):
            changed += number
            made.refresh_from_db()
            self.stdout.write(_line(made))
        supersede(made)  # one that was killed would be listed for ever
        self.stdout.write(f"{changed} answers changed.")


def _line(each: Recalculation) -> str:
    state = "finished" if each.finished_at else "running" if each.started_at else "waiting"
    return f"{each.created_at:%Y-%m-%d %H:%M:%S} {state} {each.done}/{each.total} {', '.join(each.forms)}"
