"""Configurations that are refused, one file for each message.

The comment lines that a file in `bad/` starts with are what is said of it, without the name of the file;
`…` stands for any text.
"""

import itertools
import re
from pathlib import Path

import pytest

from llm_exporter.settings import SettingsError, load

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_with_its_message(path: Path) -> None:
    """Every problem is told in the order of the file, with line, key, value and what is allowed; no other."""
    comments = itertools.takewhile(lambda line: line.startswith("# "), path.read_text().splitlines())
    expected = [line.removeprefix("# ") for line in comments]
    assert expected, "the file has to start with the messages it is refused with"

    with pytest.raises(SettingsError) as refused:
        load(str(path), {}, {})

    said = [str(problem).removeprefix(str(path)) for problem in refused.value.problems]
    assert len(said) == len(expected), said
    for message, pattern in zip(said, expected, strict=True):
        assert re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), message), message


def test_a_secret_in_the_place_of_its_file_is_not_shown(tmp_path: Path) -> None:
    """Someone who writes the token itself where the token's file belongs does not find it in the log."""
    file = tmp_path / "config.yaml"
    file.write_text("receive: {bearer_token_file: sk-live-0123456789}\n")
    with pytest.raises(SettingsError) as refused:
        load(str(file), {}, {})
    assert "0123456789" not in str(refused.value)


def test_a_wrong_prices_file_is_told_with_the_key_that_names_it(tmp_path: Path) -> None:
    """What is wrong inside a referenced file is found before the exporter starts."""
    (tmp_path / "prices.yaml").write_text('models:\n  - model: llama\n    prices:\n      - inptu: "0.05"\n')
    file = tmp_path / "config.yaml"
    file.write_text("pricing:\n  prices_file: prices.yaml\n")
    with pytest.raises(SettingsError) as refused:
        load(str(file), {}, {})
    (message,) = map(str, refused.value.problems)
    assert message.startswith(f"{file}:2: pricing.prices_file: the file cannot be used: ")
    assert "inptu" in message
