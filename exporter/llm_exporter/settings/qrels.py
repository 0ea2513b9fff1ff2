"""The qrels file: which documents are relevant to which queries, see `evaluations.qrels`."""

from pathlib import Path
from typing import Final

from llm_exporter.evaluations.qrels import Qrels, QrelsError, parse
from llm_exporter.settings.problem import Problem, SettingsError
from llm_exporter.settings.source import read_bounded

MAX_BYTES: Final = 256 * 1024 * 1024


def load_qrels(path: Path) -> Qrels:
    """Return the labels of a qrels file.

    Raises:
        SettingsError: it cannot be read or a line of it is no label.
    """
    try:
        content = read_bounded(path, MAX_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        # What cannot be decoded is not shown: it may be a query.
        undecodable = isinstance(error, UnicodeDecodeError)
        reason = "it is not UTF-8" if undecodable else getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            [
                Problem(
                    str(path), "", f"reading the file failed: {reason}", "a readable file of labels, in UTF-8"
                )
            ]
        ) from None
    try:
        return parse(content)
    except QrelsError as error:
        raise SettingsError([Problem(f"{path}:{error.line}", "", error.said, error.allowed)]) from None
