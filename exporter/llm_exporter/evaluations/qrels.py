"""Labels of relevance: which documents are relevant to which queries, with no query's text kept.

A file has one label a line, in either of two forms, which may stand in one file:

- TREC's: `query 0 document grade`, where the query is the SHA-256 of its normalised text;
- JSON: `{"query": "…", "document": "…", "relevance": 1}`, or with `query_sha256` instead of the text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_LABELS: Final = 1_000_000
MAX_DOCUMENT: Final = 1024
MAX_GRADE: Final = 100
MAX_LINE: Final = 65_536
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_GRADE: Final = re.compile(r"[+-]?[0-9]{1,3}")


class QrelsError(ValueError):
    """A line that is no label. Its message says which and what is allowed, and nothing that stands in it."""

    def __init__(self, line: int, said: str, allowed: str) -> None:
        super().__init__(f"line {line}: {said}")
        self.line = line
        self.said = said
        self.allowed = allowed


class Qrels:
    """Grades of documents by query. Queries are known by their hash alone."""

    def __init__(self, grades: Mapping[bytes, Mapping[str, int]]) -> None:
        self._grades = grades

    def __len__(self) -> int:
        """Return how many queries have labels."""
        return len(self._grades)

    def of(self, query: str) -> Mapping[str, int]:
        """Return the grades of the documents that were labelled for a query, empty where none was."""
        return self._grades.get(_digest(query), {}) if query else {}


def normalised(query: str) -> str:
    """Return a query as it is hashed: Unicode's compatible form without case, single spaces, none at the ends."""
    return " ".join(unicodedata.normalize("NFKC", query).casefold().split())


def hash_of(query: str) -> str:
    """Return the hash that stands for a query in a file, in hexadecimal digits."""
    return _digest(query).hex()


def parse(content: str) -> Qrels:
    """Return the labels in a file's text. Empty lines and those that begin with `#` say nothing.

    Raises:
        QrelsError: a line is none, or says another grade than one before.
    """
    grades: dict[bytes, dict[str, int]] = {}
    for n, (number, query, document, grade) in enumerate(_labels(content)):
        if n >= MAX_LABELS:
            raise QrelsError(number, "too many labels", f"at most {MAX_LABELS:,}")
        of_query = grades.setdefault(query, {})
        if of_query.setdefault(document, grade) != grade:
            raise QrelsError(number, "another grade for the same query and document", "one grade for each")
    return Qrels(grades)


def _labels(content: str) -> Iterator[tuple[int, bytes, str, int]]:
    for number, line in enumerate(content.split("\n"), 1):
        said = line.strip()
        if len(said) > MAX_LINE:
            raise QrelsError(number, "too long", f"at most {MAX_LINE:,} characters")
        if said and not said.startswith("#"):
            yield (number, *(_of_json if said.startswith("{") else _of_trec)(number, said))


def _of_trec(number: int, said: str) -> tuple[bytes, str, int]:
    parts = said.split()
    if len(parts) != 4:
        raise QrelsError(number, f"{len(parts)} columns", "query 0 document grade, or a JSON object")
    query, _, document, grade = parts
    return _hash(number, query), _document(number, document), _grade(number, grade)


def _of_json(number: int, said: str) -> tuple[bytes, str, int]:
    try:
        found: dict[str, Any] = json.loads(said)
    except (ValueError, RecursionError):
        raise QrelsError(
            number, "no JSON", "an object with query or query_sha256, document, relevance"
        ) from None
    unknown = found.keys() - {"query", "query_sha256", "document", "relevance"}
    if unknown:
        raise QrelsError(number, f"{len(unknown)} unknown keys", "query or query_sha256, document, relevance")
    query = found.get("query")
    if isinstance(query, str) and normalised(query) and "query_sha256" not in found:
        digest = _digest(query)
    elif query is None:
        digest = _hash(number, found.get("query_sha256"))
    else:
        raise QrelsError(number, "query is no text, or there are two", "either query or query_sha256")
    grade = found.get("relevance")
    if isinstance(grade, bool) or not isinstance(grade, int):
        raise QrelsError(number, "relevance is no whole number", f"{-MAX_GRADE} to {MAX_GRADE}")
    return digest, _document(number, found.get("document")), _grade(number, str(grade))


def _hash(number: int, said: object) -> bytes:
    if not isinstance(said, str) or not _HASH.fullmatch(said.lower()):
        raise QrelsError(
            number, "the query is no hash", "64 hexadecimal digits: the SHA-256 of its normalised text"
        )
    return bytes.fromhex(said)


def _document(number: int, said: object) -> str:
    if not isinstance(said, str) or not 0 < len(said) <= MAX_DOCUMENT:
        raise QrelsError(number, "the document is no id", f"text of 1 to {MAX_DOCUMENT:,} characters")
    return said


def _grade(number: int, said: str) -> int:
    if not _GRADE.fullmatch(said) or abs(int(said)) > MAX_GRADE:
        raise QrelsError(
            number, "the grade is no whole number", f"{-MAX_GRADE} to {MAX_GRADE}, 1 and above is relevant"
        )
    return int(said)


def _digest(query: str) -> bytes:
    return sha256(normalised(query).encode("utf-8", "replace")).digest()
