"""The catalogue: every metric and every label, declared once.

Exposition, METRICS.md, dashboards, the vocabulary of the rules and the tests read it. Adding a metric is one
declaration here and the place that observes it; adding a label is one `Label`.

Field names follow the metric model of the OpenTelemetry semantic conventions (name, unit, brief/help); a
metric with a twin there names it in `semconv`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Unit(Enum):
    """What a number means, and the integer scale in which it is accumulated.

    Everything inside is an integer (nanoseconds, picodollars, billionths), so sums are exact and do not
    depend on the order of arrival; the division happens once, in exposition.
    """

    SECONDS = ("seconds", 10**9)
    USD = ("usd", 10**12)
    TOKENS = ("tokens", 1)
    RATIO = ("ratio", 10**12)
    SCORE = ("score", 10**9)
    DISTANCE = ("distance", 10**9)
    WEIGHT = ("weight", 10**12)
    COUNT = ("", 1)

    @property
    def suffix(self) -> str:
        """The unit as it stands in a metric's name; empty for plain counts."""
        return self.value[0]

    @property
    def scale(self) -> int:
        """How many internal units make one exposed unit."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Label:
    """A label: either open (`cap` distinct values, the rest `__other__`) or closed (`values`)."""

    name: str
    help: str
    cap: int = 0
    """Most distinct values at a time; 0 for a closed label."""
    attributes: tuple[str, ...] = ()
    """Attributes it is read from on any dialect's spans, then on the resource; the first that is set wins."""
    values: tuple[str, ...] = ()
    """All values of a closed label; empty for an open one."""


def _open(name: str, text: str, cap: int, *attributes: str) -> Label:
    return Label(name, text, cap, attributes)


def _closed(name: str, text: str, *values: str) -> Label:
    return Label(name, text, values=values)


SERVICE_NAME: Final = _open("service_name", "Service that sent the span.", 100, "service.name")
ENVIRONMENT: Final = _open(
    "environment",
    "Deployment environment.",
    20,
    "deployment.environment.name",
    "deployment.environment",
    "langfuse.environment",
)
TEAM: Final = _open("team", "Team that owns the feature.", 50, "app.team", "team")
FEATURE: Final = _open(
    "feature", "Product feature the call serves.", 100, "app.feature", "feature", "app.route"
)
PROVIDER: Final = _open("provider", "Provider as in the OpenTelemetry GenAI conventions.", 50)
MODEL: Final = _open("model", "Model that answered, canonical name.", 200)
OPERATION: Final = _open("operation", "chat, text_completion, embeddings, rerank and so on.", 20)
TOOL: Final = _open("tool", "Tool that was called.", 200)
AGENT: Final = _open("agent", "Agent that ran or called.", 50)
RETRIEVER: Final = _open("retriever", "Retriever or data source that was asked.", 50)
GUARDRAIL: Final = _open("guardrail", "Guardrail that checked.", 50)
EVALUATOR: Final = _open("evaluator", "Evaluator that scored.", 50)
LANGUAGE: Final = _open("language", "Language of a text, ISO 639-1; und where it cannot be told.", 50)
PROMPT_NAME: Final = _open("prompt_name", "Name of the prompt template.", 100)
PROMPT_VERSION: Final = _open("prompt_version", "Version of the prompt template.", 100)
USER_TIER: Final = _open("user_tier", "Tier or plan of the user.", 20, "app.user_tier")
CUSTOMER: Final = _open("customer", "Customer or tenant.", 200, "app.customer", "tenant.id")

STATUS: Final = _closed("status", "Whether it succeeded.", "ok", "error")
STREAM: Final = _closed("stream", "Whether the answer was streamed.", "false", "true")
ERROR_CLASS: Final = _closed("error_class", "Whose failure it is.", "provider", "application", "semantic")
ERROR_TYPE: Final = _closed(
    "error_type",
    "What went wrong.",
    "rate_limit",
    "timeout",
    "unavailable",
    "auth",
    "quota",
    "context_overflow",
    "invalid_request",
    "cancelled",
    "refusal",
    "content_filter",
    "unknown",
)
TOKEN_TYPE: Final = _closed(
    "token_type",
    "Kind of token; the kinds are disjoint, so they sum.",
    "input",
    "input_cache_read",
    "input_cache_write",
    "output",
    "output_reasoning",
)
COST_SOURCE: Final = _closed("source", "Who worked out the cost.", "reported", "computed")
UNPRICED_REASON: Final = _closed(
    "reason",
    "Why there is no price.",
    "unknown_model",
    "unknown_provider",
    "no_token_price",
    "no_model",
    "no_usage",
)
FINISH_REASON: Final = _closed(
    "finish_reason",
    "Why the model stopped.",
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "refusal",
    "other",
)
ANOMALY: Final = _closed(
    "kind",
    "What is wrong with the numbers of a span.",
    "cache_exceeds_input",
    "reasoning_exceeds_output",
    "missing_usage",
    "implausible_usage",
    "implausible_cost",
    "model_mismatch",
    "duplicate",
    "repeated_usage",
    "weight_capped",
    "negative_duration",
    "ttft_exceeds_duration",
)
TOOL_ERROR_TYPE: Final = _closed(
    "error_type",
    "How the tool failed.",
    "invalid_arguments",
    "timeout",
    "exception",
    "empty_result",
    "rejected",
    "unknown",
)
RETRIEVAL_RESULT: Final = _closed("result", "What the retrieval brought.", "ok", "empty", "error")
CACHE_RESULT: Final = _closed("result", "Whether a cache of answers had this one.", "hit", "miss")
DIRECTION: Final = _closed(
    "direction", "What was checked; empty where the writer does not say.", "input", "output", ""
)
RERANK_SIDE: Final = _closed("side", "Whether the documents went into the reranker or came out.", "in", "out")
ACTION: Final = _closed("action", "What the guardrail did.", "allow", "block", "mask", "flag", "error")

EVALUATION_RESULT: Final = _closed(
    "result",
    "What came of an evaluation; unscored where nothing says which results are good.",
    "pass",
    "fail",
    "unscored",
    "error",
)
EVALUATION_SOURCE: Final = _closed("source", "Who evaluated.", "judge", "human", "code", "external")
EVALUATION_ERROR: Final = _closed(
    "reason",
    "Why there is no result: the evaluator failed, or its score is no number or outside its scale.",
    "evaluator_failed",
    "not_a_number",
    "out_of_range",
)
STATISTIC: Final = _closed("statistic", "Which figure of the baseline.", "mean", "pass_ratio", "p10")
FEEDBACK_KIND: Final = _closed(
    "kind",
    "What users gave: a vote, a rating, other words; or did: asked again, left without an answer, went on.",
    "thumbs",
    "rating",
    "other",
    "regeneration",
    "abandonment",
    "follow_up",
)
SENTIMENT: Final = _closed("sentiment", "What it says of the answer.", "positive", "negative", "neutral")
JUDGE_OUTCOME: Final = _closed(
    "outcome",
    "What became of an answer that was drawn for the judge.",
    "judged",
    "cached",
    "parse_error",
    "refused",
    "timeout",
    "rate_limited",
    "http_error",
    "budget",
    "queue_full",
    "no_content",
)
BUDGET_WINDOW: Final = _closed("period", "What the judge's budget is for.", "hour", "day")
ANSWER_FLAG: Final = _closed(
    "flag",
    "What an answer is: refused by policy, for want of access, hedged; empty; broken JSON; going round.",
    "refusal",
    "no_access",
    "disclaimer",
    "empty",
    "invalid_json",
    "fenced_json",
    "truncated_json",
    "repetitive",
    "other_language",
)
SIGNAL: Final = _closed("signal", "Which text: what was asked or what was answered.", "input", "output")
BUCKET: Final = _closed(
    "bucket", "Which part of the hashed words, see docs/drift.md.", *(str(place) for place in range(64))
)

TASK: Final = _open("task", "Name of the outermost span of the trace.", 100)
COMPLETE: Final = _closed(
    "complete", "Whether every span of the trace came, up to the outermost one.", "true", "false"
)
STAGE: Final = _closed(
    "stage",
    "Where the time of a task went.",
    "generate",
    "retrieve",
    "embed",
    "rerank",
    "tool",
    "guardrail",
    "agent",
    "other",
)
LOOP: Final = _closed(
    "kind",
    "How an agent goes round: the same tool with the same arguments again, a circle of steps, or too many steps.",
    "repeated_call",
    "cycle",
    "too_many_steps",
)
TASK_END: Final = _closed(
    "reason",
    "Why a task was over: its outermost span came, nothing came, it was old, there were too many, or the end.",
    "root",
    "idle",
    "age",
    "evicted",
    "shutdown",
)
RELEASED: Final = _closed(
    "reason",
    "Why held spans were counted: those above were known, time was up, there were too many, or a new configuration.",
    "complete",
    "timeout",
    "evicted",
    "shutdown",
)

OUTCOME: Final = _closed(
    "outcome",
    "What became of a span.",
    "call",
    "tool",
    "agent",
    "retrieval",
    "guardrail",
    "structure",
    "repeated",
    "duplicate",
    "not_llm",
    "invalid",
    "over_limit",
)
DROP_REASON: Final = _closed("reason", "Why a span was let go.", "queue_full", "unreadable", "shutdown")
DIALECT: Final = _open("dialect", "Instrumentation that wrote the span.", 100)
TRANSPORT: Final = _open("transport", "How a request came in.", 10)
CODE: Final = _open("code", "Status code of the answer.", 50)
OVERFLOWING_LABEL: Final = _open("label", "Label that is at its cap.", 50)
METRIC_GROUP: Final = _open("group", "First metric of the group of metrics with the same labels.", 50)
LOG_OUTCOME: Final = _closed("outcome", "What became of a log record.", "read", "ignored", "invalid")
VERSION: Final = _open("version", "Version of the exporter.", 5)
PYTHON: Final = _open("python", "Version of Python.", 5)
PROTOBUF: Final = _open("protobuf", "Protobuf implementation in use; anything but upb is slow.", 5)
SCOPE: Final = _open("scope", "What the budget is for: total, team, feature, service, model.", 10)
SCOPE_NAME: Final = _open("name", "Which one of that scope; empty for total.", 500)
PERIOD: Final = _closed("period", "Budget period.", "day", "month")
PREVIOUS_VERSION: Final = _open(
    "previous_version", "Version that was live before; empty where none is known.", 100
)
OWNER: Final = _open("owner", "Who owns the prompt, from the registry.", 100)
SHA: Final = _open("sha", "Commit of the prompt, the first 12 characters.", 100)
SLO: Final = _open("slo", "Name of the objective.", 100)

WHO: Final = (SERVICE_NAME, ENVIRONMENT, TEAM, FEATURE)
WHAT: Final = (PROVIDER, MODEL, OPERATION)

DURATION_BUCKETS: Final = (
    0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600,
)  # fmt: skip
FIRST_TOKEN_BUCKETS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 20, 30, 60, 120)
PER_TOKEN_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5)
SHORT_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TOOL_BUCKETS: Final = (*SHORT_BUCKETS, 30, 60, 120, 300)
TOKEN_BUCKETS: Final = (
    16, 64, 256, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 1048576,
)  # fmt: skip
COST_BUCKETS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25,
)  # fmt: skip
STEP_BUCKETS: Final = (1, 2, 3, 5, 8, 13, 20, 30, 50, 100)
UTILIZATION_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 1)
DOCUMENT_BUCKETS: Final = (0, 1, 2, 3, 5, 8, 10, 20, 50, 100)
CHARACTER_BUCKETS: Final = (0, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200)
QUALITY_BUCKETS: Final = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1)
RAW_SCORE_BUCKETS: Final = (
    0,
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    1,
    2,
    3,
    4,
    5,
    7,
    10,
    25,
    50,
    75,
    100,
)
DISTANCE_BUCKETS: Final = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 2, 5, 10)
SCORE_BUCKETS: Final = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric family. `labels` in the order of exposition."""

    name: str
    help: str
    unit: Unit
    labels: tuple[Label, ...]
    siblings: tuple[Label, ...] = ()
    """Closed labels whose every value exists, at 0, as soon as one of them does: both sides of a ratio."""
    kept_with: str = ""
    """Families of the same labels share the memory of a label set, unless they are kept with others: what many
    label sets never have is kept apart from what they all have."""
    semconv: str = ""
    """The metric of the OpenTelemetry GenAI conventions that says nearly the same."""

    @property
    def type(self) -> str:
        """The Prometheus type: counter, histogram or gauge."""
        return type(self).__name__.lower()

    @property
    def open_labels(self) -> tuple[Label, ...]:
        """The labels whose values come from the data."""
        return tuple(label for label in self.labels if not label.values)

    @property
    def closed_labels(self) -> tuple[Label, ...]:
        """The labels whose values are all declared."""
        return tuple(label for label in self.labels if label.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter(Metric):
    """Only ever grows."""

    def __post_init__(self) -> None:
        if not self.name.endswith("_total"):
            raise ValueError(f"counter {self.name} must end in _total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge(Metric):
    """May go up and down. Only for what comes from configuration or is the exporter's own state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram(Metric):
    """A distribution over fixed buckets; `buckets` are upper bounds in the metric's unit, +Inf is implied."""

    buckets: tuple[float, ...]

    def __post_init__(self) -> None:
        if list(self.buckets) != sorted(set(self.buckets)) or not self.buckets:
            raise ValueError(f"histogram {self.name}: bucket bounds must be ascending and distinct")


REQUESTS: Final = Counter(
    name="llm_requests_total",
    help="Calls to a model.",
    unit=Unit.COUNT,
    labels=(*WHO, *WHAT, STATUS, STREAM),
    siblings=(STATUS,),
)
REQUEST_ERRORS: Final = Counter(
    name="llm_request_errors_total",
    help="Calls that failed, or whose answer was refused or filtered (class semantic, status ok).",
    unit=Unit.COUNT,
    labels=(*WHO, *WHAT, ERROR_CLASS, ERROR_TYPE),
)
REQUEST_DURATION: Final = Histogram(
    name="llm_request_duration_seconds",
    help="Time from the request to the end of the answer.",
    unit=Unit.SECONDS,
    labels=(*WHO, *WHAT),
    buckets=DURATION_BUCKETS,
    semconv="gen_ai.client.operation.duration",
)
TIME_TO_FIRST_TOKEN: Final = Histogram(
    name="llm_time_to_first_token_seconds",
    help="Time from the request to the first chunk of a streamed answer.",
    unit=Unit.SECONDS,
    labels=(*WHO, *WHAT),
    buckets=FIRST_TOKEN_BUCKETS,
    semconv="gen_ai.client.operation.time_to_first_chunk",
)
TIME_PER_OUTPUT_TOKEN: Final = Histogram(
    name="llm_time_per_output_token_seconds",
    help="Time per output token after the first, streamed answers only.",
    unit=Unit.SECONDS,
    labels=(*WHO, *WHAT),
    buckets=PER_TOKEN_BUCKETS,
    semconv="gen_ai.server.time_per_output_token",
)
TOKENS: Final = Counter(
    name="llm_tokens_total",
    help="Tokens as the provider reported them; the types are disjoint.",
    unit=Unit.TOKENS,
    labels=(*WHO, *WHAT, TOKEN_TYPE),
    semconv="gen_ai.client.token.usage",
)
REQUEST_INPUT_TOKENS: Final = Histogram(
    name="llm_request_input_tokens",
    help="Input tokens of a call, cached ones included.",
    unit=Unit.TOKENS,
    labels=(*WHO, PROVIDER, MODEL),
    buckets=TOKEN_BUCKETS,
)
REQUEST_OUTPUT_TOKENS: Final = Histogram(
    name="llm_request_output_tokens",
    help="Output tokens of a call, reasoning included.",
    unit=Unit.TOKENS,
    labels=(*WHO, PROVIDER, MODEL),
    buckets=TOKEN_BUCKETS,
)
CONTEXT_WINDOW_UTILIZATION: Final = Histogram(
    name="llm_context_window_utilization_ratio",
    help="Input and output tokens of a call over the model's context window.",
    unit=Unit.RATIO,
    labels=(*WHO, PROVIDER, MODEL),
    buckets=UTILIZATION_BUCKETS,
)
COST: Final = Counter(
    name="llm_cost_usd_total",
    help="Cost of calls. A call without a known price is in llm_unpriced_requests_total instead.",
    unit=Unit.USD,
    labels=(*WHO, *WHAT, COST_SOURCE),
)
REQUEST_COST: Final = Histogram(
    name="llm_request_cost_usd",
    help="Cost of one call.",
    unit=Unit.USD,
    labels=(*WHO, *WHAT),
    buckets=COST_BUCKETS,
)
CACHE_SAVINGS: Final = Counter(
    name="llm_cache_savings_usd_total",
    help="What reading from the provider's prompt cache saved against the plain input price.",
    unit=Unit.USD,
    labels=(*WHO, PROVIDER, MODEL),
)
RESPONSE_CACHE: Final = Counter(
    name="llm_response_cache_total",
    help="Calls that a cache of whole answers was asked about. A hit counts no tokens and no cost.",
    unit=Unit.COUNT,
    labels=(*WHO, CACHE_RESULT),
    siblings=(CACHE_RESULT,),
)
UNPRICED_REQUESTS: Final = Counter(
    name="llm_unpriced_requests_total",
    help="Calls whose cost is unknown.",
    unit=Unit.COUNT,
    labels=(*WHO, *WHAT, UNPRICED_REASON),
)
UNPRICED_TOKENS: Final = Counter(
    name="llm_unpriced_tokens_total",
    help="Tokens of calls whose cost is unknown.",
    unit=Unit.TOKENS,
    labels=(*WHO, *WHAT, UNPRICED_REASON),
)
FINISH_REASONS: Final = Counter(
    name="llm_finish_reasons_total",
    help="Why models stopped.",
    unit=Unit.COUNT,
    labels=(*WHO, *WHAT, FINISH_REASON),
)
USAGE_ANOMALIES: Final = Counter(
    name="llm_usage_anomalies_total",
    help="Calls whose numbers contradict each other or are missing; they were repaired or left out.",
    unit=Unit.COUNT,
    labels=(*WHO, ANOMALY),
)
ATTRIBUTED_REQUESTS: Final = Counter(
    name="llm_attributed_requests_total",
    help="Calls by user tier and customer, where the application says so.",
    unit=Unit.COUNT,
    labels=(*WHO, USER_TIER, CUSTOMER),
)
ATTRIBUTED_TOKENS: Final = Counter(
    name="llm_attributed_tokens_total",
    help="Tokens by user tier and customer.",
    unit=Unit.TOKENS,
    labels=(*WHO, USER_TIER, CUSTOMER),
)
ATTRIBUTED_COST: Final = Counter(
    name="llm_attributed_cost_usd_total",
    help="Cost by user tier and customer.",
    unit=Unit.USD,
    labels=(*WHO, USER_TIER, CUSTOMER),
)
TOOL_CALLS: Final = Counter(
    name="llm_tool_calls_total",
    help="Tool calls.",
    unit=Unit.COUNT,
    labels=(*WHO, TOOL, AGENT, STATUS),
    siblings=(STATUS,),
)
TOOL_ERRORS: Final = Counter(
    name="llm_tool_errors_total",
    help="Tool calls that failed, by how.",
    unit=Unit.COUNT,
    labels=(*WHO, TOOL, AGENT, TOOL_ERROR_TYPE),
)
TOOL_DURATION: Final = Histogram(
    name="llm_tool_duration_seconds",
    help="Time a tool call took.",
    unit=Unit.SECONDS,
    labels=(*WHO, TOOL),
    buckets=TOOL_BUCKETS,
    semconv="gen_ai.execute_tool.duration",
)
AGENT_RUNS: Final = Counter(
    name="llm_agent_runs_total",
    help="Runs of an agent.",
    unit=Unit.COUNT,
    labels=(*WHO, AGENT, STATUS),
    siblings=(STATUS,),
)
AGENT_RUN_DURATION: Final = Histogram(
    name="llm_agent_run_duration_seconds",
    help="Time a run of an agent took.",
    unit=Unit.SECONDS,
    labels=(*WHO, AGENT),
    buckets=DURATION_BUCKETS,
    semconv="gen_ai.invoke_agent.duration",
)
RETRIEVALS: Final = Counter(
    name="llm_retrievals_total",
    help="Retrievals; empty means that no document came back.",
    unit=Unit.COUNT,
    labels=(*WHO, RETRIEVER, RETRIEVAL_RESULT),
    siblings=(RETRIEVAL_RESULT,),
)
RETRIEVAL_DURATION: Final = Histogram(
    name="llm_retrieval_duration_seconds",
    help="Time a retrieval took.",
    unit=Unit.SECONDS,
    labels=(*WHO, RETRIEVER),
    buckets=SHORT_BUCKETS,
)
RETRIEVAL_DOCUMENTS: Final = Histogram(
    name="llm_retrieval_documents",
    help="Documents a retrieval brought, where the span says.",
    unit=Unit.COUNT,
    labels=(*WHO, RETRIEVER),
    buckets=DOCUMENT_BUCKETS,
)
RETRIEVAL_SCORE: Final = Histogram(
    name="llm_retrieval_score",
    help="Relevance score of each retrieved document, as the retriever gave it.",
    unit=Unit.SCORE,
    labels=(*WHO, RETRIEVER),
    buckets=SCORE_BUCKETS,
)
RETRIEVAL_DISTANCE: Final = Histogram(
    name="llm_retrieval_distance",
    help="Distance of each retrieved document from the query, as the store gave it; less is closer.",
    unit=Unit.DISTANCE,
    labels=(*WHO, RETRIEVER),
    buckets=DISTANCE_BUCKETS,
)
RERANK_DOCUMENTS: Final = Histogram(
    name="llm_rerank_documents",
    help="Documents that went into a reranker and came out of it, where the span says.",
    unit=Unit.COUNT,
    labels=(*WHO, PROVIDER, MODEL, RERANK_SIDE),
    buckets=DOCUMENT_BUCKETS,
)
RERANK_SCORE: Final = Histogram(
    name="llm_rerank_score",
    help="Relevance score of each reranked document, as the reranker gave it.",
    unit=Unit.SCORE,
    labels=(*WHO, PROVIDER, MODEL),
    buckets=SCORE_BUCKETS,
)
GUARDRAIL_CHECKS: Final = Counter(
    name="llm_guardrail_checks_total",
    help="Checks by guardrails, and what came of them.",
    unit=Unit.COUNT,
    labels=(*WHO, GUARDRAIL, DIRECTION, ACTION),
    siblings=(ACTION,),
)
GUARDRAIL_DURATION: Final = Histogram(
    name="llm_guardrail_duration_seconds",
    help="Time a guardrail took.",
    unit=Unit.SECONDS,
    labels=(*WHO, GUARDRAIL, DIRECTION, ACTION),
    buckets=SHORT_BUCKETS,
)
EVALUATIONS: Final = Counter(
    name="llm_evaluations_total",
    help="Results of evaluators: judges, people, code.",
    unit=Unit.COUNT,
    labels=(*WHO, EVALUATOR, EVALUATION_RESULT, EVALUATION_SOURCE),
    siblings=(EVALUATION_RESULT,),
)
EVALUATION_SCORE: Final = Histogram(
    name="llm_evaluation_score",
    help="Scores of evaluators whose scale is known, as 0 to 1 where 1 is best.",
    unit=Unit.SCORE,
    labels=(*WHO, EVALUATOR),
    buckets=QUALITY_BUCKETS,
)
EVALUATION_RAW_SCORE: Final = Histogram(
    name="llm_evaluation_raw_score",
    help="Scores of evaluators whose scale is not known, as they were written.",
    unit=Unit.SCORE,
    labels=(*WHO, EVALUATOR),
    buckets=RAW_SCORE_BUCKETS,
)
EVALUATION_ERRORS: Final = Counter(
    name="llm_evaluation_errors_total",
    help="Evaluations without a result, by why.",
    unit=Unit.COUNT,
    labels=(*WHO, EVALUATOR, EVALUATION_ERROR),
)
EVALUATION_LAST: Final = Gauge(
    name="llm_evaluation_last_timestamp_seconds",
    help="When an evaluator last gave a result.",
    unit=Unit.SECONDS,
    labels=(*WHO, EVALUATOR),
)
EVALUATION_SAMPLING_RATIO: Final = Gauge(
    name="llm_evaluation_sampling_ratio",
    help="Share of the calls of the last window that the judge drew.",
    unit=Unit.RATIO,
    labels=(*WHO, EVALUATOR),
)
EVALUATION_BASELINE: Final = Gauge(
    name="llm_evaluation_baseline",
    help="Result of an offline evaluation that production is held against, from the baseline file.",
    unit=Unit.COUNT,
    labels=(SERVICE_NAME, FEATURE, EVALUATOR, STATISTIC),
)
PROMPT_EVALUATIONS: Final = Counter(
    name="llm_prompt_evaluations_total",
    help="Results of evaluators by the prompt version and the model of the call that they are about.",
    unit=Unit.COUNT,
    labels=(*WHO, PROMPT_NAME, PROMPT_VERSION, MODEL, EVALUATOR, EVALUATION_RESULT),
    siblings=(EVALUATION_RESULT,),
)
PROMPT_EVALUATION_SCORE: Final = Histogram(
    name="llm_prompt_evaluation_score",
    help="Scores of 0 to 1 by the prompt version and the model of the call that they are about.",
    unit=Unit.SCORE,
    labels=(*WHO, PROMPT_NAME, PROMPT_VERSION, MODEL, EVALUATOR),
    buckets=QUALITY_BUCKETS,
)
FEEDBACK: Final = Counter(
    name="llm_feedback_total",
    help="What users said of answers, or showed by what they did next.",
    unit=Unit.COUNT,
    labels=(*WHO, FEEDBACK_KIND, SENTIMENT),
    siblings=(SENTIMENT,),
)
JUDGE_OFFERED: Final = Counter(
    name="llm_judge_offered_total",
    help="Calls among which the judge drew.",
    unit=Unit.COUNT,
    labels=(*WHO, EVALUATOR),
)
JUDGE_ITEMS: Final = Counter(
    name="llm_judge_items_total",
    help="Answers that were drawn for the judge, each with exactly one outcome.",
    unit=Unit.COUNT,
    labels=(*WHO, EVALUATOR, JUDGE_OUTCOME),
    siblings=(JUDGE_OUTCOME,),
)
JUDGE_TOKENS: Final = Counter(
    name="llm_judge_tokens_total",
    help="Tokens that the judge itself used.",
    unit=Unit.TOKENS,
    labels=(*WHO, EVALUATOR, TOKEN_TYPE),
)
JUDGE_COST: Final = Counter(
    name="llm_judge_cost_usd_total",
    help="Cost of the judge itself, which is in no other metric.",
    unit=Unit.USD,
    labels=(*WHO, EVALUATOR),
)
JUDGE_ERRORS: Final = Counter(
    name="llm_judge_errors_total",
    help="Requests of the judge that failed, those that were tried again included.",
    unit=Unit.COUNT,
    labels=(*WHO, EVALUATOR, ERROR_TYPE),
)
JUDGE_DURATION: Final = Histogram(
    name="llm_judge_duration_seconds",
    help="Time that one judgement took, with what was tried again.",
    unit=Unit.SECONDS,
    labels=(*WHO, EVALUATOR),
    buckets=DURATION_BUCKETS,
)
JUDGE_BUDGET: Final = Gauge(
    name="llm_judge_budget_limit_usd",
    help="Most that the judge may spend, from the configuration.",
    unit=Unit.USD,
    labels=(BUDGET_WINDOW,),
)
JUDGE_SPENT: Final = Gauge(
    name="llm_judge_budget_spent_usd",
    help="What the judge has spent or reserved in the current period.",
    unit=Unit.USD,
    labels=(BUDGET_WINDOW,),
)
ANSWERS_READ: Final = Counter(
    name="llm_answers_read_total",
    help="Answers whose text was looked at.",
    unit=Unit.COUNT,
    labels=(*WHO, PROVIDER, MODEL),
    kept_with="content",
)
ANSWER_FLAGS: Final = Counter(
    name="llm_answer_flags_total",
    help="Answers in which a detector saw something; docs/signals.md has how often it is right.",
    unit=Unit.COUNT,
    labels=(*WHO, PROVIDER, MODEL, ANSWER_FLAG),
    siblings=(ANSWER_FLAG,),
    kept_with="content",
)
ANSWER_LENGTH: Final = Histogram(
    name="llm_answer_characters",
    help="Characters of an answer.",
    unit=Unit.COUNT,
    labels=(*WHO, PROVIDER, MODEL),
    buckets=CHARACTER_BUCKETS,
    kept_with="content",
)
CONTEXT_OVERLAP: Final = Histogram(
    name="llm_answer_context_overlap_ratio",
    help="Share of an answer's content words that are in the retrieved documents; no measure of truth.",
    unit=Unit.RATIO,
    labels=WHO,
    buckets=QUALITY_BUCKETS,
    kept_with="content",
)
INPUT_LANGUAGES: Final = Counter(
    name="llm_input_languages_total",
    help="Questions by language, of those that were looked at.",
    unit=Unit.COUNT,
    labels=(*WHO, LANGUAGE),
)
OUTPUT_LANGUAGES: Final = Counter(
    name="llm_output_languages_total",
    help="Answers by language, of those that were looked at.",
    unit=Unit.COUNT,
    labels=(*WHO, LANGUAGE),
)
CONTENT_SAMPLES: Final = Counter(
    name="llm_content_samples_total",
    help="Texts whose words were hashed for drift.",
    unit=Unit.COUNT,
    labels=(*WHO, SIGNAL),
    kept_with="content",
)
CONTENT_BUCKET_WEIGHT: Final = Counter(
    name="llm_content_bucket_weight_total",
    help="Sum of the unit vectors of hashed words, see docs/drift.md.",
    unit=Unit.WEIGHT,
    labels=(*WHO, SIGNAL, BUCKET),
    siblings=(BUCKET,),
    kept_with="content",
)
PROMPT_REQUESTS: Final = Counter(
    name="llm_prompt_requests_total",
    help="Calls by prompt template and version.",
    unit=Unit.COUNT,
    labels=(*WHO, PROMPT_NAME, PROMPT_VERSION, MODEL),
)
PROMPT_COST: Final = Counter(
    name="llm_prompt_cost_usd_total",
    help="Cost by prompt template and version.",
    unit=Unit.USD,
    labels=(*WHO, PROMPT_NAME, PROMPT_VERSION, MODEL),
)
PROMPT_REQUEST_ERRORS: Final = Counter(
    name="llm_prompt_request_errors_total",
    help="Calls that failed, by prompt template and version.",
    unit=Unit.COUNT,
    labels=(*WHO, PROMPT_NAME, PROMPT_VERSION, MODEL),
)
PROMPT_REQUEST_DURATION: Final = Histogram(
    name="llm_prompt_request_duration_seconds",
    help="Duration of calls by prompt template and version.",
    unit=Unit.SECONDS,
    labels=(*WHO, PROMPT_NAME, PROMPT_VERSION, MODEL),
    buckets=DURATION_BUCKETS,
)
PROMPT_REQUEST_COST: Final = Histogram(
    name="llm_prompt_request_cost_usd",
    help="Cost of one call by prompt template and version.",
    unit=Unit.USD,
    labels=(*WHO, PROMPT_NAME, PROMPT_VERSION, MODEL),
    buckets=COST_BUCKETS,
)
PROMPT_INFO: Final = Gauge(
    name="llm_prompt_info",
    help="Live version of a prompt, from the registry file; always 1.",
    unit=Unit.COUNT,
    labels=(PROMPT_NAME, PROMPT_VERSION, PREVIOUS_VERSION, OWNER, SHA),
)
PROMPT_DEPLOYED: Final = Gauge(
    name="llm_prompt_deployed_timestamp_seconds",
    help="When the live version of a prompt was deployed, from the registry file.",
    unit=Unit.SECONDS,
    labels=(PROMPT_NAME, PROMPT_VERSION),
)
TASKS: Final = Counter(
    name="llm_tasks_total",
    help="Tasks: the work of one trace, counted when it is over.",
    unit=Unit.COUNT,
    labels=(*WHO, TASK, STATUS, COMPLETE),
    siblings=(STATUS,),
)
TASK_DURATION: Final = Histogram(
    name="llm_task_duration_seconds",
    help="Time a task took, from the start to the end of its outermost span.",
    unit=Unit.SECONDS,
    labels=(*WHO, TASK),
    buckets=DURATION_BUCKETS,
)
TASK_COST: Final = Histogram(
    name="llm_task_cost_usd",
    help="Cost of all calls of a task whose price is known.",
    unit=Unit.USD,
    labels=(*WHO, TASK),
    buckets=COST_BUCKETS,
)
TASK_TOKENS: Final = Histogram(
    name="llm_task_tokens",
    help="Input and output tokens of all calls of a task.",
    unit=Unit.TOKENS,
    labels=(*WHO, TASK),
    buckets=TOKEN_BUCKETS,
)
TASK_LLM_CALLS: Final = Histogram(
    name="llm_task_llm_calls",
    help="Calls to a model in a task.",
    unit=Unit.COUNT,
    labels=(*WHO, TASK),
    buckets=STEP_BUCKETS,
)
TASK_TOOL_CALLS: Final = Histogram(
    name="llm_task_tool_calls",
    help="Tool calls in a task.",
    unit=Unit.COUNT,
    labels=(*WHO, TASK),
    buckets=STEP_BUCKETS,
)
TASK_STEPS: Final = Histogram(
    name="llm_task_steps",
    help="Calls to a model and to tools in a task.",
    unit=Unit.COUNT,
    labels=(*WHO, TASK),
    buckets=STEP_BUCKETS,
)
TASK_STAGE_DURATION: Final = Histogram(
    name="llm_task_stage_duration_seconds",
    help="Time that a task spent in a stage itself, without what it waited there for other stages.",
    unit=Unit.SECONDS,
    labels=(*WHO, STAGE),
    buckets=DURATION_BUCKETS,
)
TASK_LOOPS: Final = Counter(
    name="llm_task_loops_total",
    help="Signs that an agent goes round in a task.",
    unit=Unit.COUNT,
    labels=(*WHO, AGENT, LOOP),
)
CONVERSATION_COST: Final = Histogram(
    name="llm_conversation_cost_usd",
    help="Cost of all tasks of a conversation, counted when nothing has come for a while.",
    unit=Unit.USD,
    labels=WHO,
    buckets=COST_BUCKETS,
)
CONVERSATION_TURNS: Final = Histogram(
    name="llm_conversation_turns",
    help="Tasks of a conversation.",
    unit=Unit.COUNT,
    labels=WHO,
    buckets=STEP_BUCKETS,
)
BUDGET_LIMIT: Final = Gauge(
    name="llm_budget_limit_usd",
    help="Budget from the configuration.",
    unit=Unit.USD,
    labels=(SCOPE, SCOPE_NAME, PERIOD),
)
SLO_OBJECTIVE: Final = Gauge(
    name="llm_slo_objective_ratio",
    help="Objective from the configuration.",
    unit=Unit.RATIO,
    labels=(SLO,),
)
SLO_LATENCY_THRESHOLD: Final = Gauge(
    name="llm_slo_latency_threshold_seconds",
    help="Latency that the objective allows, from the configuration.",
    unit=Unit.SECONDS,
    labels=(SLO,),
)

EXPORTER_SPANS: Final = Counter(
    name="llm_exporter_spans_total",
    help="Spans received, each with exactly one outcome.",
    unit=Unit.COUNT,
    labels=(OUTCOME,),
    siblings=(OUTCOME,),
)
EXPORTER_SPANS_RELEASED: Final = Counter(
    name="llm_exporter_spans_released_total",
    help="Spans that were held until their place in the trace was known, by why they were counted then.",
    unit=Unit.COUNT,
    labels=(RELEASED,),
)
EXPORTER_SPANS_HELD: Final = Gauge(
    name="llm_exporter_spans_held",
    help="Spans that wait for those above them before they are counted; they have no outcome yet.",
    unit=Unit.COUNT,
    labels=(),
)
EXPORTER_LATE_SPANS: Final = Counter(
    name="llm_exporter_late_spans_total",
    help="Spans that came after the task of their trace was counted: they count, but not in the task.",
    unit=Unit.COUNT,
    labels=(),
)
EXPORTER_TASKS_OPEN: Final = Gauge(
    name="llm_exporter_tasks_open",
    help="Traces whose task is not over.",
    unit=Unit.COUNT,
    labels=(),
)
EXPORTER_TASKS_CLOSED: Final = Counter(
    name="llm_exporter_tasks_closed_total",
    help="Tasks counted, by why they were taken to be over.",
    unit=Unit.COUNT,
    labels=(TASK_END,),
    siblings=(TASK_END,),
)
EXPORTER_CONVERSATIONS_OPEN: Final = Gauge(
    name="llm_exporter_conversations_open",
    help="Conversations that are not over.",
    unit=Unit.COUNT,
    labels=(),
)
EXPORTER_SPANS_DROPPED: Final = Counter(
    name="llm_exporter_spans_dropped_total",
    help="Spans of an application with llm_exporter.sdk that were let go before they were read.",
    unit=Unit.COUNT,
    labels=(DROP_REASON,),
    siblings=(DROP_REASON,),
)
EXPORTER_DIALECT_SPANS: Final = Counter(
    name="llm_exporter_dialect_spans_total",
    help="LLM spans by the instrumentation that wrote them.",
    unit=Unit.COUNT,
    labels=(DIALECT,),
)
EXPORTER_LOG_RECORDS: Final = Counter(
    name="llm_exporter_log_records_total",
    help="Log records received, each with exactly one outcome.",
    unit=Unit.COUNT,
    labels=(LOG_OUTCOME,),
    siblings=(LOG_OUTCOME,),
)
EXPORTER_EVALUATIONS_REPEATED: Final = Counter(
    name="llm_exporter_evaluations_repeated_total",
    help="Results of evaluators that came again, and were counted the first time.",
    unit=Unit.COUNT,
    labels=(),
)
EXPORTER_EVALUATIONS_WAITING: Final = Gauge(
    name="llm_exporter_evaluations_waiting",
    help="Results of evaluators that wait for the span of the call that they are about.",
    unit=Unit.COUNT,
    labels=(),
)
EXPORTER_REQUESTS: Final = Counter(
    name="llm_exporter_requests_total",
    help="Export requests answered.",
    unit=Unit.COUNT,
    labels=(TRANSPORT, CODE),
)
EXPORTER_RECEIVED_BYTES: Final = Counter(
    name="llm_exporter_received_bytes_total",
    help="Bytes of export requests as they came over the wire.",
    unit=Unit.COUNT,
    labels=(TRANSPORT,),
)
EXPORTER_BATCH_DURATION: Final = Histogram(
    name="llm_exporter_batch_duration_seconds",
    help="Time to turn one export request into metrics.",
    unit=Unit.SECONDS,
    labels=(),
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
)
EXPORTER_SCRAPE_DURATION: Final = Histogram(
    name="llm_exporter_scrape_duration_seconds",
    help="Time to write one scrape.",
    unit=Unit.SECONDS,
    labels=(),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
EXPORTER_LABEL_OVERFLOW: Final = Counter(
    name="llm_exporter_label_overflow_total",
    help="Label values that became __other__ because the label was at its cap.",
    unit=Unit.COUNT,
    labels=(OVERFLOWING_LABEL,),
)
EXPORTER_LABEL_REDACTED: Final = Counter(
    name="llm_exporter_label_redacted_total",
    help="Label values that looked like an e-mail, a key or an id, and became __redacted__.",
    unit=Unit.COUNT,
    labels=(OVERFLOWING_LABEL,),
)
EXPORTER_SERIES_OVERFLOW: Final = Counter(
    name="llm_exporter_series_overflow_total",
    help="New label sets that were merged into __other__ because their group of metrics was full.",
    unit=Unit.COUNT,
    labels=(METRIC_GROUP,),
)
EXPORTER_LABEL_SETS: Final = Gauge(
    name="llm_exporter_label_sets",
    help="Label sets held, by group of metrics with the same labels.",
    unit=Unit.COUNT,
    labels=(METRIC_GROUP,),
)
EXPORTER_SERIES_EXPIRED: Final = Counter(
    name="llm_exporter_series_expired_total",
    help="Label sets removed because nothing was counted in them for a long time.",
    unit=Unit.COUNT,
    labels=(METRIC_GROUP,),
)
EXPORTER_BINDINGS: Final = Gauge(
    name="llm_exporter_bindings",
    help="Label combinations remembered as they came over the wire, so that they need not be read again.",
    unit=Unit.COUNT,
    labels=(),
)
EXPORTER_PRICE_DATA_TIMESTAMP: Final = Gauge(
    name="llm_exporter_price_data_timestamp_seconds",
    help="When the price table in use was made.",
    unit=Unit.SECONDS,
    labels=(),
)
EXPORTER_CONFIG_RELOAD_SUCCESSFUL: Final = Gauge(
    name="llm_exporter_config_last_reload_successful",
    help="1 when the configuration in use is the newest that was given, 0 when that one was refused.",
    unit=Unit.COUNT,
    labels=(),
)
EXPORTER_CONFIG_RELOAD_TIMESTAMP: Final = Gauge(
    name="llm_exporter_config_last_reload_success_timestamp_seconds",
    help="When a configuration was last accepted.",
    unit=Unit.SECONDS,
    labels=(),
)
EXPORTER_BUILD_INFO: Final = Gauge(
    name="llm_exporter_build_info",
    help="1, with the versions in use.",
    unit=Unit.COUNT,
    labels=(VERSION, PYTHON, PROTOBUF),
)

METRICS: Final[tuple[Metric, ...]] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
LABELS: Final[dict[str, Label]] = {
    label.name: label for metric in METRICS for label in metric.labels if not label.values
}
