"""From records to accumulators: which cells a span counts in, worked out once, and the counting itself.

A `Binding` is what the pipeline remembers for one combination of words: the cells, the places in them, the
price. Counting a call then is integer arithmetic on what the binding holds.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from llm_exporter import catalogue as c
from llm_exporter.errors import CLASS_OF
from llm_exporter.pricing import Usage
from llm_exporter.record import IMPLAUSIBLE, Kind, Numbers, Record, disjoint

if TYPE_CHECKING:
    from llm_exporter.pricing import PriceBook, Quote
    from llm_exporter.store import Cell, Instrument, Store

_NO_RATES = (0, 0, 0, 0, 0)


class Binding:
    """Where spans with one combination of words count. For calls `CallBinding` adds the rest."""

    __slots__ = ("cell", "kind", "outcome", "record", "second")

    def __init__(self, record: Record, cell: Cell | None, second: Cell | None = None) -> None:
        self.record = record
        self.kind = record.kind
        self.outcome = record.kind.value
        self.cell = cell
        self.second = second


class CallBinding(Binding):
    """Where calls with one combination of words count, and what they cost.

    `valid_from` and `valid_until` are the unix nanoseconds between which `quote` holds; a call outside them is
    quoted anew.
    """

    __slots__ = (
        "anomalies", "attributed", "error", "finish", "flat", "mismatch", "model", "prompt", "quote", "rare", "rates",
        "requests", "stream", "valid_from", "valid_until", "window",
    )  # fmt: skip

    cell: Cell
    """Cell by who and what."""
    model: Cell
    """Cell by who, provider and model."""
    anomalies: Cell
    prompt: Cell | None
    attributed: Cell | None
    rare: bool
    """Whether any of error, mismatch, prompt and attributed is there."""
    requests: tuple[int, int]
    """Places of the request counter: not streamed, streamed."""
    error: int | None
    finish: int | None
    stream: bool
    mismatch: bool
    quote: Quote


class Accountant:
    """Counts records in a store. Not safe for concurrent use: the caller holds the store's lock."""

    def __init__(self, store: Store, prices: PriceBook, *, prefer_reported: bool = True) -> None:
        self.store = store
        self.prices = prices
        self.prefer_reported = prefer_reported
        by = self._instrument
        self._requests = {
            (failed, stream): by(c.REQUESTS, "error" if failed else "ok", "true" if stream else "false").index
            for failed in (False, True)
            for stream in (False, True)
        }
        self._errors = {kind: by(c.REQUEST_ERRORS, group, kind).index for kind, group in CLASS_OF.items()}
        self._finish = {reason: by(c.FINISH_REASONS, reason).index for reason in c.FINISH_REASON.values}
        self._tokens = tuple(by(c.TOKENS, kind).index for kind in c.TOKEN_TYPE.values)
        self._unpriced = {
            reason: (by(c.UNPRICED_REQUESTS, reason).index, by(c.UNPRICED_TOKENS, reason).index)
            for reason in c.UNPRICED_REASON.values
        }
        self._anomaly = {kind: by(c.USAGE_ANOMALIES, kind).index for kind in c.ANOMALY.values}
        self._cost = {source: by(c.COST, source) for source in c.COST_SOURCE.values}
        self._duration = by(c.REQUEST_DURATION)
        self._first_token = by(c.TIME_TO_FIRST_TOKEN)
        self._per_token = by(c.TIME_PER_OUTPUT_TOKEN)
        self._request_cost = by(c.REQUEST_COST)
        self._input_tokens = by(c.REQUEST_INPUT_TOKENS)
        self._output_tokens = by(c.REQUEST_OUTPUT_TOKENS)
        self._utilization = by(c.CONTEXT_WINDOW_UTILIZATION)
        self._savings = by(c.CACHE_SAVINGS)
        self._attributed = tuple(
            by(metric).index for metric in (c.ATTRIBUTED_REQUESTS, c.ATTRIBUTED_TOKENS, c.ATTRIBUTED_COST)
        )
        self._prompt_requests = by(c.PROMPT_REQUESTS).index
        self._prompt_cost = by(c.PROMPT_COST).index
        self._prompt_duration = by(c.PROMPT_REQUEST_DURATION)
        self._tool_duration = by(c.TOOL_DURATION)
        self._agent_duration = by(c.AGENT_RUN_DURATION)
        self._retrieval_duration = by(c.RETRIEVAL_DURATION)
        self._retrieval_documents = by(c.RETRIEVAL_DOCUMENTS)
        self._retrieval_score = by(c.RETRIEVAL_SCORE)

        self._computed = self._cost["computed"].index
        self._at_duration, self._at_cost, self._at_input, self._at_output = (
            (i.offset, i.bounds, i.index)
            for i in (self._duration, self._request_cost, self._input_tokens, self._output_tokens)
        )

    def _instrument(self, metric: c.Metric, *closed: str) -> Instrument:
        return self.store.groups[metric.name].instrument(metric, *closed)

    def bind(self, record: Record, start_ns: int) -> Binding:
        """Return the cells and the price for spans with these words; `start_ns` is when the first of them began."""
        who = (record.service_name, record.environment, record.team, record.feature)
        cell = self.store.cell
        match record.kind:
            case Kind.CALL:
                return self._bind_call(record, who, start_ns)
            case Kind.TOOL:
                return Binding(
                    record, cell(c.TOOL_CALLS, (*who, record.tool, record.agent)), cell(c.TOOL_DURATION, (*who, record.tool))
                )
            case Kind.AGENT:
                return Binding(record, cell(c.AGENT_RUNS, (*who, record.agent)))
            case Kind.RETRIEVAL:
                return Binding(record, cell(c.RETRIEVALS, (*who, record.retriever)))
            case Kind.GUARDRAIL:
                return Binding(record, cell(c.GUARDRAIL_CHECKS, (*who, record.guardrail)))
            case _:
                return Binding(record, None)

    def price(self, record: Record, start_ns: int) -> Quote:
        """Return the price of a call by the model that answered, or else by the one that was asked for."""
        service = record.service_name

        def quote(model: str) -> Quote:
            return self.prices.quote(
                record.provider, model, start_ns, service_tier=record.service_tier, service_name=service
            )

        answered = quote(record.response_model or record.request_model)
        if answered.rates is None and record.request_model and record.response_model:
            asked = quote(record.request_model)
            if asked.rates is not None:
                return asked
        return answered

    def _bind_call(self, record: Record, who: tuple[str, ...], start_ns: int) -> CallBinding:
        quote = self.price(record, start_ns)
        cell = self.store.cell
        by_call = cell(c.REQUESTS, (*who, record.provider, quote.model, record.operation))
        bound = CallBinding(record, by_call)
        bound.model = cell(c.REQUEST_INPUT_TOKENS, (*who, record.provider, quote.model))
        bound.anomalies = cell(c.USAGE_ANOMALIES, who)
        named = record.prompt_name or record.prompt_version
        bound.prompt = (
            cell(c.PROMPT_REQUESTS, (*who, record.prompt_name, record.prompt_version, quote.model)) if named else None
        )
        attributed = record.user_tier or record.customer
        bound.attributed = (
            cell(c.ATTRIBUTED_REQUESTS, (*who, record.user_tier, record.customer)) if attributed else None
        )
        bound.requests = (self._requests[record.failed, False], self._requests[record.failed, True])
        bound.stream = record.stream
        finish = record.finish_reason
        bound.finish = self._finish[finish] if finish else None
        semantic = finish if CLASS_OF.get(finish) == "semantic" else ""
        error = record.error_type if record.failed else semantic
        bound.error = self._errors[error] if error else None
        bound.mismatch = self._mismatch(record, start_ns)
        bound.rare = bool(bound.error is not None or bound.mismatch or bound.prompt or bound.attributed)
        self._set_quote(bound, quote)
        return bound

    def _set_quote(self, bound: CallBinding, quote: Quote) -> None:
        bound.quote = quote
        bound.valid_from, bound.valid_until = quote.valid_from_ns, quote.valid_until_ns
        bound.rates = quote.rates
        bound.flat = quote.rates.flat if quote.rates is not None else None
        bound.window = quote.context_window or 0
        if quote.rates is not None:
            bound.cell.want(self._cost["computed"])

    def _mismatch(self, record: Record, start_ns: int) -> bool:
        """Return whether another model answered than was asked for; a dated name of the same model is the same."""
        asked, answered = record.request_model, record.response_model
        if not asked or not answered:
            return False
        asked, answered = (
            self.prices.quote(record.provider, model, start_ns).model.lower() for model in (asked, answered)
        )
        return not (asked.startswith(answered) or answered.startswith(asked))

    def numbers(self, bound: CallBinding, numbers: Numbers, start: int, end: int, mark: bytes) -> None:
        """Count a call from its numbers as written, repairing what contradicts itself."""
        values, counted = bound.anomalies.values, self._anomaly
        usage_said = numbers.input is not None or numbers.output is not None or numbers.uncached is not None
        if IMPLAUSIBLE in numbers:
            if any(value == IMPLAUSIBLE for place, value in enumerate(numbers) if place not in (5, 6)):
                values[counted["implausible_usage"]] += 1
                usage_said = False
            if numbers.cost_pico == IMPLAUSIBLE:
                values[counted["implausible_cost"]] += 1
                numbers = numbers._replace(cost_pico=None)
            if numbers.first_token_ns == IMPLAUSIBLE:
                values[counted["ttft_exceeds_duration"]] += 1
                numbers = numbers._replace(first_token_ns=None)
            bound.anomalies.touched = self.store.now
        if not usage_said:
            self.call(bound, None, numbers.first_token_ns or 0, numbers.cost_pico, start, end, mark)
            return
        usage, anomalies = disjoint(numbers, bound.record.input_excludes_cache)
        for anomaly in anomalies:
            values[counted[anomaly]] += 1
            bound.anomalies.touched = self.store.now
        self.call(bound, usage, numbers.first_token_ns or 0, numbers.cost_pico, start, end, mark)

    def call(
        self,
        bound: CallBinding,
        usage: tuple[int, int, int, int, int, int] | None,
        first_token: int,
        reported_cost: int | None,
        start: int,
        end: int,
        mark: bytes,
    ) -> None:
        """Count a call.

        Args:
            bound: Where.
            usage: Tokens as in `Usage`; None when the span does not say.
            first_token: Nanoseconds to the first chunk, 0 when the span does not say.
            reported_cost: Picodollars that the span says; None when it does not.
            start: Start of the span, unix nanoseconds.
            end: End of the span.
            mark: The exemplar's trace id, span id and unix milliseconds, 32 bytes.
        """
        cell, now = bound.cell, self.store.now
        values, counts, marks, marked = cell.values, cell.counts, cell.exemplars, cell.exemplar_values
        cell.touched = now
        # The observations of an ordinary call are written out: five calls of Cell.observe cost as much as all the rest.
        duration = end - start
        if 0 <= duration and start:
            offset, bounds, place = self._at_duration
            i = offset + bisect_left(bounds, duration)
            counts[i] += 1
            values[place] += duration
            if marks is not None:
                marks[i] = mark
                marked[i] = duration
        else:
            self._anomalous(bound, "negative_duration")
            duration = -1
        if bound.stream or first_token:
            values[bound.requests[1]] += 1
            if first_token:
                first_token = self._first_chunk(bound, first_token, duration, mark)
        else:
            values[bound.requests[0]] += 1
        if bound.finish is not None:
            values[bound.finish] += 1
        if bound.rare:
            self._rare(bound, duration, mark)
        if usage is None:
            self._charge(bound, None, reported_cost, start, mark)
            return
        plain, read, write, output, reasoning, hour = usage
        token_input, token_read, token_write, token_output, token_reasoning = self._tokens
        values[token_input] += plain
        values[token_output] += output
        all_input, all_output = plain, output
        if read or write or reasoning:
            values[token_read] += read
            values[token_write] += write
            values[token_reasoning] += reasoning
            all_input += read + write
            all_output += reasoning
        if first_token and duration > 0 and all_output > 1:
            cell.observe(self._per_token, (duration - first_token) // (all_output - 1), mark)
        if bound.attributed is not None:
            bound.attributed.values[self._attributed[1]] += all_input + all_output

        rates = bound.flat
        if rates is None or hour or reported_cost is not None or not bound.valid_from <= start < bound.valid_until:
            self._charge(bound, usage, reported_cost, start, mark)
        else:
            cost = plain * rates[0] + output * rates[3]
            if read or write or reasoning:
                cost += read * rates[1] + write * rates[2] + reasoning * rates[4]
                if read and rates[1] < rates[0]:
                    bound.model.values[self._savings.index] += (rates[0] - rates[1]) * read
            values[self._computed] += cost
            offset, bounds, place = self._at_cost
            i = offset + bisect_left(bounds, cost)
            counts[i] += 1
            values[place] += cost
            if marks is not None:
                marks[i] = mark
                marked[i] = cost
            if bound.rare:
                self._spread_cost(bound, cost)

        cell = bound.model
        cell.touched = now
        values, counts, marks, marked = cell.values, cell.counts, cell.exemplars, cell.exemplar_values
        offset, bounds, place = self._at_input
        i = offset + bisect_left(bounds, all_input)
        counts[i] += 1
        values[place] += all_input
        offset, bounds, place = self._at_output
        j = offset + bisect_left(bounds, all_output)
        counts[j] += 1
        values[place] += all_output
        if marks is not None:
            marks[i] = marks[j] = mark
            marked[i] = all_input
            marked[j] = all_output
        if bound.window:
            cell.observe(self._utilization, (all_input + all_output) * 10**9 // bound.window, mark)

    def _first_chunk(self, bound: CallBinding, first_token: int, duration: int, mark: bytes) -> int:
        """Count a time to first token and return it, 0 when it cannot be true."""
        if 0 <= duration < first_token:
            self._anomalous(bound, "ttft_exceeds_duration")
            return 0
        bound.cell.observe(self._first_token, first_token, mark)
        return first_token

    def _rare(self, bound: CallBinding, duration: int, mark: bytes) -> None:
        """Count what most calls have not: an error, another model than asked for, a prompt's name, a customer."""
        if bound.error is not None:
            bound.cell.values[bound.error] += 1
        if bound.mismatch:
            self._anomalous(bound, "model_mismatch")
        if bound.prompt is not None:
            bound.prompt.touched = self.store.now
            bound.prompt.values[self._prompt_requests] += 1
            if duration >= 0:
                bound.prompt.observe(self._prompt_duration, duration, mark)
        if bound.attributed is not None:
            bound.attributed.touched = self.store.now
            bound.attributed.values[self._attributed[0]] += 1

    def _charge(
        self,
        bound: CallBinding,
        usage: tuple[int, int, int, int, int, int] | None,
        reported_cost: int | None,
        start: int,
        mark: bytes,
    ) -> None:
        """Count what a call cost when that is not just tokens times rates."""
        if not bound.valid_from <= start < bound.valid_until:
            self._set_quote(bound, self.price(bound.record, start))
        if reported_cost is not None and self.prefer_reported:
            cost, source = reported_cost, "reported"
        elif usage is None:
            # A call that failed before the model answered has no usage to miss.
            if not bound.record.failed:
                self._anomalous(bound, "missing_usage")
                self._unpriced_call(bound, "no_usage", 0)
            return
        elif bound.rates is not None:
            cost, source = bound.rates.cost(Usage(*usage)), "computed"
        else:
            self._unpriced_call(bound, bound.quote.unpriced_reason, sum(usage[:5]))
            return
        bound.cell.values[self._cost[source].index] += cost
        bound.cell.observe(self._request_cost, cost, mark)
        self._spread_cost(bound, cost)
        if usage is not None and usage[1] and bound.rates is not None:
            plain, read, write, output, reasoning, _ = usage
            saved = bound.rates.cache_savings(Usage(plain + write, read, 0, output, reasoning))
            bound.model.values[self._savings.index] += max(saved, 0)

    def _spread_cost(self, bound: CallBinding, cost: int) -> None:
        if bound.prompt is not None:
            bound.prompt.values[self._prompt_cost] += cost
        if bound.attributed is not None:
            bound.attributed.values[self._attributed[2]] += cost

    def _unpriced_call(self, bound: CallBinding, reason: str, tokens: int) -> None:
        requests, counted_tokens = self._unpriced[reason]
        bound.cell.values[requests] += 1
        bound.cell.values[counted_tokens] += tokens

    def _anomalous(self, bound: CallBinding, kind: str) -> None:
        bound.anomalies.touched = self.store.now
        bound.anomalies.values[self._anomaly[kind]] += 1

    def other(
        self, bound: Binding, documents: int | None, scores: list[int], start: int, end: int, mark: bytes
    ) -> None:
        """Count a span that is not a call.

        Args:
            bound: Where.
            documents: How many documents a retrieval brought, None when the span does not say.
            scores: Their scores in billionths.
            start: Start of the span, unix nanoseconds.
            end: End of the span.
            mark: As for `call`.
        """
        record, cell = bound.record, bound.cell
        if cell is None:
            return
        cell.touched = self.store.now
        duration = max(end - start, 0)
        status = "error" if record.failed else "ok"
        match record.kind:
            case Kind.TOOL:
                cell.values[self._instrument(c.TOOL_CALLS, status).index] += 1
                if record.failed:
                    cell.values[self._instrument(c.TOOL_ERRORS, record.error_type).index] += 1
                if bound.second is not None:
                    bound.second.touched = self.store.now
                    _observe_duration(bound.second, self._tool_duration, start, end, mark)
            case Kind.AGENT:
                cell.values[self._instrument(c.AGENT_RUNS, status).index] += 1
                _observe_duration(cell, self._agent_duration, start, end, mark)
            case Kind.RETRIEVAL:
                result = "error" if record.failed else "empty" if documents == 0 else "ok"
                cell.values[self._instrument(c.RETRIEVALS, result).index] += 1
                _observe_duration(cell, self._retrieval_duration, start, end, mark)
                if documents is not None:
                    cell.observe(self._retrieval_documents, documents, mark)
                for score in scores:
                    cell.observe(self._retrieval_score, score, mark)
            case Kind.GUARDRAIL:
                direction = record.direction if record.direction in c.DIRECTION.values else ""
                cell.values[self._instrument(c.GUARDRAIL_CHECKS, direction, record.action).index] += 1
                histogram = self._instrument(c.GUARDRAIL_DURATION, direction, record.action)
                _observe_duration(cell, histogram, start, end, mark)


def _observe_duration(cell: Cell, histogram: Instrument, start: int, end: int, mark: bytes) -> None:
    """Count how long a span took; times that cannot be give no observation."""
    if 0 < start <= end:
        cell.observe(histogram, end - start, mark)
