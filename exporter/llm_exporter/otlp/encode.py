"""Writing the protobuf wire format (https://protobuf.dev/programming-guides/encoding/).

Tags are given as bytes: `field number << 3 | wire type` as a varint, one byte for field numbers below 16.
"""


def varint(value: int) -> bytes:
    """Encode an integer; a negative one as the 64-bit two's complement, as int32, int64 and enum want it."""
    if 0 <= value < _SMALL:
        return _VARINTS[value]
    return _varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def delimited(tag: bytes, content: bytes) -> bytes:
    """Encode a length-delimited field: bytes, a string, or a message."""
    size = len(content)
    return tag + (_VARINTS[size] if size < _SMALL else _varint(size)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_SMALL = 4096
_VARINTS = tuple(_varint(value) for value in range(_SMALL))
