"""A site's receiver for servers under test that fails until the file that `MENDED` names is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from caluma_async.events import Retry, on
from caluma_async.workflow.events import post_create_case

mended = Path(os.environ["MENDED"])


@on(post_create_case, name="failing.sends_mail", blocking=False, retry=Retry(max_attempts=1))
def send_mail(case: Any, **kwargs: Any) -> None:
    """Fail as mail does."""
    if not mended.exists():
        raise ConnectionRefusedError("<b>mail.example.org</b> does not answer")
