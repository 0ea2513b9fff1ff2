"""Allocator settings for a process that reads large requests."""

import ctypes
import platform
from typing import Final

# malloc.h of glibc
_M_TRIM_THRESHOLD: Final = -1
_M_TOP_PAD: Final = -2
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def keep_large_buffers() -> bool:
    """Make glibc reuse the memory of request bodies instead of returning each to the system; False elsewhere.

    Bodies of 100 KB and more sit above the threshold from which malloc maps and unmaps pages for every
    allocation, and those page faults cost an HTTP receiver 2 to 5 times its CPU time. The price: up to
    256 MiB of freed memory stay with the process, which the limits on requests in flight keep far away.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = (
        (_M_MMAP_THRESHOLD, 32 << 20),  # older glibc refuses more
        (_M_TRIM_THRESHOLD, 256 << 20),
        (_M_TOP_PAD, 16 << 20),
        # Else each thread keeps what it freed in an arena of its own, and a body that another thread takes over
        # is written to memory that is in no cache. Under the GIL threads hardly ever wait for the one arena.
        (_M_ARENA_MAX, 1),
    )
    return all(mallopt(option, value) == 1 for option, value in settings)
