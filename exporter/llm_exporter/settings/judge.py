"""The `judge` section: what `llm-exporter judge` draws, whom it asks, and what it may spend."""

# `key` makes fields, as `dataclasses.field` does.
# ruff: noqa: RUF009

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from llm_exporter.settings.compound import Items, Section, key
from llm_exporter.settings.endpoints import Address, File, ListenAddress
from llm_exporter.settings.pricing import GLOB, PROVIDER
from llm_exporter.settings.reading import UNSET, Reading
from llm_exporter.settings.scalars import Boolean, Choice, DecimalNumber, Integer, Number, ScalarKind, Text
from llm_exporter.settings.source import Node

RUBRICS = (
    "faithfulness",
    "relevance",
    "completeness",
    "answers_question",
    "grounded",
    "escalated_when_required",
)
"""The rubrics that come with the package."""
URL = Text("http:// or https:// URL, or nothing", r"(https?://[A-Za-z0-9.\[\]:_-]+(/[^\s?#]*)?)?", 2048)


@dataclass(frozen=True, slots=True)
class OrNone(ScalarKind):
    """What another kind allows, or "" for none (None)."""

    kind: ScalarKind

    def describe(self) -> str:
        """Say what is allowed."""
        return f'{self.kind.describe()}, or "" for none'

    def parse(self, text: str, plain: bool) -> object:
        """Return the value."""
        return self.kind.parse(text, plain) if text else None

    def dump(self, value: object) -> object:
        """Give the value back."""
        return "" if value is None else self.kind.dump(value)


USD_PER_MILLION = OrNone(DecimalNumber(0, 1_000_000))


@dataclass(frozen=True, slots=True)
class Place(ScalarKind):
    """A file that is written, there or not, or "" for none (None); relative to the file that names it."""

    def describe(self) -> str:
        """Say what is allowed."""
        return 'path of a file in a directory that is there, or "" for none'

    def read(self, node: Node, path: str, reading: Reading, default: object = UNSET) -> object:
        """Return the absolute path."""
        name = ScalarKind.read(self, node, path, reading, default)
        if not isinstance(name, str) or not name:
            return None if name == "" else name
        file = reading.directory / name
        if not file.parent.is_dir():
            return reading.problem(
                path, f"{self._shown(node)} is not allowed", self.describe(), f"there is no {file.parent}"
            )
        return file

    def parse(self, text: str, plain: bool) -> str:
        """Return the path as written."""
        return Text("path", most=4096).parse(text, plain)

    def dump(self, value: object) -> object:
        """Give the path back."""
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class HighStakes:
    """Routes of which every call is judged."""

    service: str = key(GLOB, "Service that made the call.", "*")
    feature: str = key(GLOB, "Feature that the call serves.", "*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What `llm-exporter judge` draws, whom it asks, and what it may spend."""

    otlp_grpc_address: Address | None = key(
        ListenAddress(optional=True),
        "Receives OTLP over gRPC.",
        Address("127.0.0.1", 4327),
        flag="--judge-otlp-grpc-address",
    )
    otlp_http_address: Address | None = key(
        ListenAddress(optional=True),
        "Receives OTLP over HTTP, at /v1/traces and /v1/logs.",
        Address("127.0.0.1", 4328),
        flag="--judge-otlp-http-address",
    )
    metrics_address: Address = key(
        ListenAddress(),
        "Serves /metrics of the judge, and health.",
        Address("127.0.0.1", 9474),
        flag="--judge-metrics-address",
    )
    exporter_url: str = key(
        URL, "OTLP/HTTP address of the exporter that results are sent to.", "http://127.0.0.1:4318"
    )
    exporter_token_file: Path | None = key(
        File(secret=True), "File with the token that the exporter wants, see receive.bearer_token_file.", None
    )
    base_url: str = key(
        URL,
        "URL of any OpenAI-compatible API, up to /v1. Content of calls is sent there.",
        "",
        flag="--judge-base-url",
    )
    model: str = key(
        Text("name of a model", r"[^\x00-\x20\x7f]*", 256),
        "Model that judges, as that API calls it.",
        "",
        flag="--judge-model",
    )
    provider: str = key(PROVIDER, "Provider whose price holds; empty is told by the model's name.", "")
    api_key_file: Path | None = key(File(secret=True), "File with the key of that API.", None)
    api_key_variable: str = key(
        Text("name of an environment variable, or nothing", r"([A-Za-z_][A-Za-z0-9_]*)?"),
        "Environment variable with the key of that API, where there is no file.",
        "OPENAI_API_KEY",
    )
    input_price: Decimal | None = key(
        USD_PER_MILLION,
        "Price of a million input tokens, where the price table does not know the model; 0 for one of your own.",
        None,
        unit="USD",
    )
    output_price: Decimal | None = key(
        USD_PER_MILLION,
        "Price of a million output tokens, beside input_price.",
        None,
        unit="USD",
    )
    usd_per_hour: Decimal = key(
        DecimalNumber(0, 1_000_000), "Most that is spent in any 60 minutes.", Decimal(1), unit="USD"
    )
    usd_per_day: Decimal = key(
        DecimalNumber(0, 1_000_000), "Most that is spent in any 24 hours.", Decimal(10), unit="USD"
    )
    state_file: Path | None = key(
        Place(),
        "File that remembers over a restart what was spent. Without one every start begins with nothing spent.",
        None,
    )
    per_route: int = key(
        Integer(1, 1000),
        "Calls judged of each service, environment, team and feature in a window.",
        20,
        unit="calls",
    )
    window_seconds: float = key(Number(1, 86_400), "Length of a window.", 300.0, unit="seconds")
    max_routes: int = key(
        Integer(1, 10_000),
        "Most routes in a window; calls of further ones are drawn from together.",
        200,
        unit="routes",
    )
    salt: str = key(Text("text"), "Replicas with the same salt draw the same calls; random when empty.", "")
    high_stakes: tuple[HighStakes, ...] = key(
        Items(Section(HighStakes), 100),
        "Routes of which every call is judged.",
        (),
        example=[{"service": "shop", "feature": "refund*"}],
    )
    rubrics: tuple[str, ...] = key(
        Items(Choice(RUBRICS), len(RUBRICS)), "Rubrics of the package that are asked about.", RUBRICS
    )
    rubric_files: tuple[Path, ...] = key(Items(File(), 50), "Rubrics of your own, see docs/judge.md.", ())
    reference_file: Path | None = key(
        File(),
        "JSONL file of questions and right answers, which answers to the same question are held against.",
        None,
    )
    consistency_ratio: float = key(
        Number(0, 1),
        "Share of items that are judged three times, for judge.self_consistency; each costs three times as much.",
        0.05,
        unit="of the items",
    )
    output: str = key(
        Choice(("prompted", "native")),
        "How the form of a reply is asked for: in words, which every model takes, or as a JSON schema.",
        "prompted",
    )
    temperature: float | None = key(
        OrNone(Number(0, 2)),
        "Temperature, 0 where the model takes one; some take none.",
        None,
        unit="as the API has it",
    )
    max_output_tokens: int = key(
        Integer(16, 100_000), "Longest reply, with what a reasoning model thinks.", 600, unit="tokens"
    )
    max_tokens_field: str = key(
        Choice(("max_completion_tokens", "max_tokens")),
        "What the API calls that limit.",
        "max_completion_tokens",
    )
    concurrency: int = key(Integer(1, 100), "Most items judged at a time.", 4, unit="items")
    requests_per_minute: float = key(
        Number(0.1, 100_000), "Most requests in a minute.", 60.0, unit="requests"
    )
    timeout_seconds: float = key(Number(0.1, 3600), "Longest time for one request.", 60.0, unit="seconds")
    total_timeout_seconds: float = key(
        Number(0.1, 7200),
        "Longest time for one item with everything that is tried again, without the wait for its turn.",
        120.0,
        unit="seconds",
    )
    retries: int = key(Integer(0, 10), "How often a request that failed is tried again.", 2, unit="requests")
    max_waiting: int = key(Integer(1, 100_000), "Most items that wait to be judged.", 1000, unit="items")
    send_explanations: bool = key(
        Boolean(),
        "Send the judge's reasons along as gen_ai.evaluation.explanation. They quote content; the exporter drops them.",
        False,
    )
