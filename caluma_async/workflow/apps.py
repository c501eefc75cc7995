"""The workflow domain as a Django app."""

from django.apps import AppConfig


class WorkflowConfig(AppConfig):
    """Workflows, cases and work items."""

    name = "caluma_async.workflow"
    label = "workflow"
    verbose_name = "Workflow"
