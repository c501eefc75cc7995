"""The workflow domain as a Django app."""

from django.apps import AppConfig

from caluma_async.events.loading import at_hand
from caluma_async.form import lanes, surroundings
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
        """Have dynamic groups and tasks checked; say whose documents are whose, what receivers and expressions find."""
        from caluma_async.workflow.surroundings import around  # noqa: PLC0415 - the models are not there before

        checks.install()
        lanes.ask(events.lane_of_document)
        surroundings.provide(around)
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
