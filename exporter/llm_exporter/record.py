"""What one span says, in the exporter's own words: the record that every dialect is read into."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from llm_exporter.pricing import Usage


class Kind(Enum):
    """What a span stands for; the value is its outcome in `llm_exporter_spans_total`."""

    CALL = "call"
    TOOL = "tool"
    AGENT = "agent"
    RETRIEVAL = "retrieval"
    GUARDRAIL = "guardrail"
    STRUCTURE = "structure"
    """Part of an LLM application with nothing to count: chains, steps, spans that repeat their children."""


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What a resource says of all its spans: label values by the name of the label.

    Compared by identity, which is what makes it cheap in a key: there is one for each set of values.
    """

    service_name: str
    environment: str
    team: str
    feature: str
    user_tier: str
    customer: str


NOWHERE = Context("", "", "", "", "", "")
"""No resource: what a span says under it, it says itself."""


class Record(NamedTuple):
    """The words of a span. Empty means not said. Values are canonical, but not yet bounded (see `labels`)."""

    dialect: str
    kind: Kind
    service_name: str = ""
    environment: str = ""
    team: str = ""
    feature: str = ""
    user_tier: str = ""
    customer: str = ""
    provider: str = ""
    response_model: str = ""
    request_model: str = ""
    operation: str = ""
    failed: bool = False
    error_type: str = ""
    """Of the catalogue's `error_type` for a failed call, of `tool_error_type` for a failed tool."""
    finish_reason: str = ""
    stream: bool = False
    service_tier: str = ""
    tool: str = ""
    agent: str = ""
    retriever: str = ""
    guardrail: str = ""
    direction: str = ""
    action: str = ""
    prompt_name: str = ""
    prompt_version: str = ""
    response_cache: str = ""
    """`hit` or `miss` where a cache of whole answers was asked."""
    input_excludes_cache: bool | None = None
    """Whether the writer's input token count leaves out what went from and to the prompt cache; None where only
    the numbers can tell."""

    def within(self, context: Context) -> Record:
        """Return the record of a span with these words under a resource, which says what the span leaves open."""
        return self._replace(
            service_name=context.service_name,
            environment=self.environment or context.environment,
            team=self.team or context.team,
            feature=self.feature or context.feature,
            user_tier=self.user_tier or context.user_tier,
            customer=self.customer or context.customer,
        )


class Numbers(NamedTuple):
    """The numbers of a span as written. None means not said; counts are tokens."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    first_token_ns: int | None = None
    """From the start of the span."""
    cost_pico: int | None = None
    """Cost that the writer reports, in picodollars."""
    total: int | None = None
    """All tokens of the call: only to see what the other counts contain."""
    uncached: int | None = None
    """Input tokens outside the prompt cache, where the writer says so separately."""
    cache_write_1h: int | None = None
    """The part of `cache_write` that is kept for an hour, which costs more."""
    input_audio: int | None = None
    """The part of `input` that is audio."""
    output_audio: int | None = None
    """The part of `output` that is audio."""

    @property
    def says_usage(self) -> bool:
        """Whether there is any count of tokens."""
        return self.input is not None or self.output is not None or self.uncached is not None


IMPLAUSIBLE = -1
"""Stands for a number that is negative, not finite, or beyond any real call."""
MAX_TOKENS = 10**9
MAX_COST_PICO = 10_000 * 10**12


def disjoint(numbers: Numbers, excludes_cache: bool | None) -> tuple[Usage, tuple[str, ...]]:
    """Return the usage in disjoint counts, and the anomalies that had to be repaired.

    The conventions count the prompt cache inside the input and reasoning inside the output. What is known of
    the writer comes first. Otherwise cache reads and writes larger than the input prove that it left them out,
    reasoning larger than the output proves the same of reasoning, and so does a total that is the sum with
    them and not the sum without. Source: open-telemetry/semantic-conventions#3163 for the inclusive reading,
    providers' API references for the exclusive one.

    Args:
        numbers: As the span says them.
        excludes_cache: As in `Record.input_excludes_cache`.
    """
    given, output = numbers.input or 0, numbers.output or 0
    read, write, reasoning = numbers.cache_read or 0, numbers.cache_write or 0, numbers.reasoning or 0
    cached, total = read + write, numbers.total
    found = []
    if numbers.uncached is not None:
        plain = numbers.uncached
    elif excludes_cache:
        plain = given
    elif cached > given:
        plain = given
        found.append("cache_exceeds_input")
    elif excludes_cache is None and cached and total == given + cached + output:
        plain = given
    else:
        plain = given - cached
    if reasoning > output:
        found.append("reasoning_exceeds_output")
    else:
        # Some totals leave the prompt cache out even where the input does.
        inside = (given + output, plain + cached + output)
        if total is None or total in inside or total - reasoning not in inside:
            output -= reasoning
    usage = Usage(
        plain,
        read,
        write,
        output,
        reasoning,
        min(numbers.cache_write_1h or 0, write),
        min(numbers.input_audio or 0, plain),
        min(numbers.output_audio or 0, output),
    )
    return usage, tuple(found)
