"""The workflow domain as a Django app."""

from django.apps import AppConfig

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
        """Have dynamic groups and tasks checked."""
        checks.install()
