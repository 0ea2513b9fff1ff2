"""What holds of every file: modules and tests say what they are for; none names a path of one machine."""

import ast
import re
from pathlib import Path

import pytest

from project.documents import ROOT


def files(*patterns: str) -> list[Path]:
    """Return the files of the repository that match, without what Python compiles."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in found if path.suffix != ".pyc")


MODULES = files("exporter/**/*.py", "bench/**/*.py", "tests/**/*.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_first_line_says_what_a_module_is_for(path: Path) -> None:
    """A module's docstring starts with one line that is a sentence, or a heading that ends with a colon."""
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    assert re.fullmatch(r".{10,}[.:]", first), f"{path.relative_to(ROOT)} starts with {first!r}"


@pytest.mark.parametrize("path", files("tests/**/test_*.py"), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_says_what_should_be_true(path: Path) -> None:
    """Each test function has a docstring."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    silent = [f.name for f in functions if f.name.startswith("test_") and not ast.get_docstring(f)]
    assert silent == []


def test_no_path_of_a_machine() -> None:
    """No file names a home directory, or a mount, that only one machine has."""
    local = re.compile(r"/(?:root|home/\w+|work|Users/\w+)/")
    patterns = (
        "exporter/**/*.py",
        "exporter/Docker*",
        "scripts/*",
        "docs/*",
        ".ci/*",
        "*.md",
        "*.toml",
        "*.txt",
        "Makefile",
    )
    named = {
        str(path.relative_to(ROOT)): found
        for path in files(*patterns)
        if (found := local.findall(path.read_text(errors="replace")))
    }
    assert named == {}
