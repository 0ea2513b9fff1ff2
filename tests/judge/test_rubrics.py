"""Rubrics: those of the package, those of users, and what is refused."""

from pathlib import Path

import pytest

from llm_exporter.judge.rubrics import LEVELS, load_rubrics
from llm_exporter.settings import SettingsError
from llm_exporter.settings.judge import RUBRICS

TONE = """
name: tone
version: "2"
kind: scale
ask: Is it polite?
levels: {"5": very, "4": quite, "3": so so, "2": hardly, "1": rude}
pass_at: 3
"""


@pytest.mark.parametrize("name", RUBRICS)
def test_rubrics_of_the_package_are_whole(name: str) -> None:
    """Each can be read; scales have every level, and what can only be told of documents says so."""
    (rubric,) = load_rubrics([name], [])
    assert rubric.name == name
    assert rubric.evaluator == f"judge.{name}"
    assert rubric.kind == ("scale" if name in ("faithfulness", "relevance", "completeness") else "rule")
    assert tuple(sorted(rubric.levels)) == (LEVELS if rubric.kind == "scale" else ())
    assert rubric.needs_documents == (name in ("faithfulness", "grounded"))


def test_own_rubrics_are_on_scales_that_the_exporter_knows(tmp_path: Path) -> None:
    """A scale of a user's is `rubric.…`, a rule `rule.…`."""
    tone, rule = tmp_path / "tone.yaml", tmp_path / "rule.yaml"
    tone.write_text(TONE)
    rule.write_text("name: no_promises\nkind: rule\nask: FALSE when it promises something.\n")
    found = load_rubrics(["relevance"], [tone, rule])
    assert [rubric.evaluator for rubric in found] == ["judge.relevance", "rubric.tone", "rule.no_promises"]
    assert found[1].pass_at == 3
    assert found[1].levels["2"] == "hardly"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TONE.replace('"1": rude', ""), "there is no meaning of level 1"),
        (TONE.replace("kind: scale", "kind: rule"), "a rule has no levels"),
        (TONE.replace("name: tone", "name: relevance"), "there is a rubric relevance already"),
        (TONE.replace("name: tone", "name: reason"), "the judge's reason has this name"),
        (TONE.replace("name: tone", "name: Tone!"), 'value "Tone!" is not allowed'),
        (TONE.replace("kind: scale", "kind: stars"), "allowed scale or rule"),
        (TONE.replace("ask: Is it polite?", ""), "key ask is missing"),
        (TONE + "weight: 3\n", "unknown key"),
        ("[]", "mapping"),
    ],
)
def test_what_is_no_rubric_is_refused(content: str, said: str, tmp_path: Path) -> None:
    """The message names the file and what is wrong."""
    file = tmp_path / "own.yaml"
    file.write_text(content)
    with pytest.raises(SettingsError) as refused:
        load_rubrics(["relevance"], [file])
    assert said in str(refused.value)
    assert "own.yaml" in str(refused.value)
