"""What the system knows of a process (Linux's `/proc`; other systems say nothing, and their tests are left out)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

PROC: Final = Path("/proc")
_KILOBYTE: Final = 1024
_ESTABLISHED: Final = "01"


def peak_memory(pid: int) -> int:
    """The most bytes that a process has had in memory so far."""
    return _status(pid, "VmHWM") * _KILOBYTE


def memory(pid: int) -> int:
    """The bytes that a process has in memory."""
    return _status(pid, "VmRSS") * _KILOBYTE


def processor_time(pid: int) -> float:
    """The seconds that a process has run on a processor, in all its threads."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    user, system = fields[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def threads(pid: int) -> int:
    """How many threads a process has."""
    return _status(pid, "Threads")


def open_files(pid: int) -> int:
    """How many files and connections a process has open."""
    return len(list((PROC / str(pid) / "fd").iterdir()))


def connections(pid: int, port: int) -> int:
    """How many TCP connections to a local port (IPv4) a process has taken."""
    _must_tell()
    rows = [line.split() for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]]
    taken = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == _ESTABLISHED}
    return len(taken & {str(file.readlink()) for file in (PROC / str(pid) / "fd").iterdir()})


def _status(pid: int, name: str) -> int:
    _must_tell()
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _must_tell() -> None:
    if not PROC.is_dir():
        pytest.skip("this system has no /proc")
