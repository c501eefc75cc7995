"""Workflows and forms as a file: what was designed in one place, carried to another. Cases and documents stay."""

from caluma_async.workflow.transfer.exporting import exported
from caluma_async.workflow.transfer.files import Broken, read, written
from caluma_async.workflow.transfer.importing import Importing

__all__ = ["Broken", "Importing", "exported", "read", "written"]
