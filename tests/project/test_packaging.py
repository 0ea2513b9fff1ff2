"""What is installed, locked, built and run fits together."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from llm_exporter.settings import FLAGS
from project.documents import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = (ROOT / "exporter/Dockerfile").read_text()


def requirements() -> list[Requirement]:
    """Return everything that pyproject.toml asks for, other than the project itself."""
    project = PYPROJECT["project"]
    groups = [project["dependencies"], PYPROJECT["dependency-groups"]["dev"]]
    groups += project["optional-dependencies"].values()
    parsed = [Requirement(text) for group in groups for text in group]
    return [requirement for requirement in parsed if requirement.name != project["name"]]


def test_constraints_lock_every_requirement() -> None:
    """Each requirement has one exact version in constraints.txt, which it allows; `make lock` writes it."""
    locked = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            assert re.fullmatch(r"[\w.-]+==[\w.+!]+", line), line
            name, _, version = line.partition("==")
            locked[canonicalize_name(name)] = version
    for requirement in requirements():
        version = locked.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in constraints.txt; run: make lock"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} but {version}"


def test_the_image_is_built_from_files_that_exist_and_are_let_in() -> None:
    """What the Dockerfile copies from the repository is there, and its .dockerignore lets it pass."""
    ignore = (ROOT / "exporter/Dockerfile.dockerignore").read_text().splitlines()
    copied = [
        name
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for name in sources.split()
    ]
    assert "exporter/llm_exporter" in copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignore, name


def test_the_image_listens_where_it_says() -> None:
    """The image sets real variables, exposes the ports in them, and does not run as root."""
    variables = dict(re.findall(r"(LLM_EXPORTER_\w+)=(\S+)", DOCKERFILE))
    assert variables.keys() <= {flag.variable for flag in FLAGS}
    ports = {address.rpartition(":")[2] for address in variables.values()}
    (exposed,) = re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)
    assert set(exposed.split()) == ports
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE)


def test_make_help_lists_every_target() -> None:
    """Every phony target that is for people is in `make help`, which is what `make` alone does."""
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert set(re.findall(r"^  (\w+) ", shown, re.MULTILINE)) == set(phony.split()) - {
        "servers",
        "environments",
    }


@pytest.mark.parametrize(
    "name", [".ci/run", "scripts/venv", "scripts/lock", "scripts/servers", "scripts/clients"]
)
def test_scripts_can_be_run(name: str) -> None:
    """Scripts are executable and bash can read them."""
    assert os.access(ROOT / name, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / name], timeout=60, check=True)


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("no-such-python", "install Python 3.11 or newer"),
        ("old", "old is 3.9"),
        ("bare", "install the package python3-venv"),
    ],
)
def test_a_missing_python_is_told_with_what_to_do(python: str, said: str, tmp_path: Path) -> None:
    """Without a usable Python nothing is created, and the message names what to install."""
    script = tmp_path / python
    if python != "no-such-python":
        # Answers as an interpreter would: its version, whether that is enough, whether it has venv.
        old = "exit 1" if python == "old" else "exit 0"
        version = "3.9" if python == "old" else "3.12"
        script.write_text(
            f"#!/bin/sh\ncase $2 in *print*) echo {version};; *exit*) {old};; *) exit 1;; esac\n"
        )
        script.chmod(0o755)
    environment = {**os.environ, "PYTHON": python, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [ROOT / "scripts/venv", tmp_path / "venv"],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "venv").exists()
