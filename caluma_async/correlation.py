"""The id of the request that is being served: one context variable, seen by every log line. Makes no id itself."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Final

request_id: Final[ContextVar[str]] = ContextVar("request_id", default="-")
"""Follows the request into its tasks and, through `sync_to_async`, into its threads."""


class RequestIdFilter(logging.Filter):
    """Give every log record the attribute `request_id` (`-` outside a request); it keeps all records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record."""
        record.request_id = request_id.get()
        return True
