"""OTLP requests to counted records: the hot path.

Per span: a few substring tests decide whether it can concern an LLM at all; its shape finds the plan; the
encoded words that the plan names find the binding; the numbers are decoded and counted. Nothing is decoded,
normalised, priced or escaped again for words that were seen before. `docs/performance.md` has the figures.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_exporter import catalogue as c
from llm_exporter import dialects
from llm_exporter.account import Accountant, Binding, CallBinding
from llm_exporter.otlp.schema import (
    DecodeError,
    parse_request,
    parse_resource,
    parse_scope,
    parse_span,
    parse_status,
)
from llm_exporter.otlp.values import number, text
from llm_exporter.reading import Plan, Vocabulary, failure_of, tokens
from llm_exporter.record import IMPLAUSIBLE, Context, Kind
from llm_exporter.receive.sink import Malformed, Verdict

if TYPE_CHECKING:
    from llm_exporter.store import Store

STATUS_ERROR: Final = 2
MAX_SHAPE: Final = 64
"""Attributes up to which a span's shape is remembered as it is; a bigger one is first cut to the names that matter."""
MAX_SHAPES: Final = 4096
MAX_RESOURCES: Final = 4096
MAX_TOKEN_COUNTS: Final = 65_536
MAX_MEMO_BYTES: Final = 1024


class Limits(NamedTuple):
    """Bounds on what one request and the pipeline's memory may hold."""

    spans_per_request: int = 100_000
    attributes_per_span: int = 512
    bindings: int = 32_768


class Read(NamedTuple):
    """One LLM span taken apart, before it is counted."""

    plan: Plan
    span: Any
    words: tuple[Any, ...]
    failure: tuple[str, str] | None


class _TokenCounts(dict[bytes, int]):
    """Token counts by their encoding: 0 where there is no attribute, negative where its value is no count."""

    def __missing__(self, encoded: bytes) -> int:
        value = number(encoded) if encoded else 0
        count = IMPLAUSIBLE if value is None else tokens(value)
        if len(self) >= MAX_TOKEN_COUNTS:
            self.clear()
        if len(encoded) <= 16:
            self[encoded] = count
        return count


class Scope:
    """One instrumentation scope: its name, and the plans of the shapes seen under it."""

    __slots__ = ("name", "plans")

    def __init__(self, name: str) -> None:
        self.name = name
        self.plans: dict[tuple[str, ...], Plan | None] = {}


class Pipeline:
    """Turns OTLP requests into counts. One batch at a time: it holds the store's lock while it counts."""

    def __init__(
        self,
        accountant: Accountant,
        vocabulary: Vocabulary,
        limits: Limits | None = None,
    ) -> None:
        self.accountant = accountant
        self.store: Store = accountant.store
        self.vocabulary = vocabulary
        self.limits = limits or Limits()
        self._contexts: dict[bytes, Context] = {}
        self._scopes: dict[bytes, Scope] = {}
        self._plans: dict[tuple[str, str, tuple[str, ...]], Plan] = {}
        self._n_shapes = 0
        self._n_bindings = 0
        self._tokens = _TokenCounts()
        group = self.store.groups[c.EXPORTER_SPANS.name]
        self._outcomes = {name: group.instrument(c.EXPORTER_SPANS, name).index for name in c.OUTCOME.values}
        self._own = self.store.cell(c.EXPORTER_SPANS, ())
        self._own.want(group.instrument(c.EXPORTER_SPANS, "call"))
        self._batch_duration = group.instrument(c.EXPORTER_BATCH_DURATION)

    def traces(self, request: bytes) -> Verdict:
        """Count the spans of an encoded ExportTraceServiceRequest.

        Returns:
            How many spans were rejected because they cannot be decoded or exceed a limit, and why.

        Raises:
            Malformed: `request` is not an ExportTraceServiceRequest.
        """
        try:
            decoded = parse_request(request)
        except DecodeError as error:
            raise Malformed("the body is not a protobuf ExportTraceServiceRequest") from error
        started = time.perf_counter_ns()
        store = self.store
        with store.lock:
            store.now = time.monotonic()
            stamp = int(time.time() * 1000).to_bytes(8)
            outcomes = self._count(decoded, stamp)
            values = self._own.values
            for outcome, n in outcomes.items():
                values[self._outcomes[outcome]] += n
            self._own.observe(self._batch_duration, time.perf_counter_ns() - started)
        return _verdict(outcomes)

    def _count(self, decoded: Any, stamp: bytes) -> dict[str, int]:
        outcomes = dict.fromkeys(c.OUTCOME.values, 0)
        room = self.limits.spans_per_request
        for resource in decoded.resources:
            context = self.context_of(resource.resource)
            for items in resource.scopes:
                spans = items.items
                if len(spans) > room:
                    outcomes["over_limit"] += len(spans) - room
                    spans = spans[:room]
                room -= len(spans)
                self._count_scope(spans, self.scope_of(items.scope), context, stamp, outcomes)
        return outcomes

    def _count_scope(
        self, spans: Any, scope: Scope, context: Context, stamp: bytes, outcomes: dict[str, int]
    ) -> None:
        marks = self.vocabulary.marks
        plans, tokens_seen = scope.plans, self._tokens
        count_call = self.accountant.call
        skipped = 0
        for raw in spans:
            for mark in marks:
                if mark in raw:
                    break
            else:
                skipped += 1
                continue
            try:
                span = parse_span(raw)
            except DecodeError:
                outcomes["invalid"] += 1
                continue
            attributes = span.attributes
            shape = tuple(attributes)
            plan = plans.get(shape, False)
            if plan is False:
                if len(shape) > self.limits.attributes_per_span:
                    outcomes["over_limit"] += 1
                    continue
                plan = self.plan_of(scope, shape)
            if plan is None:
                skipped += 1
                continue
            words = plan.words_of(attributes) if plan.derived else plan.words(attributes)
            failure = self.failure_of(span) if span.status else None
            key = (context, words, failure)
            bound = plan.bindings.get(key)
            if bound is None:
                bound = self._bind(plan, key, span.start)
            outcomes[bound.outcome] += 1
            plan.seen += 1
            start, end = span.start, span.end
            exemplar = span.trace_id + span.span_id + stamp
            if bound.kind is not Kind.CALL:
                self._count_other(plan, bound, attributes, start, end, exemplar)
                continue
            if plan.more:
                self.accountant.numbers(bound, plan.numbers_of(attributes, span), start, end, exemplar)
                continue
            raw_input, raw_output, raw_read, raw_write, raw_reasoning, raw_first, raw_cost = plan.numbers(attributes)
            all_input = tokens_seen[raw_input]
            output = tokens_seen[raw_output]
            read = tokens_seen[raw_read] if raw_read else 0
            write = tokens_seen[raw_write] if raw_write else 0
            reasoning = tokens_seen[raw_reasoning] if raw_reasoning else 0
            plain = all_input - read - write
            # Anything unusual takes the careful way: contradictions, exclusive counts, missing or impossible numbers.
            if (
                plain < 0
                or output < reasoning
                or raw_first
                or raw_cost
                or ((read or write) and bound.record.input_excludes_cache)
                or not (raw_input or raw_output)
                or (all_input | read | write | reasoning) < 0
            ):
                self.accountant.numbers(bound, plan.numbers_of(attributes, span), start, end, exemplar)
            else:
                count_call(bound, (plain, read, write, output - reasoning, reasoning, 0), 0, None, start, end, exemplar)
        outcomes["not_llm"] += skipped

    def _count_other(
        self, plan: Plan, bound: Binding, attributes: Any, start: int, end: int, exemplar: bytes
    ) -> None:
        documents, scores = plan.documents_of(attributes) if bound.kind is Kind.RETRIEVAL else (None, [])
        self.accountant.other(bound, documents, scores, start, end, exemplar)

    def _bind(self, plan: Plan, key: tuple[Any, ...], start: int) -> Binding:
        if self._n_bindings >= self.limits.bindings:
            self.forget_bindings()
        context, words, failure = key
        record = plan.record(context, failure, words)
        bound = self.accountant.bind(record, start)
        if sum(len(word) for word in words) <= MAX_MEMO_BYTES:
            plan.bindings[key] = bound
            self._n_bindings += 1
        return bound

    def forget_bindings(self) -> None:
        """Drop every remembered binding: the cells they point to may be gone, or their prices old."""
        for plan in self._plans.values():
            plan.bindings.clear()
        self._n_bindings = 0

    def context_of(self, raw: bytes) -> Context:
        """Return what an encoded Resource says; resources that say the same share one context."""
        context = self._contexts.get(raw)
        if context is None:
            try:
                attributes = parse_resource(raw).attributes
            except DecodeError:
                attributes = {}
            context = self.vocabulary.context(attributes)
            if len(self._contexts) >= MAX_RESOURCES:
                self._contexts.clear()
            if len(raw) <= 16 * MAX_MEMO_BYTES:
                self._contexts[raw] = context
        return context

    def scope_of(self, raw: bytes) -> Scope:
        """Return the scope that an encoded InstrumentationScope names, with its plans."""
        scope = self._scopes.get(raw)
        if scope is None:
            try:
                name = parse_scope(raw).name[:256].decode("utf-8", "replace")
            except DecodeError:
                name = ""
            if len(self._scopes) >= MAX_RESOURCES:
                self._forget_shapes()
            scope = Scope(name)
            if len(raw) <= MAX_MEMO_BYTES:
                self._scopes[raw] = scope
        return scope

    def collect(self) -> None:
        """Bring the pipeline's own metrics up to date. The caller holds the store's lock."""
        for plan in self._plans.values():
            if plan.seen:
                self.store.add(c.EXPORTER_DIALECT_SPANS, (plan.dialect.name,), by=plan.seen)
                plan.seen = 0
        self.store.set(c.EXPORTER_BINDINGS, self._n_bindings)

    def _forget_shapes(self) -> None:
        self.collect()
        self.forget_bindings()
        self._scopes.clear()
        self._plans.clear()
        self._n_shapes = 0

    def plan_of(self, scope: Scope, shape: tuple[str, ...]) -> Plan | None:
        """Return how spans of this shape are read, None when no dialect knows it."""
        if len(shape) <= MAX_SHAPE and shape in scope.plans:
            return scope.plans[shape]
        keys = self.vocabulary.known(shape)
        dialect = dialects.claim(scope.name, keys, self.vocabulary.disabled)
        plan = None
        if dialect is not None:
            identity = (dialect.name, scope.name, keys)
            plan = self._plans.get(identity)
            if plan is None:
                if len(self._plans) >= MAX_SHAPES:
                    self._forget_shapes()
                plan = self._plans[identity] = Plan(dialect, scope.name, keys, self.vocabulary)
        if len(shape) <= MAX_SHAPE:
            if self._n_shapes >= MAX_SHAPES:
                for known in self._scopes.values():
                    known.plans.clear()
                self._n_shapes = 0
            scope.plans[shape] = plan
            self._n_shapes += 1
        return plan

    def failure_of(self, span: Any) -> tuple[str, str] | None:
        """Return how a span failed, None when its status is not ERROR."""
        try:
            status = parse_status(span.status)
        except DecodeError:
            return None
        if status.code != STATUS_ERROR:
            return None
        return failure_of(span, status.message, text(span.attributes.get("error.type", b"")))


def _verdict(outcomes: dict[str, int]) -> Verdict:
    invalid, over = outcomes["invalid"], outcomes["over_limit"]
    said = []
    if invalid:
        said.append(f"{invalid} spans cannot be decoded")
    if over:
        said.append(f"{over} spans are over limits.spans_per_request or limits.attributes_per_span")
    return Verdict(invalid + over, "; ".join(said))
