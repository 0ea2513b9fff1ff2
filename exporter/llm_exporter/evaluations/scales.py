"""What a score means: the scales of known evaluators, and the labels that say pass or fail.

Nothing is guessed from a value: 0.9 of a rubric from 1 to 5 is an error, and no 90 %. So a name without its tool is
known only where all tools that use it agree, and where one of them changed its mind it is known to nobody.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_exporter.evaluations.evaluation import Evaluation

PASS: Final = "pass"  # noqa: S105 - a verdict
FAIL: Final = "fail"
UNSCORED: Final = "unscored"
ERROR: Final = "error"
TOLERANCE: Final = 1e-6
"""Part of a scale by which a score may lie outside of it: sums of floats do."""


class Scale(NamedTuple):
    """What the scores of an evaluator mean."""

    low: float
    high: float
    up: bool = True
    """Whether more is better."""
    pass_at: float | None = None
    """The worst score that passes, as the evaluator writes it; None where it says no such thing."""


class Scaled(NamedTuple):
    """What a result says on a scale that all evaluators share."""

    score: float | None
    """0 to 1, up is good; None where there is no score, or its scale is not known."""
    raw: float | None
    """As written, where its scale is not known."""
    result: str
    """`pass`, `fail`, `unscored` or `error`."""
    reason: str = ""
    """Of an error: `evaluator_failed`, `not_a_number` or `out_of_range`."""


_UNIT: Final = Scale(0.0, 1.0)
_HALF: Final = Scale(0.0, 1.0, pass_at=0.5)
_HOLDS: Final = Scale(0.0, 1.0, pass_at=1.0)
_DOWN: Final = Scale(0.0, 1.0, up=False)
_DOWN_HALF: Final = Scale(0.0, 1.0, up=False, pass_at=0.5)
_OFFENDS: Final = Scale(0.0, 1.0, up=False, pass_at=0.0)
_RUBRIC: Final = Scale(1.0, 5.0)
_RUBRIC_AT_3: Final = Scale(1.0, 5.0, pass_at=3.0)
_RUBRIC_AT_4: Final = Scale(1.0, 5.0, pass_at=4.0)
_SEVERITY: Final = Scale(0.0, 7.0, up=False, pass_at=3.0)

BY_TOOL: Final[Mapping[str, tuple[tuple[Scale | None, str], ...]]] = {
    "judge": (
        (_RUBRIC_AT_4, "faithfulness relevance completeness"),
        (_HOLDS, "answers_question grounded escalated_when_required exact_match"),
        (_UNIT, "self_consistency fuzzy_match"),
    ),
    "rubric": (
        (
            _RUBRIC,
            "* faithfulness relevance completeness helpfulness coherence fluency groundedness accuracy quality clarity",
        ),
    ),
    "rule": ((_HOLDS, "*"),),
    "ragas": (
        (
            _UNIT,
            """
                faithfulness faithfulness_with_hhem answer_relevancy response_relevancy context_precision
                context_precision_with_reference context_precision_without_reference context_recall
                context_entity_recall context_utilization context_relevance nv_context_relevance
                answer_accuracy nv_accuracy response_groundedness nv_response_groundedness
                answer_correctness answer_similarity semantic_similarity factual_correctness summary_score
                string_similarity bleu_score rouge_score chrf_score tool_call_accuracy tool_call_f1
                agent_goal_accuracy topic_adherence quoted_spans_alignment multi_modal_faithfulness
                multi_modal_relevance
            """,
        ),
        (_HOLDS, "exact_match string_present coherence correctness conciseness sql_semantic_equivalence"),
        (_OFFENDS, "harmfulness maliciousness"),
        (_DOWN, "noise_sensitivity"),
        (
            _RUBRIC,
            """
                domain_specific_rubrics instance_rubrics instance_specific_rubrics
                rubrics_score_with_reference rubrics_score_without_reference
            """,
        ),
    ),
    "deepeval": (
        (
            _HALF,
            """
                answer_relevancy faithfulness contextual_precision contextual_recall contextual_relevancy
                summarization json_correctness prompt_alignment tool_correctness argument_correctness
                task_completion knowledge_retention conversation_completeness conversation_relevancy
                turn_relevancy role_adherence role_violation pii_leakage non_advice plan_adherence
                plan_quality step_efficiency goal_accuracy topic_adherence tool_use mcp_use
                turn_faithfulness turn_contextual_precision turn_contextual_recall turn_contextual_relevancy
            """,
        ),
        (_HOLDS, "exact_match pattern_match"),
        # Down before version 4, up since.
        (None, "hallucination bias toxicity misuse"),
    ),
    "phoenix": (
        (
            _UNIT,
            """
                faithfulness correctness qa_correctness relevance document_relevance retrieval_relevance
                conciseness completeness tool_selection tool_invocation tool_response_handling summarization
                exact_match matches_regex precision recall f1
            """,
        ),
        (_DOWN, "hallucination toxicity user_friction user_frustration pii_detection"),
        # Neither good nor bad in itself.
        (None, "refusal"),
    ),
    "langfuse": (
        (
            _UNIT,
            """
                correctness helpfulness relevance conciseness contextrelevance contextcorrectness
                faithfulness answer_correctness answer_relevance context_precision context_recall
                goal_accuracy simple_criteria sql_semantic_equivalence topic_adherence_classification
            """,
        ),
        (_DOWN, "hallucination toxicity"),
        (_OFFENDS, "user_distress user_disagreement"),
    ),
    "uptrain": (
        (
            _UNIT,
            """
                context_relevance factual_accuracy response_relevance response_completeness
                response_completeness_wrt_context response_conciseness response_consistency response_match
                valid_response context_reranking context_conciseness sub_query_completeness
                multi_query_accuracy conversation_satisfaction guideline_adherence critique_tone fluency
                coherence grammar politeness response_coherence valid_question
            """,
        ),
        (_DOWN, "prompt_injection jailbreak_attempted"),
    ),
    "galileo": (
        (
            _UNIT,
            """
                context_adherence completeness correctness chunk_attribution chunk_utilization
                instruction_adherence ground_truth_adherence context_relevance tool_selection_quality
                action_completion action_advancement agent_flow conversation_quality
            """,
        ),
        (
            _DOWN,
            """
                toxicity input_toxicity output_toxicity sexism input_sexism output_sexism prompt_injection
                tool_error_rate
            """,
        ),
    ),
    "guardrails": ((_HOLDS, "*"),),
    "azure": (
        (
            _RUBRIC_AT_3,
            "groundedness relevance coherence fluency similarity retrieval response_completeness intent_resolution",
        ),
        (_SEVERITY, "violence sexual self_harm hate_unfairness hate_and_unfairness"),
        (_HOLDS, "groundedness_pro"),
        (_OFFENDS, "protected_material indirect_attack code_vulnerability ungrounded_attributes"),
        (_HALF, "f1_score bleu_score gleu_score rouge_score meteor_score"),
        # From 1 to 5 in some versions, pass or fail in others.
        (None, "task_adherence task_completion tool_call_accuracy tool_selection tool_input_accuracy"),
    ),
    "braintrust": ((_UNIT, "*"),),
    "openlit": ((_DOWN_HALF, "hallucination bias toxicity"),),
    "trulens": (
        (_UNIT, "groundedness answer_relevance context_relevance coherence correctness conciseness"),
    ),
    "openai": (
        (
            _DOWN,
            """
                harassment harassment/threatening hate hate/threatening illicit illicit/violent self_harm
                self_harm/instructions self_harm/intent sexual sexual/minors violence violence/graphic
            """,
        ),
    ),
}
"""By tool, scales and the metrics on them. None: the tool's versions disagree; `*`: every other metric of the tool."""
_NEVER_BARE: Final = frozenset({"judge", "rubric", "openai"})
"""Tools whose names alone make none known, but another tool's doubtful."""
_ALIASES: Final[Mapping[str, str]] = {
    **{tool: tool for tool in BY_TOOL},
    "autoevals": "braintrust",
    "azure_ai": "azure",
    "azureai": "azure",
    "foundry": "azure",
    "builtin": "azure",
    "deep_eval": "deepeval",
    "arize": "phoenix",
    "arize_phoenix": "phoenix",
    "guardrails_ai": "guardrails",
    "rules": "rule",
    "rubrics": "rubric",
    "openai_moderation": "openai",
    "moderation": "openai",
}

_PASSES: Final = frozenset({"pass", "passed", "success", "succeeded"})
_FAILS: Final = frozenset({"fail", "failed", "failure"})
_TRUE: Final = frozenset({"true", "yes"})
_FALSE: Final = frozenset({"false", "no"})
_GOOD: Final = frozenset(
    {
        "correct", "factual", "faithful", "grounded", "relevant", "non_toxic", "not_toxic", "nontoxic", "safe",
        "concise", "complete", "no_friction", "not_frustrated", "no_pii_detected", "not_hallucinated",
        "no_hallucination", "unbiased", "not_biased", "valid", "compliant", "supported", "helpful", "thumbs_up",
        "thumbsup", "👍",
    }
)  # fmt: skip
_BAD: Final = frozenset(
    {
        "incorrect", "wrong", "hallucinated", "hallucination", "unfaithful", "ungrounded", "not_grounded",
        "irrelevant", "unrelated", "not_relevant", "toxic", "unsafe", "harmful", "verbose", "incomplete", "friction",
        "frustrated", "pii_detected", "biased", "invalid", "non_compliant", "unsupported", "not_supported",
        "unhelpful", "not_helpful", "thumbs_down", "thumbsdown", "👎",
    }
)  # fmt: skip
_FLAWS: Final = frozenset(
    {
        "hallucination", "hallucinated", "hallucinates", "has_hallucination", "toxicity", "toxic", "is_toxic", "bias",
        "biased", "is_biased", "harmful", "is_harmful", "harmfulness", "maliciousness", "unsafe", "is_unsafe", "misuse",
        "jailbreak", "jailbreak_attempted", "prompt_injection", "injection", "pii", "has_pii", "contains_pii",
        "pii_detection", "pii_detected", "user_friction", "user_frustration", "user_distress", "user_disagreement",
        "profanity", "sexism", "flagged", "contradiction", "thumbs_down", "dislike", "downvote",
    }
)  # fmt: skip
"""Names of what is bad when it is there: `true` fails."""
_SEPARATORS: Final = re.compile(r"[-\s_]+")
_PREFIX: Final = re.compile(r"([a-z0-9_]+)[./:](.+)", re.DOTALL)
_ADDITION: Final = re.compile(r"_?\([^()]*\)\Z")
"""As in `factual_correctness(mode=f1)` and `Faithfulness (ragas)`."""
_OF_RAGAS: Final = re.compile(r"_?\(ragas\)\Z")
_OF_DEEPEVAL: Final = re.compile(r"_?\[(?:conversational_?)?(?:geval|jeveval|dag)\]\Z")
_VARIANT: Final = re.compile(r"(?:non_llm|llm|id_based)_(?=[a-z])")
"""How Ragas begins the names of metrics that it has in several ways."""
_OF_RANKING: Final = re.compile(
    r"(?:precision|recall|f1|ndcg|mrr|map|hit_rate)(?:@\d{1,4}|_at_\d{1,4}|_\d{1,4})?\Z"
)


def canonical(name: str) -> str:
    """Return a name in the form in which names are compared: `-`, `_` and space are the same, and so is case."""
    return _SEPARATORS.sub("_", name.strip().casefold())


def _known() -> dict[str, Scale]:
    found: dict[str, Scale] = {}
    uses: dict[str, set[Scale | None]] = {}
    bare: set[str] = set()
    for tool, scales in BY_TOOL.items():
        for scale, metrics in scales:
            for metric in metrics.split():
                if metric != "*":
                    uses.setdefault(metric, set()).add(scale)
                    if tool not in _NEVER_BARE:
                        bare.add(metric)
                if scale is not None:
                    found[f"{tool}.{metric}"] = scale
    for metric, scales_of_it in uses.items():
        agreed = {scale and scale._replace(pass_at=None) for scale in scales_of_it}
        # On other scales than these, names are words too common to be taken for one tool's: violence, similarity.
        if metric in bare and agreed in ({_UNIT}, {_DOWN}):
            scale = scales_of_it.pop() if len(scales_of_it) == 1 else agreed.pop()
            if scale is not None:
                found[metric] = scale
    return found


KNOWN: Final[Mapping[str, Scale]] = _known()
"""By `canonical` name: with its tool, `ragas.faithfulness`, and alone where all tools agree."""


@lru_cache(maxsize=4096)
def scale_of(name: str, tool: str = "") -> Scale | None:
    """Return the known scale of an evaluator, None where there is none.

    Args:
        name: As written; it may begin with the tool's, as in `ragas.faithfulness`.
        tool: Whose scale it is on, where that is known without its name.
    """
    metric = canonical(name)
    if _OF_DEEPEVAL.search(metric):
        return _HALF
    if _OF_RAGAS.search(metric):
        tool = "ragas"
    with_tool = _PREFIX.fullmatch(metric)
    own = with_tool is not None and with_tool[1] in _ALIASES
    if with_tool is not None and own:
        tool, metric = _ALIASES[with_tool[1]], with_tool[2]
    plain = _ADDITION.sub("", metric)
    if tool == "uptrain":
        plain = plain.removeprefix("score_")
    elif tool in ("", "ragas"):
        plain = _VARIANT.sub("", plain, count=1)
    if tool:
        for key in (metric, plain):
            if f"{tool}.{key}" in KNOWN:
                return KNOWN[f"{tool}.{key}"]
    if _OF_RANKING.fullmatch(plain):
        return _UNIT
    if f"{tool}.*" in KNOWN:
        return KNOWN[f"{tool}.*"]
    return None if own else KNOWN.get(plain)


def scaled(evaluation: Evaluation, extra: Mapping[str, Scale]) -> Scaled:
    """Return what a result says on the common scale. Scales in `extra`, by name, come before the known ones."""
    if evaluation.error:
        return Scaled(None, None, ERROR, "evaluator_failed")
    score = evaluation.score
    if score is not None and not math.isfinite(score):
        return Scaled(None, None, ERROR, "not_a_number")
    own = _own(evaluation.name, extra)
    scale = own or scale_of(evaluation.name, evaluation.tool)
    label = canonical(evaluation.label)
    verdict = _verdict(label, evaluation.name, scale)
    by_label = UNSCORED if verdict is None else PASS if verdict else FAIL
    if score is None:
        return Scaled(None if verdict is None else float(verdict), None, by_label)
    if own is None and verdict is not None and _is_word_for(label, score):
        return Scaled(float(verdict), None, by_label)
    if scale is None or not scale.high > scale.low:
        return Scaled(None, score, by_label)
    part = (score - scale.low) / (scale.high - scale.low)
    if not -TOLERANCE <= part <= 1 + TOLERANCE:
        return Scaled(None, None, ERROR, "out_of_range")
    part = min(max(part, 0.0), 1.0)
    # Whoever declares a threshold means it; of the known scales it is what the tool does by default.
    if scale.pass_at is not None and (own is not None or verdict is None):
        passes = score >= scale.pass_at if scale.up else score <= scale.pass_at
        by_label = PASS if passes else FAIL
    return Scaled(part if scale.up else 1.0 - part, None, by_label)


def _own(name: str, extra: Mapping[str, Scale]) -> Scale | None:
    if not extra:
        return None
    if name in extra:
        return extra[name]
    wanted = canonical(name)
    return next((scale for key, scale in extra.items() if canonical(key) == wanted), None)


def _verdict(label: str, name: str, scale: Scale | None) -> bool | None:
    """Return whether a label says that the result is good; None where it says nothing of that."""
    if label in _PASSES or label in _GOOD:
        return True
    if label in _FAILS or label in _BAD:
        return False
    if label not in _TRUE and label not in _FALSE:
        return None
    metric = canonical(name)
    with_tool = _PREFIX.fullmatch(metric)
    flaw = (with_tool[2] if with_tool is not None else metric) in _FLAWS or (
        scale is not None and not scale.up
    )
    if label in ("yes", "no") and scale is None and not flaw:
        return None
    return (label in _TRUE) is not flaw


def _is_word_for(label: str, score: float) -> bool:
    """Return whether a label is only another word for a score of 0 or 1, so that no scale is needed."""
    if score not in (0.0, 1.0):
        return False
    if label in _GOOD or label in _BAD:
        return True
    return score == float(label in _PASSES or label in _TRUE)
