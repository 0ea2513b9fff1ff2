"""The `tasks` and `sampling` sections: how long traces are waited for, and what a sampled span stands for."""

# `key` makes fields, as `dataclasses.field` does.

from dataclasses import dataclass

from llm_exporter.assembly import Patience
from llm_exporter.conversations import Habits
from llm_exporter.sampling import Sampling
from llm_exporter.settings.compound import Items, key
from llm_exporter.settings.scalars import Boolean, Integer, Number, Text

ATTRIBUTE = Text("attribute key of A-Z a-z 0-9 _ . : / -", r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSettings:
    """How the spans of a trace are put together."""

    hold_seconds: float = key(
        Number(0, 600),
        "Longest time that a span waits for the spans above it, whose team, feature and prompt it takes over; 0 is"
        " no longer than its batch.",
        10.0,
        unit="seconds",
    )
    quiet_seconds: float = key(
        Number(0, 3600),
        "A task is over when its outermost span has come and nothing more for so long.",
        10.0,
        unit="seconds",
    )
    idle_seconds: float = key(
        Number(0, 86_400),
        "A task whose outermost span has not come is over when nothing has come for so long.",
        300.0,
        unit="seconds",
    )
    max_age_seconds: float = key(
        Number(1, 604_800), "Longest time that a task is kept open.", 3600.0, unit="seconds"
    )
    max_open: int = key(
        Integer(1, 10_000_000),
        "Most traces open at a time; above it the oldest is counted as it is.",
        50_000,
        unit="traces",
    )
    max_spans: int = key(
        Integer(1, 100_000_000),
        "Most spans remembered of all open traces; above it the oldest trace is counted as it is.",
        250_000,
        unit="spans",
    )
    max_steps: int = key(
        Integer(1, 1_000_000),
        "Calls to models and tools of a task above which its agent is taken to go round in a loop.",
        50,
        unit="steps",
    )
    conversation_idle_seconds: float = key(
        Number(1, 604_800),
        "A conversation is over when none of its tasks has ended for so long.",
        1800.0,
        unit="seconds",
    )
    max_conversations: int = key(
        Integer(1, 10_000_000),
        "Most conversations open at a time; above it the one that was idle for longest is counted as it is.",
        10_000,
        unit="conversations",
    )
    regeneration_seconds: float = key(
        Number(0, 86_400),
        "A user who asks the same again within so long after an answer did not want it; 0 is never. Needs questions"
        " in the spans, and any of `signals` on.",
        300.0,
        unit="seconds",
    )
    follow_up_seconds: float = key(
        Number(0, 86_400),
        "A task of the same conversation that begins within so long after another follows up on it; 0 is never.",
        120.0,
        unit="seconds",
    )

    def patience(self) -> Patience:
        """Return these as the assembly takes them."""
        return Patience(
            hold_seconds=self.hold_seconds,
            quiet_seconds=self.quiet_seconds,
            idle_seconds=self.idle_seconds,
            max_age_seconds=self.max_age_seconds,
            max_open=self.max_open,
            max_spans=self.max_spans,
            max_steps=self.max_steps,
            conversation_idle_seconds=self.conversation_idle_seconds,
            max_conversations=self.max_conversations,
            habits=Habits(self.regeneration_seconds, self.follow_up_seconds),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingSettings:
    """Where the exporter stands behind a sampler: how many calls a span that was kept stands for. Off by default."""

    use_tracestate: bool = key(
        Boolean(), "Take the threshold of consistent sampling in tracestate, `ot=th:…`.", False
    )
    ratio_attributes: tuple[str, ...] = key(
        Items(ATTRIBUTE, 10),
        "Attributes that hold the ratio of spans kept, up to 1, or what a span stands for, over 1.",
        (),
        example=["sampling.ratio", "SampleRate"],
    )
    ratio: float = key(
        Number(0.000001, 1), "Ratio of spans kept, for spans that say nothing.", 1.0, unit="of the spans"
    )
    max_weight: int = key(
        Integer(1, 1_000_000),
        "Most spans that one may stand for; whoever can send spans can write any weight.",
        100,
        unit="spans",
    )

    def sampling(self) -> Sampling:
        """Return these as the pipeline takes them."""
        return Sampling(self.use_tracestate, self.ratio_attributes, self.ratio, self.max_weight)
