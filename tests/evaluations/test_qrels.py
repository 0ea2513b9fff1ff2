"""Files of labels: both forms, what is no label, and that no text of a query is kept or shown."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from llm_exporter.evaluations.qrels import MAX_DOCUMENT, QrelsError, hash_of, normalised, parse
from llm_exporter.settings.problem import SettingsError
from llm_exporter.settings.qrels import load_qrels

QUERY = "Where is my order?"


def test_both_forms_say_the_same() -> None:
    """TREC's columns, JSON with the text and JSON with its hash are one label each, in one file if need be."""
    digest = hash_of(QUERY)
    lines = [
        "# labels of the help desk",
        f"{digest} 0 shipping.md 2",
        "",
        json.dumps({"query": QUERY, "document": "returns.md", "relevance": 1}),
        json.dumps({"query_sha256": digest.upper(), "document": "a document with spaces", "relevance": 0}),
    ]
    labels = parse("\n".join(lines))
    assert dict(labels.of(QUERY)) == {"shipping.md": 2, "returns.md": 1, "a document with spaces": 0}
    assert len(labels) == 1


@pytest.mark.parametrize(
    "written", ["where is my order?", "  WHERE  is\tmy\norder? ", "\uff37here is my order?"]
)
def test_a_query_is_the_same_however_it_is_spaced_and_cased(written: str) -> None:
    """Case, spaces and Unicode's compatible forms make no other query."""
    assert hash_of(written) == hash_of(QUERY)


def test_the_hash_is_that_of_the_normalised_text() -> None:
    """Anyone can make it: SHA-256 of UTF-8 without case and with single spaces."""
    assert normalised(QUERY) == "where is my order?"
    assert hash_of(QUERY) == sha256(b"where is my order?").hexdigest()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{hash_of(QUERY)} 0 a", "3 columns"),
        ("42 0 a 1", "the query is no hash"),
        (f"{hash_of(QUERY)} 0 a yes", "the grade is no whole number"),
        (f"{hash_of(QUERY)} 0 a 101", "the grade is no whole number"),
        (f"{hash_of(QUERY)} 0 a \u0661", "the grade is no whole number"),
        ('{"query": "secret question", "document": "a"', "no JSON"),
        ('{"query": "secret question", "document": "a", "relevance": true}', "relevance is no whole number"),
        ('{"query": "secret question", "document": "a", "relevance": 0.5}', "relevance is no whole number"),
        ('{"query": "secret question", "document": 7, "relevance": 1}', "the document is no id"),
        (
            json.dumps({"query": "q", "document": "a" * (MAX_DOCUMENT + 1), "relevance": 1}),
            "the document is no id",
        ),
        ('{"query": " ", "document": "a", "relevance": 1}', "query is no text, or there are two"),
        (
            '{"query": "secret question", "query_sha256": "ab", "document": "a", "relevance": 1}',
            "query is no text, or there are two",
        ),
        ('{"document": "a", "relevance": 1}', "the query is no hash"),
        ('{"secret question": 1}', "1 unknown keys"),
    ],
)
def test_what_is_no_label_is_refused_without_being_shown(line: str, said: str) -> None:
    """The message says which line and what is wrong with it; nothing of the line stands in it."""
    with pytest.raises(QrelsError) as caught:
        parse(f"{hash_of(QUERY)} 0 before 1\n{line}\n")
    assert caught.value.line == 2
    assert caught.value.said == said
    assert caught.value.allowed
    assert "secret" not in str(caught.value)


def test_grades_that_contradict_each_other_are_refused() -> None:
    """The same label again is none; another grade for the same document is a mistake."""
    line = f"{hash_of(QUERY)} 0 a 1"
    assert dict(parse(f"{line}\n{line}").of(QUERY)) == {"a": 1}
    with pytest.raises(QrelsError, match="line 2: another grade"):
        parse(f"{line}\n{line[:-1]}2")


def test_no_text_of_a_query_is_kept() -> None:
    """What the labels hold of a query is its hash."""
    labels = parse(json.dumps({"query": "a canary question", "document": "a", "relevance": 1}))
    assert "canary" not in repr(vars(labels))


def test_a_file_is_read_and_a_bad_one_is_refused(tmp_path: Path) -> None:
    """The problem names the file and the line, as those of other files do."""
    path = tmp_path / "labels.qrels"
    path.write_text(f"\ufeff{hash_of(QUERY)} 0 a 1\r\n")
    assert dict(load_qrels(path).of(QUERY)) == {"a": 1}
    path.write_text(f"{hash_of(QUERY)} 0 a 1\n42 0 a 1\n")
    with pytest.raises(SettingsError) as caught:
        load_qrels(path)
    assert f"{path}:2" in str(caught.value)
    path.write_bytes(b"caf\xe9 question")
    with pytest.raises(SettingsError, match="it is not UTF-8") as caught:
        load_qrels(path)
    assert "question" not in str(caught.value)
    with pytest.raises(SettingsError, match="reading the file failed"):
        load_qrels(tmp_path / "missing")
