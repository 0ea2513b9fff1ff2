"""What scores mean: known scales, labels that say pass or fail, and nothing that is guessed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter.evaluations.evaluation import Evaluation
from llm_exporter.evaluations.scales import KNOWN, Scale, Scaled, canonical, scale_of, scaled

UNIT, DOWN = Scale(0, 1), Scale(0, 1, up=False)


def of(name: str, score: float | None = None, label: str = "", *, tool: str = "", **extra: Scale) -> Scaled:
    """Return what a result says, with the scales of a configuration."""
    return scaled(Evaluation(name, score, label, tool=tool), extra)


@pytest.mark.parametrize(
    ("name", "score", "expected"),
    [
        ("ragas.faithfulness", 0.25, Scaled(0.25, None, "unscored")),
        ("ragas.noise_sensitivity", 0.25, Scaled(0.75, None, "unscored")),
        ("ragas.factual_correctness(mode=f1)", 0.5, Scaled(0.5, None, "unscored")),
        ("ragas.harmfulness", 1.0, Scaled(0.0, None, "fail")),
        ("ragas.domain_specific_rubrics", 4.0, Scaled(0.75, None, "unscored")),
        ("ragas.non_llm_string_similarity", 0.5, Scaled(0.5, None, "unscored")),
        ("llm_context_precision_with_reference", 0.5, Scaled(0.5, None, "unscored")),
        ("Faithfulness (ragas)", 0.5, Scaled(0.5, None, "unscored")),
        ("DeepEval.Answer Relevancy", 0.5, Scaled(0.5, None, "pass")),
        ("deepeval/answer-relevancy", 0.25, Scaled(0.25, None, "fail")),
        ("Correctness [GEval]", 0.75, Scaled(0.75, None, "pass")),
        ("Tone [Conversational GEval]", 0.25, Scaled(0.25, None, "fail")),
        ("phoenix.hallucination", 1.0, Scaled(0.0, None, "unscored")),
        ("langfuse.Toxicity", 0.25, Scaled(0.75, None, "unscored")),
        ("uptrain.score_factual_accuracy", 0.5, Scaled(0.5, None, "unscored")),
        ("galileo.context_adherence", 0.5, Scaled(0.5, None, "unscored")),
        ("guardrails.ToxicLanguage", 1.0, Scaled(1.0, None, "pass")),
        ("azure.groundedness", 2.0, Scaled(0.25, None, "fail")),
        ("builtin.coherence", 3.0, Scaled(0.5, None, "pass")),
        ("azure.violence", 7.0, Scaled(0.0, None, "fail")),
        ("azure.self-harm", 0.0, Scaled(1.0, None, "pass")),
        ("rule.answers_politely", 0.0, Scaled(0.0, None, "fail")),
        ("rubric.anything", 5.0, Scaled(1.0, None, "unscored")),
        ("judge.faithfulness", 4.0, Scaled(0.75, None, "pass")),
        ("judge.completeness", 3.0, Scaled(0.5, None, "fail")),
        ("judge.grounded", 1.0, Scaled(1.0, None, "pass")),
        ("openai.violence", 0.25, Scaled(0.75, None, "unscored")),
    ],
)
def test_each_tool_has_its_scale(name: str, score: float, expected: Scaled) -> None:
    """With its prefix a name is on the tool's scale, which becomes 0 to 1 with up as good."""
    assert of(name, score) == expected


@pytest.mark.parametrize(
    "name",
    ["faithfulness", "relevance", "completeness", "hallucination", "groundedness", "violence", "similarity"],
)
def test_a_name_that_tools_mean_differently_is_not_known_alone(name: str) -> None:
    """Its score stays as written, apart."""
    assert of(name, 0.9) == Scaled(None, 0.9, "unscored")


@pytest.mark.parametrize("name", ["deepeval.hallucination", "deepeval.toxicity", "azure.task_adherence"])
def test_what_a_tool_turned_round_between_versions_is_not_known(name: str) -> None:
    """Whether 1 is good there depends on the version, which no result says."""
    assert of(name, 1.0) == Scaled(None, 1.0, "unscored")
    assert of(name, 0.2, "pass") == Scaled(None, 0.2, "pass")


def test_a_name_on_which_all_tools_agree_is_known_alone() -> None:
    """Even if only some of them say what passes."""
    assert of("Answer Relevancy", 0.25) == Scaled(0.25, None, "unscored")
    assert of("context_precision", 0.25) == Scaled(0.25, None, "unscored")
    assert of("contextual_precision", 0.25) == Scaled(0.25, None, "fail")
    assert of("prompt_injection", 0.25) == Scaled(0.75, None, "unscored")


@pytest.mark.parametrize(
    "name", ["precision@5", "recall_at_10", "ndcg@10", "MRR", "hit_rate@3", "judge.recall@5"]
)
def test_measures_of_rankings_are_from_0_to_1(name: str) -> None:
    """Whoever computes them, for any k."""
    assert of(name, 0.25) == Scaled(0.25, None, "unscored")


def test_the_tool_may_be_known_without_the_name() -> None:
    """Braintrust's scores are from 0 to 1 whatever they are called, which other tools' are not."""
    assert of("anything", 0.9, tool="braintrust") == Scaled(0.9, None, "unscored")
    assert of("anything", 0.9) == Scaled(None, 0.9, "unscored")
    assert of("groundedness", 4.0, tool="azure") == Scaled(0.75, None, "pass")


@pytest.mark.parametrize("name", ["anything", "user_feedback", "ragas.faithfulness"])
@pytest.mark.parametrize(("score", "labels"), [(1.0, ("pass", "TRUE")), (0.0, ("fail", "false"))])
def test_a_boolean_is_pass_or_fail_under_any_name(name: str, score: float, labels: tuple[str, str]) -> None:
    """Written as 1 or 0 with its word."""
    for label in labels:
        assert of(name, score, label) == Scaled(score, None, "pass" if score else "fail")


@pytest.mark.parametrize(
    "name", ["hallucination", "phoenix.toxicity", "deepeval.bias", "contains PII", "jailbreak"]
)
def test_true_is_bad_for_what_is_bad_when_it_is_there(name: str) -> None:
    """A hallucination that is true is one. `pass` is good everywhere."""
    assert of(name, 1.0, "true") == Scaled(0.0, None, "fail")
    assert of(name, 0.0, "false") == Scaled(1.0, None, "pass")
    assert of(name, None, "yes") == Scaled(0.0, None, "fail")
    assert of(name, 1.0, "pass") == Scaled(1.0, None, "pass")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("correct", "incorrect"),
        ("factual", "hallucinated"),
        ("faithful", "unfaithful"),
        ("non-toxic", "toxic"),
        ("Not Toxic", "Toxic"),
        ("relevant", "unrelated"),
        ("relevant", "irrelevant"),
        ("concise", "verbose"),
        ("no_friction", "friction"),
        ("no_pii_detected", "pii_detected"),
        ("thumbs_up", "thumbs down"),
        ("👍", "👎"),
    ],
)
def test_known_labels_say_pass_or_fail(good: str, bad: str) -> None:
    """With or without the 0 or 1 that stands for them, whichever way round that is."""
    for name in ("anything", "hallucination"):
        for score in (None, 0.0, 1.0):
            assert of(name, score, good) == Scaled(1.0, None, "pass")
            assert of(name, score, bad) == Scaled(0.0, None, "fail")


@pytest.mark.parametrize("label", ["partially correct", "refused", "neutral", "A", "yes", "no", "", "  "])
def test_other_labels_say_nothing(label: str) -> None:
    """Nor do yes and no where it is not known what was asked."""
    assert of("anything", None, label) == Scaled(None, None, "unscored")
    assert of("anything", 0.7, label) == Scaled(None, 0.7, "unscored")


def test_a_verdict_of_the_evaluator_goes_before_the_usual_threshold() -> None:
    """Its owner may have set another; the score is scaled all the same."""
    assert of("deepeval.faithfulness", 0.6, "fail") == Scaled(0.6, None, "fail")
    assert of("azure.violence", 3.5, "pass") == Scaled(0.5, None, "pass")


def test_a_verdict_counts_where_the_scale_is_not_known() -> None:
    """The score then stays as written."""
    assert of("anything", 4.0, "pass") == Scaled(None, 4.0, "pass")
    assert of("anything", 1.0, "fail") == Scaled(None, 1.0, "fail")


def test_scales_of_the_configuration_come_first() -> None:
    """Before known ones, before labels, and compared like all names."""
    scale = Scale(1, 5, pass_at=4)
    assert of("faithfulness", 3.0, "pass", faithfulness=scale) == Scaled(0.5, None, "fail")
    assert of("Faithfulness", 4.0, faithfulness=scale) == Scaled(0.75, None, "pass")
    assert of("my-score", 4.0, **{"My Score": scale}) == Scaled(0.75, None, "pass")
    assert of("ragas.faithfulness", 0.5, faithfulness=scale) == Scaled(0.5, None, "unscored")
    assert of("ragas.faithfulness", 1.0, "true", **{"ragas.faithfulness": scale}) == Scaled(0.0, None, "fail")
    assert of("anything", 2.0, "pass", anything=Scale(0, 10)) == Scaled(0.2, None, "pass")


def test_lower_may_be_better_on_a_configured_scale() -> None:
    """The threshold is in the written scale, and the worst score that passes."""
    scale = Scale(0, 10, up=False, pass_at=2)
    assert of("wer", 2.0, wer=scale) == Scaled(0.8, None, "pass")
    assert of("wer", 2.5, wer=scale) == Scaled(0.75, None, "fail")


def test_an_evaluator_that_failed_has_no_result() -> None:
    """Whatever else it wrote."""
    failed = Evaluation("ragas.faithfulness", 0.5, "pass", error="failed")
    assert scaled(failed, {}) == Scaled(None, None, "error", "evaluator_failed")


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_an_error(score: float) -> None:
    """Under known names and others, with a label and without."""
    for name in ("ragas.faithfulness", "anything"):
        assert of(name, score, "pass") == Scaled(None, None, "error", "not_a_number")


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("judge.faithfulness", 0.9),
        ("judge.faithfulness", 6.0),
        ("ragas.faithfulness", 1.01),
        ("azure.violence", -1.0),
    ],
)
def test_what_is_not_on_the_scale_is_an_error(name: str, score: float) -> None:
    """0.9 from 1 to 5 is not 90 %."""
    assert of(name, score) == Scaled(None, None, "error", "out_of_range")


def test_rounding_may_pass_the_end_of_a_scale() -> None:
    """Cosines of equal vectors are a little more than 1."""
    assert of("ragas.semantic_similarity", 1.0000001) == Scaled(1.0, None, "unscored")
    assert of("ragas.semantic_similarity", -1e-9) == Scaled(0.0, None, "unscored")


def test_names_are_compared_without_case_and_separators() -> None:
    """`-`, `_` and space are the same, in any number."""
    assert {canonical(name) for name in ("Answer Relevancy", "answer_relevancy", " ANSWER-  relevancy")} == {
        "answer_relevancy"
    }


def test_every_known_scale_is_one() -> None:
    """Names in the form that is looked up, a range, a threshold in it."""
    for name, scale in KNOWN.items():
        assert name == canonical(name)
        assert scale.low < scale.high
        assert scale.pass_at is None or scale.low <= scale.pass_at <= scale.high
        assert scale_of(name) == scale, name


def test_bare_names_are_from_0_to_1() -> None:
    """Any other scale needs the tool's name or a setting."""
    assert {(scale.low, scale.high) for name, scale in KNOWN.items() if "." not in name} == {(0, 1)}


@given(
    st.text(max_size=140),
    st.none() | st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "braintrust", "x"]),
)
def test_any_result_means_something(name: str, score: float | None, label: str, tool: str) -> None:
    """Either a score from 0 to 1, or one as written, or neither; and an error has a reason and nothing else."""
    for extra in ({}, {name: Scale(2, 2)}, {name: Scale(-1, 3, up=False, pass_at=0)}):
        found = scaled(Evaluation(name, score, label, tool=tool), extra)
        assert found.score is None or 0 <= found.score <= 1
        assert found.score is None or found.raw is None
        assert (found.result == "error") == bool(found.reason)
        assert found.raw is None or math.isfinite(found.raw)
        if found.result == "error":
            assert found.score is found.raw is None
