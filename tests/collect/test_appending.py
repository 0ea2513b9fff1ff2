"""Lines are in the file whole or not at all, and the file does not grow for ever."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llm_exporter.collect import appending
from llm_exporter.collect.appending import Appending


def line(number: int, size: int = 10) -> bytes:
    """Return a line of a size."""
    return str(number).encode().ljust(size - 1, b".") + b"\n"


def test_lines_are_added_to_what_is_there(tmp_path: Path) -> None:
    """Each is in the file as soon as it was appended, and only its owner can read it."""
    path = tmp_path / "failed.jsonl"
    for number in range(3):
        file = Appending(path, 1000)
        file.append(line(number))
        assert path.read_bytes() == b"".join(map(line, range(number + 1)))
        file.close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut_off", [b"cut off", b"x" * 200_000])
def test_a_line_that_was_cut_off_is_removed(tmp_path: Path, cut_off: bytes) -> None:
    """A process that died while it wrote leaves half a line: nobody could read the file."""
    path = tmp_path / "failed.jsonl"
    path.write_bytes(line(1) + cut_off)
    file = Appending(path, 10**6)
    file.append(line(2))
    file.close()
    assert path.read_bytes() == line(1) + line(2)


def test_half_of_a_first_line_is_removed(tmp_path: Path) -> None:
    """A file without a single whole line begins anew."""
    path = tmp_path / "failed.jsonl"
    path.write_bytes(b"half")
    file = Appending(path, 1000)
    file.append(line(1))
    file.close()
    assert path.read_bytes() == line(1)


def test_a_full_file_is_put_aside(tmp_path: Path) -> None:
    """No file is over its size, five are kept, and no line is in two of them."""
    path = tmp_path / "failed.jsonl"
    file = Appending(path, 35)
    for number in range(25):
        file.append(line(number))
    file.close()
    files = [path, *(tmp_path / f"failed.jsonl.{number}" for number in range(1, 6))]
    assert sorted(tmp_path.iterdir()) == files
    found = b"".join(one.read_bytes() for one in reversed(files))
    assert found == b"".join(line(number) for number in range(9, 25))
    assert max(one.stat().st_size for one in files) == 30


def test_a_line_larger_than_the_file_may_be_is_kept(tmp_path: Path) -> None:
    """It has a file of its own: it is a failure like the others."""
    path = tmp_path / "failed.jsonl"
    file = Appending(path, 20)
    for number, size in enumerate((10, 50, 10)):
        file.append(line(number, size))
    file.close()
    sizes = [one.stat().st_size for one in sorted(tmp_path.iterdir())]
    assert sizes == [10, 50, 10]


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    """As logrotate does, without a signal."""
    path = tmp_path / "failed.jsonl"
    file = Appending(path, 1000)
    file.append(line(1))
    path.rename(tmp_path / "rotated")
    file.append(line(2))
    (tmp_path / "rotated").unlink()
    path.unlink()
    file.append(line(3))
    file.close()
    assert path.read_bytes() == line(3)


def test_two_processes_do_not_share_a_file(tmp_path: Path) -> None:
    """The second one is told, and breaks nothing."""
    path = tmp_path / "failed.jsonl"
    file = Appending(path, 1000)
    file.append(line(1))
    code = (
        "import sys; from pathlib import Path; from llm_exporter.collect.appending import Appending, InUse\n"
        "try: Appending(Path(sys.argv[1]), 1000)\nexcept InUse as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"{path}: another process appends to it\n"
    assert path.read_bytes() == line(1)
    file.close()
    Appending(path, 1000).close()


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What did not fit is not there at all, and the next line may fit again."""
    path = tmp_path / "failed.jsonl"
    file = Appending(path, 1000)
    file.append(line(1))
    room = [4]

    def write(fd: int, data: memoryview) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.pwrite(fd, data[: room[0]], 0)
        room[0] -= written
        return written

    with monkeypatch.context() as patched:
        patched.setattr(appending.os, "write", write)
        with pytest.raises(OSError, match="No space left"):
            file.append(line(2))
    assert path.read_bytes() == line(1)
    file.append(line(3))
    file.close()
    assert path.read_bytes() == line(1) + line(3)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """With the system's own words."""
    with pytest.raises(IsADirectoryError):
        Appending(tmp_path, 1000)
