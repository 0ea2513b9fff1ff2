"""What the operating system knows of a process: its CPU time, its memory, the core it runs on."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def cpu_ns(pid: int) -> int:
    """Return the CPU time of all threads of a process so far, as clock_getcpuclockid(3) numbers its clock."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def rss_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this thread, and those it starts, on one of the cores it may use, numbered from 0."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core_of(core)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def core_of(place: int) -> int:
    """Return the number of the place-th core that this process may use, counted round when there are few."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[place % len(allowed)]
