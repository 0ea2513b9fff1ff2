"""The prompt registry: which version of each prompt is live, read from the file that teams keep in Git."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from llm_exporter.engine import Engine
from llm_exporter.settings import SettingsError, load
from llm_exporter.settings.prompts import load_registry, succeeding

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "You are a helpful customer support agent for the canary zebra-quartz"
REGISTRY = f"""
prompts:
  customer-support-v3:
    template: "{CANARY}"
    version: "3.2.1"
    sha: "a4f9e2b"
    deployed_at: "2026-04-20T09:00:00Z"
    owner: "team-ai-platform"
  search:
    version: v7
    sha: 4dc1a2b3c4d5e6f708192a3b4c5d6e7f80912a3b
    deployed_at: 2026-04-20
    labels: [production]
"""


def _registry(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "prompts.yaml"
    file.write_text(text)
    return file


def _engine(tmp_path: Path, text: str) -> Engine:
    _registry(tmp_path, text)
    config = tmp_path / "config.yaml"
    config.write_text("prompts: {registry_file: prompts.yaml}\nexposition: {first_sample_hold_seconds: 0}\n")
    return Engine(load(str(config), {}, {}))


def _samples(engine: Engine, name: str) -> list[tuple[dict[str, str], float]]:
    text = b"".join(engine.exposition("openmetrics")).decode()
    assert CANARY not in text
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]


def test_a_registry_is_read_without_its_templates(tmp_path: Path) -> None:
    """Version, commit, owner and time are kept; the template and keys of other tools are not."""
    prompts = load_registry(_registry(tmp_path, REGISTRY))
    support, search = prompts["customer-support-v3"], prompts["search"]
    assert (support.version, support.sha, support.owner) == ("3.2.1", "a4f9e2b", "team-ai-platform")
    assert support.deployed_at == datetime(2026, 4, 20, 9, tzinfo=UTC)
    assert search.deployed_at == datetime(2026, 4, 20, tzinfo=UTC)
    assert search.sha == "4dc1a2b3c4d5"
    assert CANARY not in repr(prompts)


def test_the_live_version_is_shown(tmp_path: Path) -> None:
    """`llm_prompt_info` is 1 under the names that spans carry, beside the unix time of the deployment."""
    engine = _engine(tmp_path, REGISTRY)
    labels = {"prompt_name": "search", "prompt_version": "v7", "previous_version": "", "owner": ""}
    assert ({**labels, "sha": "4dc1a2b3c4d5"}, 1.0) in _samples(engine, "llm_prompt_info")
    support = {"prompt_name": "customer-support-v3", "prompt_version": "3.2.1"}
    assert (support, 1776675600.0) in _samples(engine, "llm_prompt_deployed_timestamp_seconds")


def test_a_reload_knows_the_version_before(tmp_path: Path) -> None:
    """After a new version was deployed only that is shown, with the one it replaced, also by later reloads."""
    engine = _engine(tmp_path, REGISTRY)
    for _ in range(2):
        _registry(tmp_path, 'prompts: {search: {version: "v8", owner: "search-team"}}')
        engine.apply(load(str(tmp_path / "config.yaml"), {}, {}))
        labels = {"prompt_name": "search", "prompt_version": "v8", "previous_version": "v7"}
        expected = [({**labels, "owner": "search-team", "sha": ""}, 1.0)]
        assert _samples(engine, "llm_prompt_info") == expected
        assert _samples(engine, "llm_prompt_deployed_timestamp_seconds") == []


def test_what_the_file_says_of_the_version_before_holds(tmp_path: Path) -> None:
    """A rollback that names its predecessor is not contradicted by what was live when it was read."""
    older = load_registry(_registry(tmp_path, "prompts: {search: {version: v8}}"))
    newer = load_registry(_registry(tmp_path, "prompts: {search: {version: v7, previous_version: v6}}"))
    assert succeeding(newer, older)["search"].previous_version == "v6"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "prompts.yaml:1: key prompts is missing"),
        ("prompts: [search]", "prompts: the value is not a mapping"),
        ("prompts: {search: {sha: abc}}", "prompts.search: key version is missing"),
        ("prompts: {search: {version: v1, deployd_at: 2026-01-01}}", "did you mean deployed_at?"),
        ("prompts: {search: {version: v1, deployed_at: yesterday}}", "2026-01-31T09:00:00Z"),
        (
            "prompts: {search: {version: v1, deployed_at: 2026-01-01T09:00:00}}",
            "say the time zone, Z for UTC",
        ),
        ("prompts: {search: {version: 3}}", "put it in quotes"),
        ("prompts: {search: {version: v1}", "not YAML"),
        ("prompts: &a {search: *a}", "anchors and aliases are not supported"),
    ],
)
def test_a_bad_registry_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """The configuration is refused as a whole, and each fault says where it is and what would be right."""
    with pytest.raises(SettingsError) as refused:
        _engine(tmp_path, text)
    assert said in str(refused.value)
    assert "prompts.yaml" in str(refused.value)


def test_no_fault_shows_a_template(tmp_path: Path) -> None:
    """What is wrong elsewhere in a file with templates is told without them."""
    with pytest.raises(SettingsError) as refused:
        _engine(tmp_path, REGISTRY.replace('version: "3.2.1"', "versoin: 3"))
    assert CANARY not in str(refused.value)
