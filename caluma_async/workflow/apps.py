"""The workflow domain as a Django app."""

from django.apps import AppConfig

from caluma_async.events.loading import at_hand
from caluma_async.form import lanes
from caluma_async.workflow import (
    checks,
    events,
)


class WorkflowConfig(AppConfig):
    """Workflows, cases and work items."""

    name = "caluma_async.workflow"
    label = "workflow"
    verbose_name = "Workflow"

    def ready(self) -> None:
        """Have dynamic groups and tasks checked; say whose documents are whose, and what receivers find at hand."""
        checks.install()
        lanes.ask(events.lane_of_document)
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
