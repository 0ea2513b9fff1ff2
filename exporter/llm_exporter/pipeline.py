"""OTLP requests to counted records: the hot path.

Per span: a few substring tests decide whether it can concern an LLM at all; its shape finds the plan; the
encoded words that the plan names find the binding; the numbers are decoded and counted. Nothing is decoded,
normalised, priced or escaped again for words that were seen before. `docs/performance.md` has the figures.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from llm_exporter import catalogue as c
from llm_exporter import dialects
from llm_exporter.assembly import REMOTE_PARENT, SPAN_ID, TRACE_ID, Assembly, Patience
from llm_exporter.checks import Told, looked_for
from llm_exporter.content.kept import Kept
from llm_exporter.content.places import ALL
from llm_exporter.dialects._dialect import Field
from llm_exporter.evaluations.evaluation import key_of
from llm_exporter.evaluations.qrels import hash_of
from llm_exporter.evaluations.ranking import of_retrieval
from llm_exporter.evaluations.spans import RESULT_EVENT, of_span
from llm_exporter.failure import failure_of
from llm_exporter.loops import fingerprint
from llm_exporter.normalise import truth
from llm_exporter.otlp.schema import (
    DecodeError,
    ScopeItems,
    opened,
    parse_resource,
    parse_scope,
    parse_span,
    parse_status,
)
from llm_exporter.otlp.values import number, text
from llm_exporter.quantities import tokens
from llm_exporter.reading import Plan, Variant, with_span
from llm_exporter.receive.sink import Malformed, Verdict
from llm_exporter.record import IMPLAUSIBLE, NOWHERE, Context, Kind, Numbers, Record
from llm_exporter.sampling import Sampling
from llm_exporter.scoring import Scoring
from llm_exporter.shapes import Fork, Scope, Shape
from llm_exporter.subjects import Subjects
from llm_exporter.trace import NO_DETAIL, Detail
from llm_exporter.vocabulary import INHERITED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from llm_exporter.account import Accountant
    from llm_exporter.binding import Bound
    from llm_exporter.content import Listener
    from llm_exporter.evaluations.evaluation import Evaluation
    from llm_exporter.evaluations.qrels import Qrels
    from llm_exporter.scoring import Rules
    from llm_exporter.store import Store
    from llm_exporter.trace import Trace
    from llm_exporter.vocabulary import Vocabulary

STATUS_ERROR: Final = 2
MAX_SHAPE: Final = 64
"""Attributes up to which a span's shape is remembered as it is; a bigger one is first cut to the names that matter."""
MAX_SHAPES: Final = 4096
MAX_RESOURCES: Final = 4096
MAX_TOKEN_COUNTS: Final = 65_536
MAX_MEMO_BYTES: Final = 1024
MAX_ANCESTORS: Final = 4096
LOG_SCOPE: Final = "logs:"
"""What the scopes of spans made from log records begin with."""
NO_TRACE_ID: Final = bytes(TRACE_ID)
NO_SPAN_ID: Final = bytes(SPAN_ID)
PROMPT_ATTRIBUTES: Final = [
    (field.value, source)
    for field in (Field.PROMPT_NAME, Field.PROMPT_VERSION)
    for source in dialects.fallback().fields[field]
    if isinstance(source, str)
]
SESSION_ATTRIBUTES: Final = [
    source for source in dialects.fallback().fields[Field.SESSION] if isinstance(source, str)
]
REGENERATED_ATTRIBUTES: Final = [
    source for source in dialects.fallback().fields[Field.REGENERATED] if isinstance(source, str)
]
MAX_UNCOUNTED: Final = 65_536
"""Spans after which collected calls are counted, whether anyone scrapes or not: what bounds their memory."""


class Limits(NamedTuple):
    """Bounds on what one request and the pipeline's memory may hold."""

    spans_per_request: int = 100_000
    attributes_per_span: int = 512
    bindings: int = 32_768


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


class Pipeline:
    """Turns OTLP requests into counts. One batch at a time: it holds the store's lock while it counts."""

    def __init__(
        self,
        accountant: Accountant,
        vocabulary: Vocabulary,
        limits: Limits | None = None,
        patience: Patience | None = None,
        sampling: Sampling | None = None,
        rules: Rules | None = None,
        listener: Listener | None = None,
        parts: int = ALL,
    ) -> None:
        """Put a pipeline together.

        Args:
            accountant: Counts what was read.
            vocabulary: Which attributes mean anything.
            limits: Bounds on requests and memory.
            patience: How long traces are waited for.
            sampling: How many spans one stands for.
            rules: How results of evaluators are read.
            listener: Who is told what was asked and answered in each call; without one, it is not read.
            parts: What of it the listener wants, of the parts that `content.places` has.
        """
        self.accountant = accountant
        self.store: Store = accountant.store
        self.vocabulary = vocabulary
        self.limits = limits or Limits()
        self.sampling = sampling or Sampling()
        self._sampled = self.sampling.enabled
        kept = Kept(listener, parts) if listener is not None else None
        self.assembly = Assembly(accountant, patience or Patience(), self.ancestor, kept)
        self.scoring = Scoring(self.store, Subjects(self.assembly), rules)
        self._qrels = self.scoring.rules.qrels
        self._ranked: list[tuple[list[Evaluation], Context]] = []
        """Results about retrievals of the batch in progress."""
        self.told = Told(disabled=vocabulary.disabled)
        """What spans about no LLM may tell of guardrails."""
        self._watched: dict[bytes, tuple[bytes, ...]] = {}
        """By encoded Resource, the events that any span under it may have, see `looked_for`; none for most."""
        self._contexts: dict[bytes, Context] = {}
        self._scopes: dict[bytes, Scope] = {}
        self._plans: dict[tuple[str, str, str, tuple[str, ...]], Plan] = {}
        self._ancestors: dict[tuple[Any, ...], Bound] = {}
        self._places = [
            *((label.name, key) for label in INHERITED for key in vocabulary.label_attributes[label.name]),
            *PROMPT_ATTRIBUTES,
        ]
        """What spans above others hand down, and the attributes that say it, best first."""
        self._pick = itemgetter(
            *(key for _, key in self._places), *SESSION_ATTRIBUTES, *REGENERATED_ATTRIBUTES
        )
        self._n_shapes = 0
        self._uncounted = 0
        self._n_bindings = 0
        self._n_alone = 0
        self._tokens = _TokenCounts()
        self._separator = os.urandom(16)
        """Between joined words: no one can write it into a word, so that each join has one way apart."""
        group = self.store.groups[c.EXPORTER_SPANS.name]
        self._outcomes = {name: group.instrument(c.EXPORTER_SPANS, name).index for name in c.OUTCOME.values}
        self._late = group.instrument(c.EXPORTER_LATE_SPANS).index
        self._own = self.store.cell(c.EXPORTER_SPANS, ())
        self._own.want(group.instrument(c.EXPORTER_SPANS, "call"))
        self._batch_duration = group.instrument(c.EXPORTER_BATCH_DURATION)

    def traces(self, request: bytes, *, are_spans: bool = True) -> Verdict:
        """Count the spans of an encoded ExportTraceServiceRequest.

        Args:
            request: The encoded request.
            are_spans: Whether they came as spans; log records read as such have no outcome among them.

        Returns:
            How many spans were rejected because they cannot be decoded or exceed a limit, and why.

        Raises:
            Malformed: `request` is not an ExportTraceServiceRequest.
        """
        try:
            resources = opened(request)
        except DecodeError as error:
            raise Malformed("the body is not a protobuf ExportTraceServiceRequest") from error
        started = time.perf_counter_ns()
        store = self.store
        with store.lock:
            store.now = time.monotonic()
            stamp = int(time.time() * 1000).to_bytes(8)
            outcomes = self._count(resources, stamp)
            values = self._own.values
            for outcome, n in outcomes.items() if are_spans else ():
                values[self._outcomes[outcome]] += n
            if self._uncounted > MAX_UNCOUNTED:
                self.collect()
            self._own.observe(self._batch_duration, time.perf_counter_ns() - started)
        return _verdict(outcomes)

    def _count(self, resources: list[tuple[bytes, list[ScopeItems]]], stamp: bytes) -> dict[str, int]:
        outcomes = dict.fromkeys(("not_llm", "invalid", "over_limit", "structure", "duplicate"), 0)
        room = self.limits.spans_per_request
        skipped: list[tuple[Any, Context]] = []
        judged: list[tuple[list[bytes], Context]] = []
        for resource, scopes in resources:
            context = self.context_of(resource)
            watched = self.watches(resource)
            for encoded, scope, spans in scopes:
                taken = spans if len(spans) <= room else spans[:room]
                outcomes["over_limit"] += len(spans) - len(taken)
                room -= len(taken)
                self._uncounted += len(taken)
                known_scope = self.scope_of(scope)
                marks = known_scope.marks and (*known_scope.marks, *watched)
                if marks and not any(mark in encoded for mark in marks):
                    # One look at the whole scope is cheaper than one at each of its spans.
                    outcomes["not_llm"] += len(taken)
                    skipped.append((taken, context))
                    continue
                passed: list[bytes] = []
                telling: list[bytes] = []
                self._read_scope(taken, known_scope, context, outcomes, passed, telling, watched)
                if passed:
                    outcomes["not_llm"] += len(passed)
                    skipped.append((passed, context))
                if telling:
                    judged.append((telling, context))
        self.assembly.settle(skipped, stamp)
        for spans, context in judged:
            self._take_results(spans, context)
        for results, context in self._ranked:
            self.scoring.take(results, context)
        self._ranked.clear()
        self.scoring.tick()
        return outcomes

    def _take_results(self, spans: Iterable[bytes], context: Context) -> None:
        """Count the results of evaluators that stand in spans."""
        for raw in spans:
            span = parse_span(raw)
            results = of_span(span)
            if results:
                self.assembly.only_tells(span.trace_id)
                self.scoring.take(results, context)

    # One loop, not a function per step: a call for each span would cost more than most steps do.
    def _read_scope(  # noqa: C901
        self,
        spans: Any,
        scope: Scope,
        context: Context,
        outcomes: dict[str, int],
        skipped: list[bytes],
        telling: list[bytes],
        watched: tuple[bytes, ...],
    ) -> None:
        first_mark, *marks = (*scope.marks, *watched) if scope.marks else (b"",)
        guesses, tokens_seen = scope.guesses, self._tokens
        assembly = self.assembly
        traces = assembly.traces
        trace: Any = None
        last_id, last_parent, late, nodes = None, b"", False, {}
        call, structure = Kind.CALL, Kind.STRUCTURE
        sampled, separator, kept = self._sampled, self._separator, assembly.kept
        payload: Any
        for raw in spans:
            if first_mark not in raw:
                for mark in marks:
                    if mark in raw:
                        break
                else:
                    skipped.append(raw)
                    continue
            try:
                span = parse_span(raw)
            except DecodeError:
                outcomes["invalid"] += 1
                continue
            attributes = span.attributes
            shape: Any = guesses.get(len(attributes))
            while shape.__class__ is Fork:
                shape = shape.with_key if shape.key in attributes else shape.without_key
            if shape is None or (values := shape.take(attributes)) is None or len(attributes) != shape.size:
                # A wrong guess: what was looked up in vain is in the map now.
                attributes = parse_span(raw).attributes
                shape = self.shape_of(scope, attributes)
                if shape is None:
                    outcomes["over_limit"] += 1
                    continue
                values = shape.take(attributes)
            if shape.tells or (span.events and RESULT_EVENT in raw):
                telling.append(raw)
            plan = shape.plan
            if plan is None:
                if watched and span.events:
                    self._tell_outside(span, context)
                skipped.append(raw)
                continue
            if plan.named:
                values = with_span(values, span)
            said = values[plan.operation_place] if plan.operation is None else plan.operation(values)
            variant = plan.variants.get(said) or plan.variant(values, span)
            if variant.named:
                values = with_span(values, span)
            variant.tally.spans += 1
            kind = variant.kind
            words = variant.words(values)
            failure = self.failure_of(span) if span.status else None
            start, end = span.start, span.end
            if variant.derived:
                words = variant.words_of(values)
                key = (context, words, failure)
            else:
                key = (context, separator.join(words), failure)
            bound: Any = variant.bindings.get(key) or self._bind(variant, key, words, start)
            trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
            if parent == last_parent:
                parent = last_parent  # one object for all children of a span
            else:
                last_parent = parent
            # Spans of one trace mostly come together.
            if trace_id != last_id or span_id == NO_SPAN_ID:
                trace = traces.get(trace_id)
                if trace is None or span_id == NO_SPAN_ID:
                    if (
                        len(trace_id) != TRACE_ID
                        or len(span_id) != SPAN_ID
                        or trace_id == NO_TRACE_ID
                        or (span_id == NO_SPAN_ID)
                    ):
                        trace_id, parent = self._id_of_its_own(), b""
                    trace = assembly.open(trace_id)
                if not trace.fresh:
                    assembly.touch(trace)
                last_id, late, nodes = trace_id, trace.late, trace.nodes
            if span_id in nodes:
                outcomes["duplicate"] += 1
                if kind is call:
                    self.accountant.repeated(bound, "duplicate")
                continue
            if not parent or span.flags & REMOTE_PARENT:
                trace.saw_root(span_id, span, bool(parent), bound.record.failed)
            if variant.session is not None and (session := variant.session(values)):
                trace.session = session
            if variant.regenerated is not None and truth(text(variant.regenerated(values))):
                trace.regenerated = True
            if late:
                self._own.values[self._late] += 1
            if kind is structure:
                outcomes["structure"] += 1
                payload = None
                if watched or variant.tell:
                    payload = self._with_checks(variant, payload, attributes, span, bound)
                nodes[span_id] = (bound, parent, start, end, payload)
                continue
            quantities = variant.quantities
            if kind is not call and variant.plain and not sampled:
                payload = NO_DETAIL
            elif kind is not call or sampled:
                payload = self._detail(variant, values, attributes, span, bound)
            elif bound.plain and (not quantities.more or (quantities.only_events and not span.events)):
                raw_input, raw_output, raw_read, raw_write, raw_reasoning, raw_first, raw_cost, raw_total = (
                    quantities.pick(values)
                )
                all_input = tokens_seen[raw_input]
                all_output = tokens_seen[raw_output]
                read = tokens_seen[raw_read] if raw_read else 0
                write = tokens_seen[raw_write] if raw_write else 0
                reasoning = tokens_seen[raw_reasoning] if raw_reasoning else 0
                # What contradicts itself, is missing or impossible takes the careful way.
                if (
                    (
                        all_input - read - write
                        | all_output - reasoning
                        | end - start
                        | read
                        | write
                        | reasoning
                    )
                    >= 0
                    and (raw_input or raw_output)
                    and not raw_first
                    and not raw_cost
                    and (not raw_total or tokens_seen[raw_total] == all_input + all_output)
                    and (
                        quantities.audio is None
                        or not any(map(tokens_seen.__getitem__, quantities.audio(values)))
                    )
                    and start
                ):
                    answer = hash(variant.response_id(values)) if variant.response_id is not None else 0
                    payload = (all_input, all_output, read, write, reasoning, answer)
                else:
                    payload = self._detail(variant, values, attributes, span, bound)
            else:
                payload = self._detail(variant, values, attributes, span, bound)
            if watched or variant.tell:
                payload = self._with_checks(variant, payload, attributes, span, bound)
            nodes[span_id] = (bound, parent, start, end, payload)
            if kept is not None:
                kept.read(trace, kind, variant.operation, variant.plan.dialect.name, shape.keys, span)

    def _detail(self, variant: Variant, values: Any, attributes: Any, span: Any, bound: Bound) -> Detail:
        """Read what a span says beyond its words, where it is no plain call."""
        kind = variant.kind
        arguments = brought = None
        if kind is Kind.RETRIEVAL:
            brought = variant.plan.documents.read(attributes, span)
            if self._qrels is not None:
                self._rank(self._qrels, variant, attributes, span, bound)
        elif variant.arguments is not None:
            arguments = variant.arguments(values)
        times = self._times(span, attributes, bound) if self._sampled else 1
        if kind is Kind.CALL:
            answer = hash(variant.response_id(values)) if variant.response_id is not None else 0
            detail = Detail(variant.quantities.read(values, span), response_id=answer, times=times)
            if variant.reranks:
                brought = variant.plan.reranked.read(attributes, span)
                given = variant.plan.candidates.read(attributes, span).documents
                detail = detail._replace(brought=brought, candidates=given)
            return detail
        if arguments is None and brought is None and times == 1:
            return NO_DETAIL
        return Detail(None, brought, None, fingerprint(arguments or b""), times=times)

    def _with_checks(self, variant: Variant, payload: Any, attributes: Any, span: Any, bound: Bound) -> Any:
        """Return the payload of a span with the checks of guardrails that it tells of beside what it stands for."""
        checks = variant.plan.told.read(attributes, span) if variant.kind is not Kind.GUARDRAIL else ()
        if not checks:
            return payload
        if payload is None:
            payload = Detail(times=self._times(span, attributes, bound) if self._sampled else 1)
        elif not isinstance(payload, Detail):
            payload = Detail(Numbers(*payload[:5]), response_id=payload[5])
        return payload._replace(checks=checks)

    def _tell_outside(self, span: Any, context: Context) -> None:
        """Count the checks of guardrails that a span tells of which is about no LLM."""
        checks = self.told.read(span.attributes, span)
        if checks:
            bound = self.ancestor(span, context)
            times = self._times(span, span.attributes, bound) if self._sampled else 1
            self.assembly.add(span, bound, Detail(times=times, checks=checks))

    def _rank(self, qrels: Qrels, variant: Variant, attributes: Any, span: Any, bound: Bound) -> None:
        """Hold what a retrieval brought against what is known to be relevant to its query."""
        query, documents = variant.plan.documents.asked(attributes, span)
        results = [
            result._replace(
                trace_id=span.trace_id,
                span_id=span.span_id,
                # Without the span: a retriever and the database below it tell of one retrieval.
                key=key_of(span.trace_id, result.name, hash_of(query), *documents),
            )
            for result in of_retrieval(query, documents, qrels)
        ]
        if results:
            self._ranked.append((results, bound.context))

    def _times(self, span: Any, attributes: Any, bound: Bound) -> int:
        """Return how many spans this one stands for."""
        times, capped = self.sampling.weight(span.span_id, span.trace_state, attributes)
        if capped:
            self.accountant.oversampled(bound)
        return times

    def _id_of_its_own(self) -> bytes:
        """Return a trace id for a span that has none or a wrong one: of no size that an exemplar would show."""
        self._n_alone += 1
        return b"alone" + self._n_alone.to_bytes(8)

    def ancestor(self, span: Any, context: Context, trace: Trace | None = None) -> Bound:
        """Return what a span that is about no LLM hands down to those below it, and tell the trace what it is about.

        That is its session, and whether a user asked for another answer.
        """
        said = self._pick(span.attributes)
        failed = bool(span.status) and _status(span.status)[0] == STATUS_ERROR
        key = (context, failed, said)
        bound = self._ancestors.get(key)
        if bound is None:
            if len(self._ancestors) >= MAX_ANCESTORS:
                self._ancestors.clear()
            bound = self.accountant.bound(self._ancestor_said(said, failed), context, 0)
            if sum(map(len, said)) <= MAX_MEMO_BYTES:
                self._ancestors[key] = bound
        if trace is not None:
            of_trace = said[len(self._places) :]
            if not trace.session:
                trace.session = next(filter(None, of_trace[: len(SESSION_ATTRIBUTES)]), b"")
            if any(of_trace[len(SESSION_ATTRIBUTES) :]):
                trace.regenerated |= any(truth(text(raw)) for raw in of_trace[len(SESSION_ATTRIBUTES) :])
        return bound

    def _ancestor_said(self, said: tuple[bytes, ...], failed: bool) -> Record:
        found: dict[str, Any] = dict.fromkeys((name for name, _ in self._places), "")
        for (name, _), raw in zip(self._places, said, strict=False):
            found[name] = found[name] or text(raw)
        return Record("", Kind.STRUCTURE, failed=failed)._replace(**found)

    def _bind(self, variant: Variant, key: tuple[Any, ...], words: tuple[Any, ...], start: int) -> Bound:
        if self._n_bindings >= self.limits.bindings:
            self.forget_bindings()
        context, _, failure = key
        bound = self.accountant.bound(variant.record(NOWHERE, failure, words), context, start)
        bound.scope = variant.plan.scope
        bound.is_span = not bound.scope.startswith(LOG_SCOPE)
        if sum(len(word) for word in words) <= MAX_MEMO_BYTES:
            variant.bindings[key] = bound
            self._n_bindings += 1
        return bound

    def forget_bindings(self) -> None:
        """Drop every remembered binding: the cells they point to may be gone, or their prices old."""
        for plan in self._plans.values():
            plan.forget_bindings()
        self._ancestors.clear()
        self.accountant.forget()
        self.assembly.tasks.forget()
        self._n_bindings = 0

    def forget_cells(self) -> None:
        """Drop every reference to a cell, once some are gone; what is held is bound to new ones."""
        self.forget_bindings()
        self.assembly.rebind()

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
                self._watched.clear()
            if len(raw) <= 16 * MAX_MEMO_BYTES:
                self._contexts[raw] = context
                watched = looked_for(raw, self.vocabulary.disabled)
                if watched:
                    self._watched[raw] = watched
        return context

    def watches(self, resource: bytes) -> tuple[bytes, ...]:
        """Return the names of events that any span under an encoded Resource may have, see `looked_for`."""
        return self._watched.get(resource, ())

    def scope_of(self, raw: bytes) -> Scope:
        """Return the scope that an encoded InstrumentationScope names, with its plans."""
        scope = self._scopes.get(raw)
        if scope is None:
            try:
                said = parse_scope(raw)
                name, version = (part[:256].decode("utf-8", "replace") for part in (said.name, said.version))
            except DecodeError:
                name = version = ""
            if len(self._scopes) >= MAX_RESOURCES:
                self._forget_shapes()
            scope = Scope(name, version, self.vocabulary.marks_for(name))
            if len(raw) <= MAX_MEMO_BYTES:
                self._scopes[raw] = scope
        return scope

    def collect(self) -> None:
        """Count what has been collected, and bring the pipeline's own metrics up to date.

        To be done before anyone reads the store. The caller holds its lock.
        """
        self.assembly.tick()
        self.assembly.show()
        self.scoring.tick()
        self.scoring.show()
        self.accountant.settle()
        self._uncounted = 0
        for (dialect, _), tally in self.vocabulary.tallies.items():
            if tally.spans:
                self.store.add(c.EXPORTER_DIALECT_SPANS, (dialect,), by=tally.spans)
                tally.spans = 0
        self.store.set(c.EXPORTER_BINDINGS, self._n_bindings)

    def _forget_shapes(self) -> None:
        self.forget_bindings()
        for scope in self._scopes.values():
            scope.forget()
        self._scopes.clear()
        self._plans.clear()
        self._n_shapes = 0

    def shape_of(self, scope: Scope, attributes: Any) -> Shape | None:
        """Return the shape of a span with these attributes, None when it has more than `limits` allow."""
        keys = frozenset(attributes)
        known = scope.shapes.get(keys)
        if known is not None:
            scope.learn(known)
            return known
        if len(keys) > self.limits.attributes_per_span:
            return None
        shape = Shape(tuple(keys), self._plan_of(scope, keys))
        if len(keys) <= MAX_SHAPE:
            if self._n_shapes >= MAX_SHAPES:
                for other in self._scopes.values():
                    other.forget()
                self._n_shapes = 0
            scope.learn(shape)
            self._n_shapes += 1
        return shape

    def _plan_of(self, scope: Scope, shape: Collection[str]) -> Plan | None:
        keys = self.vocabulary.known(shape)
        dialect = dialects.claim(scope.name, keys, self.vocabulary.disabled)
        if dialect is None:
            return None
        identity = (dialect.name, scope.name, scope.version, keys)
        plan = self._plans.get(identity)
        if plan is None:
            if len(self._plans) >= MAX_SHAPES:
                self._forget_shapes()
            plan = self._plans[identity] = Plan(dialect, scope.name, scope.version, keys, self.vocabulary)
        return plan

    def failure_of(self, span: Any) -> tuple[str, str] | None:
        """Return how a span failed, None when its status is not ERROR."""
        code, message = _status(span.status)
        if code != STATUS_ERROR:
            return None
        return failure_of(span, message, text(span.attributes.get("error.type", b"")))


def _status(raw: bytes) -> tuple[int, bytes]:
    """Return code and message of an encoded Status; the code is 0 where it cannot be read."""
    return _known_status(raw) if len(raw) <= MAX_MEMO_BYTES else _known_status.__wrapped__(raw)


@lru_cache(maxsize=1024)
def _known_status(raw: bytes) -> tuple[int, bytes]:
    try:
        status = parse_status(raw)
    except DecodeError:
        return 0, b""
    return status.code, status.message


def _verdict(outcomes: dict[str, int]) -> Verdict:
    invalid, over = outcomes["invalid"], outcomes["over_limit"]
    said = []
    if invalid:
        said.append(f"{invalid} spans cannot be decoded")
    if over:
        said.append(f"{over} spans are over limits.spans_per_request or limits.attributes_per_span")
    return Verdict(invalid + over, "; ".join(said))
