"""`manage.py seed_demo`: the demo workflow, if it is not there yet."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from caluma_async.demo import building_permit
from caluma_async.workflow.models import TaskFlow

MUTATION: Final = f"""\
mutation {{
  saveCase(input: {{ workflow: "{building_permit.WORKFLOW}" }}) {{
    case {{ id status workItems {{ edges {{ node {{ id status task {{ slug }} }} }} }} }}
  }}
}}"""


class Command(BaseCommand):
    """Makes the demo workflow, once; says what there is, and how to start a case of it."""

    help = "Make the demo workflow, unless it is there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--quiet` says nothing."""
        parser.add_argument("--quiet", action="store_true", help="Say nothing.")

    def handle(self, *args: Any, quiet: bool = False, **options: Any) -> None:
        """Seed, then tell."""
        made = building_permit.seed()
        if quiet:
            return
        self.stdout.write(f"Workflow {building_permit.WORKFLOW!r} {'was made' if made else 'is there already'}:")
        for tie in (
            TaskFlow.objects.filter(workflow=building_permit.WORKFLOW).select_related("task", "flow").order_by("pk")
        ):
            self.stdout.write(f"  {tie.task_id} ({tie.task.address_groups}) -> {tie.flow.next}")
        self.stdout.write(f"A case may have a document of the form {building_permit.FORM!r}.\n")
        self.stdout.write("Start a case at /graphql:\n")
        self.stdout.write(MUTATION)
