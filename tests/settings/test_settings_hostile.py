"""Configuration files that nobody wrote in good faith."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter.settings import Settings, SettingsError, load
from llm_exporter.settings.source import MAX_BYTES, MAX_NODES, parse

YAML_PIECES = st.sampled_from(
    [
        *"[]{}:,-?&*!|>'\"%@`#~\n\t \x00\u2028\ud7ff\U0001f600",
        *("  ", "- ", ": ", "---", "...", "<<", "!!set", "null", "1e9", "0x1", "-.inf"),
        *("listen", "labels", "team", "cap", "budgets", "slos", "buckets"),
    ]
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"log:\n  level: \xff\n", "f:2: the text is not UTF-8: allowed UTF-8"),
        (b"log:\n  level: \x07\n", "f:2: character U+0007 cannot stand in YAML: allowed printable text"),
        (b"#" * (MAX_BYTES + 1), "f: 1048577 bytes are too many: allowed up to 1048576 bytes"),
        (b"a: [" + b"1," * MAX_NODES + b"]", "f:1: the file has too many values: allowed up to 20000 values"),
        (b"[" * 100_000, "f:1: the nesting is too deep: allowed up to 16 levels"),
        (b"? " * 50_000, "f:1: the nesting is too deep: allowed up to 16 levels"),
        (b"{" * 100_000, "f:1: the nesting is too deep: allowed up to 16 levels"),
    ],
    ids=["not UTF-8", "control character", "too large", "too many", "lists", "keys", "mappings"],
)
def test_what_is_too_much_is_refused(content: bytes, message: str) -> None:
    """Size, count and depth are bounded, and the message says by how much."""
    with pytest.raises(SettingsError) as refused:
        parse(content, "f")
    assert str(refused.value) == message


def test_a_hostile_file_takes_bounded_time() -> None:
    """A file of the greatest size with as many values as fit is refused in seconds."""
    began = time.process_time()
    with pytest.raises(SettingsError):
        parse((b"- {a: [b, c]}\n" * MAX_BYTES)[:MAX_BYTES], "f")
    assert time.process_time() - began < 20


def test_empty_files_are_the_defaults(tmp_path: Path) -> None:
    """Nothing, a comment, or an empty document says nothing."""
    for content in ("", "# comment\n", "---\n", "null\n", "listen:\nlabels:\n"):
        file = tmp_path / "config.yaml"
        file.write_text(content)
        assert load(str(file), {}, {}) == Settings()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a directory and a pipe that nobody writes to are told, and block nobody."""
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (
        ("absent.yaml", "No such file or directory"),
        (".", "Is a directory"),
        ("pipe", "it is not a regular file"),
        ("nul\0", "embedded null byte"),
    ):
        path = f"{tmp_path}/{name}"
        with pytest.raises(SettingsError) as refused:
            load(path, {}, {})
        assert (
            str(refused.value) == f"{path}: reading the file failed: {reason}: allowed a readable YAML file"
        )


@given(st.lists(YAML_PIECES | st.text(max_size=5), max_size=60).map("".join))
def test_any_text_is_settings_or_problems(text: str) -> None:
    """Whatever the text, the answer is a tree or one-line problems that name the file, no other exception."""
    try:
        parse(text.encode("utf-8", "surrogatepass"), "f")
    except SettingsError as error:
        problems = list(map(str, error.problems))
    else:
        return
    assert problems
    for problem in problems:
        assert problem.startswith("f")
        assert len(problem) < 400
        assert problem.isprintable()
