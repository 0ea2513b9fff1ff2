"""What the documents name exists: files, commands, flags, targets, metrics, labels, settings."""

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from llm_exporter import catalogue as c
from llm_exporter.__main__ import main
from project.documents import NAMES, ROOT, Document

EXAMPLE = ROOT / "provisioning/llm-exporter/config.example.yaml"
FROM_PROMETHEUS = {"le", "job", "instance"}
METRICS = {metric.name: metric for metric in c.METRICS}

every_document = pytest.mark.parametrize("document", [Document(name) for name in NAMES], ids=NAMES)


def suffixed() -> set[str]:
    """Return the name of every series."""
    histograms = [metric.name for metric in c.METRICS if isinstance(metric, c.Histogram)]
    return METRICS.keys() | {name + end for name in histograms for end in ("_bucket", "_sum", "_count")}


@cache
def targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@every_document
def test_links_lead_somewhere(document: Document) -> None:
    """Every link to a file or a heading of the repository has a target."""
    for link in document.links():
        path, _, anchor = link.partition("#")
        target = (ROOT / document.name).parent / path if path else ROOT / document.name
        assert target.exists(), f"{document.name} links to {link}"
        if anchor:
            assert anchor in Document(str(target.resolve().relative_to(ROOT))).anchors(), link


@every_document
def test_commands_exist(document: Document, capsys: pytest.CaptureFixture[str]) -> None:
    """Every `llm-exporter`, `make` and `scripts/` command names a command, flags and files that there are."""
    for command in document.commands():
        words = [word for word in shlex.split(command.replace("'", "")) if not re.match(r"[A-Z_]+=", word)]
        if words[:1] == ["llm-exporter"] and len(words) > 1:
            check_flags(words[1:], capsys)
        elif words[:1] == ["make"] and len(words) > 1:
            assert words[1] in targets() or words[1] == "TARGET", f"{document.name}: {command}"
            if words[1] == "demo" and (arguments := re.search(r'ARGS="(.*)"', command)):
                check_flags(["demo", *arguments[1].split()], capsys)
        elif words and words[0].startswith("scripts/"):
            assert (ROOT / words[0]).exists(), f"{document.name}: {command}"


def check_flags(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Fail when `llm-exporter` has no such command, or the command no such flag."""
    if words[0].startswith("-"):
        words = ["", *words]
    with pytest.raises(SystemExit) as ended:
        main([*filter(None, words[:1]), "--help"])
    assert ended.value.code == 0, f"there is no command {words[0]!r}"
    known = set(re.findall(r"--?[a-z][a-z-]*", capsys.readouterr().out))
    assert {word.partition("=")[0] for word in words[1:] if word.startswith("-")} <= known


@every_document
def test_metrics_exist(document: Document) -> None:
    """Every metric that is named is in the catalogue, with the suffixes that its type has; rules name their own."""
    named = set(re.findall(r"(?<![\w/:-])llm_\w+(?![\w./])", document.text)) - {"llm_exporter"}
    prefixes = {name for name in named if name.endswith("_")}
    assert named - prefixes <= suffixed()
    for prefix in prefixes:
        assert any(name.startswith(prefix) for name in METRICS), prefix


@every_document
def test_labels_in_queries_exist(document: Document) -> None:
    """A query groups by, joins on and selects labels that its metrics have."""
    for query in document.blocks("promql"):
        metrics = [METRICS[name] for name in map(family, re.findall(r"llm_\w+", query))]
        known = {label.name: label for metric in metrics for label in metric.labels}
        used = {name for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for name in group.split(", ")}
        for name, operator, value in re.findall(r'(\w+)(=~?)"([^"]*)"', query):
            used.add(name)
            if operator == "=" and known[name].values:
                assert value in known[name].values, f"{name}={value}"
        assert used <= known.keys() | FROM_PROMETHEUS, query


def family(series: str) -> str:
    """Return the metric that a series belongs to."""
    return series if series in METRICS else re.sub(r"_(bucket|sum|count)$", "", series)


@every_document
def test_settings_exist(document: Document) -> None:
    """A dotted name whose first part is a section of the configuration is a key of it."""
    sections = yaml.safe_load(EXAMPLE.read_text())
    for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", document.text):
        section, key = name.split(".")
        if isinstance(keys := sections.get(section), dict):
            assert key in keys, name


@pytest.mark.prometheus
def test_queries_are_promql(tmp_path: Path) -> None:
    """promtool takes every query of every document."""
    queries = [query for name in NAMES for query in Document(name).blocks("promql")]
    assert len(queries) >= 5
    rules = [{"record": f"documented:query_{n}:value", "expr": query} for n, query in enumerate(queries)]
    check_with_promtool(tmp_path, "rules", {"groups": [{"name": "documents", "rules": rules}]})


@pytest.mark.prometheus
def test_scrape_configs_are_prometheus_configuration(tmp_path: Path) -> None:
    """promtool takes the scrape configuration of the README."""
    (found,) = [block for block in Document("README.md").blocks("yaml") if "scrape_configs" in block]
    check_with_promtool(tmp_path, "config", yaml.safe_load(found))


def check_with_promtool(directory: Path, what: str, content: object) -> None:
    """Fail when `promtool check` finds fault with `content`."""
    programs = sorted(ROOT.glob(".servers/prometheus-*/usr/bin/promtool"))
    if not programs:
        pytest.skip("promtool is not here; scripts/servers unpacks it")
    path = directory / "content.yml"
    path.write_text(yaml.safe_dump(content))
    for program in programs:
        done = subprocess.run(
            [program, "check", what, path], check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "pipelines"), [("README.md", 2), ("docs/logs.md", 1)])
def test_the_collector_examples_are_pipelines(name: str, pipelines: int) -> None:
    """A Collector's pipeline uses the receivers and the exporter that are shown, on the port for gRPC."""
    found = [yaml.safe_load(block) for block in Document(name).blocks("yaml") if "pipelines" in block]
    assert len(found) == pipelines
    for collector in found:
        (pipeline,) = collector["service"]["pipelines"].values()
        assert pipeline.get("receivers", []) == list(collector.get("receivers", []))
        assert pipeline["exporters"] == list(collector["exporters"])
        assert collector["exporters"]["otlp/llm"]["endpoint"] == "127.0.0.1:4317"


def test_the_example_configuration_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    """check-config finds nothing wrong with the example that is installed beside the exporter."""
    assert main(["check-config", str(EXAMPLE)]) == 0
    assert capsys.readouterr().out.startswith("OK")
