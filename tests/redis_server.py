"""Which Redis the tests use, and that they are skipped where there is none."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import pytest

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")


def answers() -> bool:
    """Whether it does."""
    address = urlsplit(URL)
    try:
        socket.create_connection((address.hostname or "127.0.0.1", address.port or 6379), timeout=1).close()
    except OSError:
        return False
    return True


needs_redis = pytest.mark.skipif(
    not answers() and os.environ.get("CI") != "true",
    reason=f"No Redis answers at {URL}; REDIS_URL names another one.",
)
