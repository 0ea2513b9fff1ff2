"""Decompression with a bound on the output, so that a small body cannot become a large one."""

import zlib
from typing import Any, Final, Literal, cast

from llm_exporter.receive.sink import Malformed, TooLarge

_decompressobj: Any
_ERRORS: tuple[type[Exception], ...]
try:
    from isal import igzip_lib, isal_zlib
except ImportError:  # no wheel for this platform: slower, otherwise the same
    _decompressobj, _ERRORS = zlib.decompressobj, (zlib.error,)
else:
    _decompressobj, _ERRORS = isal_zlib.decompressobj, (cast("type[Exception]", igzip_lib.IsalError),)

Coding = Literal["gzip", "deflate"]

_WBITS: Final[dict[Coding, int]] = {"gzip": 31, "deflate": 15}
_MAX_MEMBERS: Final = 64
_STEP: Final = 1 << 20


def inflate(body: bytes, coding: Coding, max_bytes: int) -> bytes:
    """Decompress `body`: gzip (RFC 1952, several members) or deflate, which means zlib (RFC 9110 §8.4.1.2).

    Raises `Malformed` when it is damaged or cut short, `TooLarge` once the output exceeds `max_bytes`; never
    holds much more output than that.
    """
    output: list[bytes] = []
    rest, room = body, max_bytes
    for _ in range(_MAX_MEMBERS):
        rest, room = _inflate_member(rest, coding, room, output)
        if room < 0:
            output.clear()  # which the traceback would keep alive
            raise TooLarge(f"the request is larger than {max_bytes} bytes after decompression")
        if not rest:
            return b"".join(output)
        if coding == "deflate":
            raise Malformed("the deflate body goes on after the end of its zlib stream")
    raise Malformed(f"the gzip body has more than {_MAX_MEMBERS} members")


def _inflate_member(body: bytes, coding: Coding, room: int, output: list[bytes]) -> tuple[bytes, int]:
    """Append one member's data to `output`; return what follows it and the room left (negative: exceeded)."""
    stream = _decompressobj(_WBITS[coding])
    pending = body
    try:
        while not stream.eof:
            chunk = stream.decompress(pending, min(_STEP, room + 1))
            output.append(chunk)
            room -= len(chunk)
            if room < 0:
                break
            pending = stream.unconsumed_tail
            if not chunk and not stream.eof:
                raise _not_valid(coding)
    except _ERRORS:
        raise _not_valid(coding) from None
    return stream.unused_data, room


def _not_valid(coding: Coding) -> Malformed:
    return Malformed(f"the body is not {coding}, or it is damaged or cut short")
