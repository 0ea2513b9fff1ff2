"""A file that lines are appended to: each whole or not at all, up to a size, then the file is put aside."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

KEPT: Final = 5
"""Files put aside: FILE.1, the newest, to FILE.5."""
_OWNER_ONLY: Final = 0o600


class InUse(OSError):  # noqa: N818
    """Another process appends to the file."""


class Appending:
    """Appends lines. The file belongs to one process at a time, and is readable by its owner alone."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        """Open the file, or make it; what is there stays, without a last line that was cut off.

        Raises:
            InUse: another process appends to it.
            OSError: it cannot be written.
        """
        self.path = path
        self._max_bytes = max_bytes
        self._file = -1
        self._size = 0
        self._open()

    def append(self, line: bytes) -> None:
        """Append a line that ends with a newline.

        Raises:
            OSError: there is no room, or the like; nothing of the line is in the file then.
        """
        if self._was_moved():
            # By logrotate, say.
            self.close()
            self._open()
        if self._size and self._size + len(line) > self._max_bytes:
            self._put_aside()
        start = self._size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, start)
            raise
        self._size += len(line)

    def close(self) -> None:
        """Have the disk hold what was appended, and close the file."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._size = _whole_lines(self._file)
            os.ftruncate(self._file, self._size)
        except BlockingIOError:
            os.close(self._file)
            self._file = -1
            raise InUse(f"{self.path}: another process appends to it") from None
        except OSError:
            os.close(self._file)
            self._file = -1
            raise

    def _was_moved(self) -> bool:
        mine = os.fstat(self._file)
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return True
        return (mine.st_dev, mine.st_ino) != (named.st_dev, named.st_ino)

    def _put_aside(self) -> None:
        self.close()
        for number in range(KEPT - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            if older.exists():
                older.replace(self.path.with_name(f"{self.path.name}.{number + 1}"))
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        self._open()


def _whole_lines(file: int) -> int:
    """Return the size of a file up to the end of its last whole line."""
    end = os.fstat(file).st_size
    while end:
        start = max(end - 65_536, 0)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
