"""What applications do, made up from a seed: calls to models, tools, agents, before a dialect writes them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

MODELS: Final = (
    ("openai", "gpt-4o", "gpt-4o-2024-08-06"),
    ("openai", "gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ("openai", "gpt-4.1", "gpt-4.1-2025-04-14"),
    ("openai", "gpt-5", "gpt-5-2025-08-07"),
    ("openai", "gpt-5-mini", "gpt-5-mini-2025-08-07"),
    ("openai", "o3", "o3-2025-04-16"),
    ("anthropic", "claude-haiku-4-5", "claude-haiku-4-5-20251001"),
    ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
    ("gcp.gemini", "gemini-2.5-flash", "gemini-2.5-flash"),
    ("mistral_ai", "mistral-large-latest", "mistral-large-latest"),
    ("groq", "llama-3.3-70b-versatile", "llama-3.3-70b-versatile"),
    ("openai", "text-embedding-3-large", "text-embedding-3-large"),
)
"""Provider, model as asked for, model that answers. The last one embeds."""
REASONING: Final = frozenset({"gpt-5", "gpt-5-mini", "o3"})
SHARE_WITH_CONTENT: Final = 0.35
SHARE_FAILED: Final = 0.03
_OPERATIONS: Final = ("chat", "execute_tool", "invoke_agent", "embeddings")
_OPERATION_WEIGHTS: Final = (70, 12, 8, 10)


@dataclass(frozen=True, slots=True)
class Call:
    """One span's worth of work. Counts are tokens as OpenTelemetry means them: input includes the cache."""

    operation: str
    provider: str
    asked: str
    answered: str
    agent: str
    tool: str
    user: str
    identifier: str
    """32 hexadecimal digits that no other call has."""
    failed: bool
    finish: str
    input: int
    output: int
    cache_read: int
    cache_write: int
    reasoning: int
    temperature: float
    max_tokens: int
    question: str
    """The prompt's text, empty where content is not captured."""
    answer: str


class Callers:
    """Draws calls. The same seed draws the same calls."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        words = [f"w{self.random.randrange(3000):04d}" for _ in range(50_000)]
        self._text = " ".join(words)

    def call(self, service: int) -> Call:
        """Draw the next call of a service, which has habits: three models, two agents, four tools."""
        draw = self.random
        operation = draw.choices(_OPERATIONS, _OPERATION_WEIGHTS)[0]
        chat = operation == "chat"
        habit = (3 * service + draw.randrange(3)) % (len(MODELS) - 1)
        provider, asked, answered = MODELS[-1 if operation == "embeddings" else habit]
        tokens_in = 1 + int(draw.lognormvariate(6.5, 1.1))
        tokens_out = 1 + int(draw.lognormvariate(5.2, 1.0)) if chat else 0
        cache_read = int(tokens_in * draw.uniform(0.2, 0.9)) if chat and draw.random() < 0.3 else 0
        written = chat and provider == "anthropic" and draw.random() < 0.2
        content = operation != "embeddings" and draw.random() < SHARE_WITH_CONTENT
        return Call(
            operation=operation,
            provider=provider,
            asked=asked,
            answered=answered,
            agent=f"agent-{(service + draw.randrange(2)) % 8}",
            tool=f"tool_{(4 * service + draw.randrange(4)) % 12}",
            user=f"user-{draw.randrange(500):04d}",
            identifier=f"{draw.getrandbits(128):032x}",
            failed=draw.random() < SHARE_FAILED,
            finish=draw.choice(("stop", "stop", "tool_calls", "length")),
            input=tokens_in,
            output=tokens_out,
            cache_read=cache_read,
            cache_write=(tokens_in - cache_read) // 2 if written else 0,
            reasoning=int(tokens_out * draw.uniform(0.2, 0.8)) if asked in REASONING else 0,
            temperature=draw.choice((0.0, 0.2, 0.7, 1.0)),
            max_tokens=draw.choice((512, 1024, 4096)),
            question=self._words(1300) if content else "",
            answer=self._words(700) if content else "",
        )

    def _words(self, length: int) -> str:
        start = self.random.randrange(len(self._text) - length)
        return self._text[start : start + length]
