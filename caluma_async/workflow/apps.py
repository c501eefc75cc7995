"""The workflow domain as a Django app."""

from django.apps import AppConfig

from caluma_async.events.loading import at_hand
from caluma_async.workflow import (
    checks,
    events,  # noqa: F401 - declares the event types, whether or not a receiver asks for them
)


class WorkflowConfig(AppConfig):
    """Workflows, cases and work items."""

    name = "caluma_async.workflow"
    label = "workflow"
    verbose_name = "Workflow"

    def ready(self) -> None:
        """Have dynamic groups and tasks checked; say what receivers that do not block find at hand."""
        checks.install()
        at_hand(
            self.get_model("WorkItem"),
            "task",
            "case__workflow",
            "case__family",
            "case__document",
            "document",
            "child_case",
            "previous_work_item",
        )
        at_hand(self.get_model("Case"), "workflow", "family", "document")
