"""A real worker process on the tests' database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.acceptance.server import ROOT


class WorkerProcess:
    """A running `manage.py work_events`; it begins to deliver soon after this returns."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self._log = folder / "worker.log"
        inherited = {**os.environ, "DJANGO_SETTINGS_MODULE": "caluma_async.settings"}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error::ResourceWarning", "manage.py", "work_events"],
                cwd=ROOT,
                env={**inherited, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, and wait until it has: its exit status."""
        self.process.send_signal(how)
        return self.process.wait(60)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait(60)
