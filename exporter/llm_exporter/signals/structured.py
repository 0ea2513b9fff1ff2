"""Whether an answer is the JSON that was asked for."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Final, NoReturn

_FENCE = re.compile(r"\s*```(?:json|JSON)?[ \t]*\n(.*)\n[ \t]*```\s*", re.DOTALL)


class Structure(Enum):
    """What became of the JSON; the value is the flag that it counts as."""

    VALID = ""
    FENCED = "fenced_json"
    """Valid, but in a Markdown code block, which a parser stumbles over."""
    INVALID = "invalid_json"
    TRUNCATED = "truncated_json"
    """Not valid, since the answer ended at the limit of its length."""


def structure(text: str, finish: str = "") -> Structure:
    """Return what an answer is that should be JSON.

    Args:
        text: The whole answer: one that was clipped cannot be told.
        finish: Why the model stopped, as in `Record.finish_reason`.
    """
    if _is_json(text):
        return Structure.VALID
    fenced = _FENCE.fullmatch(text)
    if fenced is not None and _is_json(fenced[1]):
        return Structure.FENCED
    return Structure.TRUNCATED if finish == "length" else Structure.INVALID


def _no_number(_: str) -> NoReturn:
    raise ValueError


# Numbers need no conversion, which for long ones is slow or refused; NaN and Infinity are no JSON.
_DECODER: Final = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=_no_number)


def _is_json(text: str) -> bool:
    try:
        _DECODER.decode(text)
    except (ValueError, RecursionError):
        return False
    return True
