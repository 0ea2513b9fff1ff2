"""From records to accumulators: which cells a span counts in, worked out once, and the counting itself.

The cells, the places in them and the price of spans with the same words are a `binding`; counting a call then
is integer arithmetic on what the binding holds.
"""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING, Final

from llm_exporter import catalogue as c
from llm_exporter.binding import Binding, Bound, CallBinding, CallSeries
from llm_exporter.errors import CLASS_OF
from llm_exporter.inheritance import Inheritance, filled
from llm_exporter.pricing import Rates, Usage
from llm_exporter.record import IMPLAUSIBLE, MAX_TOKENS, Kind, Numbers, Record, disjoint
from llm_exporter.store import SPARE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_exporter.checks import Checked
    from llm_exporter.documents import Brought
    from llm_exporter.inheritance import Inherited
    from llm_exporter.pricing import PriceBook, Quote
    from llm_exporter.record import Context
    from llm_exporter.store import Cell, Instrument, Store


RATIO_SCALE: Final = c.Unit.RATIO.scale
MAX_HEIRS: Final = 256


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
        self._response_cache = {
            result: by(c.RESPONSE_CACHE, result).index for result in c.CACHE_RESULT.values
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
        self._prompt_errors = by(c.PROMPT_REQUEST_ERRORS)
        self._prompt_request_cost = by(c.PROMPT_REQUEST_COST)
        self._retrieval_documents = by(c.RETRIEVAL_DOCUMENTS)
        self._retrieval_score = by(c.RETRIEVAL_SCORE)
        self._retrieval_distance = by(c.RETRIEVAL_DISTANCE)
        self._rerank_documents = {way: by(c.RERANK_DOCUMENTS, way) for way in c.RERANK_SIDE.values}
        self._rerank_score = by(c.RERANK_SCORE)

        self._computed = self._cost["computed"].index
        self._series: dict[tuple[Cell, Cell, int, str], CallSeries] = {}
        self._with_rows: list[CallSeries] = []
        self._calls_with_rows: list[CallBinding] = []
        self._others_with_rows: list[Binding] = []
        self.inheritance = Inheritance()

    def _instrument(self, metric: c.Metric, *closed: str) -> Instrument:
        return self.store.groups[metric.name].instrument(metric, *closed)

    def forget(self) -> None:
        """Count what is collected, and drop every reference to a cell."""
        self.settle()
        self._series.clear()

    def bound(self, said: Record, context: Context, start_ns: int) -> Bound:
        """Return where spans with these words count under a resource, and what they hand down.

        Args:
            said: What the spans alone say.
            context: Their resource.
            start_ns: When the first of them began, which decides its price.
        """
        bound = self.bind(said.within(context), start_ns)
        bound.said, bound.context = said, context
        bound.gives = self.inheritance.of(said)
        return bound

    def heir(
        self,
        bound: Bound,
        inherited: Inherited | None,
        beyond: Context | None,
        caller: Record | None,
        start_ns: int,
    ) -> Bound:
        """Return where the same spans count when they take over what stands above them, as `filled` has it."""
        key = (inherited, beyond, caller)
        heirs = bound.heirs
        if heirs is None or len(heirs) >= MAX_HEIRS:
            heirs = bound.heirs = {}
        found = heirs.get(key)
        if found is None:
            record = filled(bound.said, bound.context, inherited, beyond, caller)
            found = bound if record == bound.record else self.bind(record, start_ns)
            if found is not bound:
                found.said, found.context = bound.said, bound.context
                found.is_span, found.scope = bound.is_span, bound.scope
                found.gives = self.inheritance.under(bound.gives, inherited)
            heirs[key] = found
        return found

    def bind(self, record: Record, start_ns: int) -> Bound:
        """Return the cells and the price for spans with these words.

        `start_ns` is when the first of them began.
        """
        who = (record.service_name, record.environment, record.team, record.feature)
        status = "error" if record.failed else "ok"
        cell, by = self.store.cell, self._instrument
        match record.kind:
            case Kind.CALL:
                return self._bind_call(record, who, start_ns)
            case Kind.TOOL:
                counted = cell(c.TOOL_CALLS, (*who, record.tool, record.agent))
                timed = cell(c.TOOL_DURATION, (*who, record.tool))
                error = by(c.TOOL_ERRORS, record.error_type).index if record.failed else SPARE
                return Binding(
                    record, counted, by(c.TOOL_CALLS, status).index, error, timed, by(c.TOOL_DURATION)
                )
            case Kind.AGENT:
                counted = cell(c.AGENT_RUNS, (*who, record.agent))
                duration = by(c.AGENT_RUN_DURATION)
                return Binding(record, counted, by(c.AGENT_RUNS, status).index, SPARE, counted, duration)
            case Kind.RETRIEVAL:
                counted = cell(c.RETRIEVALS, (*who, record.retriever))
                return Binding(record, counted, SPARE, SPARE, counted, by(c.RETRIEVAL_DURATION))
            case Kind.GUARDRAIL:
                counted = cell(c.GUARDRAIL_CHECKS, (*who, record.guardrail))
                direction = record.direction if record.direction in c.DIRECTION.values else ""
                checks = by(c.GUARDRAIL_CHECKS, direction, record.action)
                duration = by(c.GUARDRAIL_DURATION, direction, record.action)
                return Binding(record, counted, checks.index, SPARE, counted, duration)
            case _:
                return Bound(record)

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
        bound = CallBinding(
            record,
            cell(c.REQUESTS, (*who, record.provider, quote.model, record.operation)),
            cell(c.REQUEST_INPUT_TOKENS, (*who, record.provider, quote.model)),
            cell(c.USAGE_ANOMALIES, who),
        )
        if record.prompt_name or record.prompt_version:
            named = (*who, record.prompt_name, record.prompt_version, quote.model)
            bound.prompt = cell(c.PROMPT_REQUESTS, named)
            # A version without errors has an error ratio of 0, not none.
            bound.prompt.want(self._prompt_errors)
        if record.user_tier or record.customer:
            bound.attributed = cell(c.ATTRIBUTED_REQUESTS, (*who, record.user_tier, record.customer))
        bound.requests = (self._requests[record.failed, False], self._requests[record.failed, True])
        bound.request = bound.requests[bound.stream]
        finish = record.finish_reason
        if finish:
            bound.finish = self._finish[finish]
        error = record.error_type if record.failed else finish if CLASS_OF.get(finish) == "semantic" else ""
        if error:
            bound.error = self._errors[error]
        bound.mismatch = self._mismatch(record, start_ns)
        self._set_quote(bound, quote)
        return bound

    def _set_quote(self, bound: CallBinding, quote: Quote) -> None:
        bound.quote = quote
        bound.valid_from, bound.valid_until = quote.valid_from_ns, quote.valid_until_ns
        bound.rates = quote.rates
        bound.flat, bound.flat_until = None, MAX_TOKENS
        if quote.rates is not None:
            first, *dearer = quote.rates.brackets
            if dearer:
                bound.flat, bound.flat_until = Rates((first,), quote.rates.request).flat, dearer[0].above
            else:
                bound.flat = quote.rates.flat
        bound.window = quote.context_window or 0
        if quote.rates is not None:
            bound.cell.want(self._cost["computed"])
        bound.plain = not (
            bound.mismatch
            or bound.prompt
            or bound.attributed
            or bound.record.response_cache
            or bound.record.input_excludes_cache
            or bound.record.operation == "rerank"
        )
        bound.series = self._series_of(bound)
        bound.saving = max(bound.flat[0] - bound.flat[1], 0) if bound.flat is not None else 0

    def _series_of(self, bound: CallBinding) -> CallSeries:
        reason = bound.quote.unpriced_reason
        key = (bound.cell, bound.model, bound.window, reason)
        series = self._series.get(key)
        if series is None:
            unpriced = self._unpriced[reason] if reason else None
            series = self._series[key] = CallSeries(bound.cell, bound.model, bound.window, unpriced)
        return series

    def _mismatch(self, record: Record, start_ns: int) -> bool:
        """Return whether another model answered than was asked for; a dated name of the same model is the same."""
        asked, answered = record.request_model, record.response_model
        if not asked or not answered:
            return False
        asked, answered = (
            self.prices.quote(record.provider, model, start_ns).model.lower() for model in (asked, answered)
        )
        return not (asked.startswith(answered) or answered.startswith(asked))

    def numbers(
        self, bound: CallBinding, numbers: Numbers, start: int, end: int, mark: bytes, times: int = 1
    ) -> tuple[int, int]:
        """Count a call from its numbers as written, repairing what contradicts itself.

        Returns:
            Its tokens in all, and its cost in picodollars, 0 where that is not known.
        """
        usage_said = numbers.says_usage
        if IMPLAUSIBLE in numbers:
            if IMPLAUSIBLE in numbers._replace(first_token_ns=None, cost_pico=None):
                self._anomalous(bound, "implausible_usage", times)
                usage_said = False
            if numbers.cost_pico == IMPLAUSIBLE:
                self._anomalous(bound, "implausible_cost", times)
                numbers = numbers._replace(cost_pico=None)
            if numbers.first_token_ns == IMPLAUSIBLE:
                self._anomalous(bound, "ttft_exceeds_duration", times)
                numbers = numbers._replace(first_token_ns=None)
        # Some rerankers charge by the search and count no tokens.
        usage = Usage(0, 0, 0, 0, 0) if bound.record.operation == "rerank" else None
        if usage_said:
            usage, anomalies = disjoint(numbers, bound.record.input_excludes_cache)
            for anomaly in anomalies:
                self._anomalous(bound, anomaly, times)
        first_token = numbers.first_token_ns or 0
        cached = bound.record.response_cache
        if cached:
            # The anomalies' cell is by who alone, as the counter is.
            bound.anomalies.touched = self.store.now
            bound.anomalies.values[self._response_cache[cached]] += times
        if cached == "hit":
            # What a cache repeats was spent when it was filled.
            return self.call(bound, None, first_token, None, start, end, mark, times, told=True)
        return self.call(bound, usage, first_token, numbers.cost_pico, start, end, mark, times)

    def call(
        self,
        bound: CallBinding,
        usage: Usage | None,
        first_token: int,
        reported_cost: int | None,
        start: int,
        end: int,
        mark: bytes,
        times: int = 1,
        *,
        told: bool = False,
    ) -> tuple[int, int]:
        """Count a call.

        Args:
            bound: Where.
            usage: Its tokens; None when the span does not say.
            first_token: Nanoseconds to the first chunk, 0 when the span does not say.
            reported_cost: Picodollars that the span says; None when it does not.
            start: Start of the span, unix nanoseconds.
            end: End of the span.
            mark: The exemplar's trace id, span id and unix milliseconds, 32 bytes.
            times: How many calls it stands for, more than one where the others were sampled away.
            told: Whether another span was counted with the usage and the cost of this call.

        Returns:
            Its tokens in all, and its cost in picodollars, 0 where that is not known.
        """
        cell, now = bound.cell, self.store.now
        values = cell.values
        cell.touched = now
        duration = end - start
        if duration >= 0 and start:
            cell.observe(self._duration, duration, mark, times)
        else:
            self._anomalous(bound, "negative_duration", times)
            duration = -1
        values[bound.requests[bound.stream or first_token > 0]] += times
        values[bound.finish] += times
        if first_token:
            first_token = self._first_chunk(bound, first_token, duration, mark, times)
        values[bound.error] += times
        if not bound.plain:
            self._count_rare(bound, duration, mark, times)
        total = 0
        if usage is not None:
            plain, read, write, output, reasoning, *_ = usage
            for place, count in zip(self._tokens, usage, strict=False):
                values[place] += count * times
            all_input, all_output = plain + read + write, output + reasoning
            total = all_input + all_output
            model = bound.model
            model.touched = now
            model.observe(self._input_tokens, all_input, mark, times)
            model.observe(self._output_tokens, all_output, mark, times)
            if bound.window:
                model.observe(self._utilization, total * RATIO_SCALE // bound.window, mark, times)
            if first_token and duration > 0 and all_output > 1:
                cell.observe(self._per_token, (duration - first_token) // (all_output - 1), mark, times)
            if bound.attributed is not None:
                bound.attributed.values[self._attributed[1]] += total * times
        cost = 0 if told else self._charge(bound, usage, reported_cost, start, mark, times)
        return total, cost

    def row(
        self, bound: CallBinding, said: tuple[int, ...], start: int, end: int, *ids: bytes
    ) -> tuple[int, int]:
        """Collect a call that contradicts itself in nothing and whose binding is `plain`.

        Args:
            bound: Where; its quote must hold at `start`.
            said: Tokens: all input, all output, cache read, cache write, reasoning; and what is not looked at.
            start: Start of the span, unix nanoseconds.
            end: End of the span, not before its start.
            ids: The parts of the exemplar that `call` takes whole.

        Returns:
            As `call`.
        """
        all_input, all_output, read, write, reasoning, _ = said
        plain = all_input - read - write
        series, rates = bound.series, bound.flat
        if all_input > bound.flat_until:
            rates = None
        if rates is None:
            cost = self.cost(bound, plain, read, write, all_output - reasoning, reasoning)
        else:
            cost = plain * rates[0] + all_output * rates[3]
        if read or write or reasoning:
            series.read += read
            series.write += write
            series.reasoning += reasoning
            if rates is not None:
                cost += read * rates[1] + write * rates[2] + reasoning * (rates[4] - rates[3])
                series.saved += read * bound.saving
        duration = end - start
        if not bound.rows:
            self._calls_with_rows.append(bound)
        bound.rows += 1
        rows = series.rows
        if not rows:
            self._with_rows.append(series)
        if duration > series.slowest or cost > series.dearest:
            series.mark(duration, cost, b"".join(ids))
        rows += (duration, all_input, all_output, cost)
        return all_input + all_output, cost

    def settle(self) -> None:
        """Count the rows that the pipeline has collected. To be done before anyone reads the cells."""
        for bound in self._calls_with_rows:
            values, n = bound.cell.values, bound.rows
            values[bound.request] += n
            values[bound.finish] += n
            values[bound.error] += n
            bound.rows = 0
        self._calls_with_rows.clear()
        for series in self._with_rows:
            self._settle(series)
        self._with_rows.clear()
        for other in self._others_with_rows:
            self._settle_other(other)
        self._others_with_rows.clear()

    def _settle(self, series: CallSeries) -> None:
        cell, model, rows = series.cell, series.model, series.rows
        cell.touched = model.touched = self.store.now
        durations, inputs, outputs, costs = (rows[column::4] for column in range(4))
        all_input, all_output = sum(inputs), sum(outputs)
        values = cell.values
        tokens = (
            all_input - series.read - series.write,
            series.read,
            series.write,
            all_output - series.reasoning,
            series.reasoning,
        )
        for place, count in zip(self._tokens, tokens, strict=True):
            values[place] += count
        model.values[self._savings.index] += series.saved
        columns = [
            (cell, self._duration, durations, 0),
            (model, self._input_tokens, inputs, 1),
            (model, self._output_tokens, outputs, 2),
        ]
        if series.unpriced is not None:
            values[series.unpriced[0]] += len(durations)
            values[series.unpriced[1]] += all_input + all_output
        else:
            values[self._computed] += sum(costs)
            columns.append((cell, self._request_cost, costs, 3))
        for where, histogram, column, place in columns:
            where.observe_all(histogram, column)
            for row, exemplar in series.marked:
                where.exemplify(histogram, rows[row + place], exemplar)
        if series.window:
            window = series.window
            model.observe_all(
                self._utilization, [n * RATIO_SCALE // window for n in map(add, inputs, outputs)]
            )
            for row, exemplar in series.marked:
                model.exemplify(
                    self._utilization, (rows[row + 1] + rows[row + 2]) * RATIO_SCALE // window, exemplar
                )
        rows.clear()
        series.marked.clear()
        series.read = series.write = series.reasoning = series.saved = 0
        series.slowest = series.dearest = -1

    def _first_chunk(
        self, bound: CallBinding, first_token: int, duration: int, mark: bytes, times: int
    ) -> int:
        """Count a time to first token and return it, 0 when it cannot be true."""
        if 0 <= duration < first_token:
            self._anomalous(bound, "ttft_exceeds_duration", times)
            return 0
        bound.cell.observe(self._first_token, first_token, mark, times)
        return first_token

    def _count_rare(self, bound: CallBinding, duration: int, mark: bytes, times: int) -> None:
        """Count what most calls have not: another model than asked for, a prompt's name, a customer."""
        if bound.mismatch:
            self._anomalous(bound, "model_mismatch", times)
        if bound.prompt is not None:
            bound.prompt.touched = self.store.now
            bound.prompt.values[self._prompt_requests] += times
            if bound.record.failed:
                bound.prompt.values[self._prompt_errors.index] += times
            if duration >= 0:
                bound.prompt.observe(self._prompt_duration, duration, mark, times)
        if bound.attributed is not None:
            bound.attributed.touched = self.store.now
            bound.attributed.values[self._attributed[0]] += times

    def _charge(
        self,
        bound: CallBinding,
        usage: Usage | None,
        reported_cost: int | None,
        start: int,
        mark: bytes,
        times: int,
    ) -> int:
        """Count what a call cost when that is not just tokens times rates, and return it."""
        if not bound.valid_from <= start < bound.valid_until:
            self._set_quote(bound, self.price(bound.record, start))
        if reported_cost is not None and self.prefer_reported:
            cost, source = reported_cost, "reported"
        elif usage is None:
            # A call that failed before the model answered has no usage to miss.
            if not bound.record.failed:
                self._anomalous(bound, "missing_usage", times)
                self._unpriced_call(bound, "no_usage", 0, times)
            return 0
        elif bound.rates is not None:
            cost, source = bound.rates.cost(usage), "computed"
        else:
            self._unpriced_call(bound, bound.quote.unpriced_reason, sum(usage[:5]), times)
            return 0
        bound.cell.values[self._cost[source].index] += cost * times
        bound.cell.observe(self._request_cost, cost, mark, times)
        self._spread_cost(bound, cost, mark, times)
        if usage is not None and usage[1] and bound.rates is not None:
            bound.model.values[self._savings.index] += _saved(bound.rates, *usage[:5]) * times
        return cost

    def cost(self, bound: CallBinding, plain: int, read: int, write: int, output: int, reasoning: int) -> int:
        """Return what a call that will be a row of its series costs when its rates are not flat, 0 when unpriced."""
        if bound.rates is None:
            return 0
        if read:
            bound.series.saved += _saved(bound.rates, plain, read, write, output, reasoning)
        return bound.rates.cost(Usage(plain, read, write, output, reasoning))

    def _spread_cost(self, bound: CallBinding, cost: int, mark: bytes, times: int) -> None:
        if bound.prompt is not None:
            bound.prompt.values[self._prompt_cost] += cost * times
            bound.prompt.observe(self._prompt_request_cost, cost, mark, times)
        if bound.attributed is not None:
            bound.attributed.values[self._attributed[2]] += cost * times

    def _unpriced_call(self, bound: CallBinding, reason: str, tokens: int, times: int) -> None:
        requests, counted_tokens = self._unpriced[reason]
        bound.cell.values[requests] += times
        bound.cell.values[counted_tokens] += tokens * times

    def _anomalous(self, bound: CallBinding, kind: str, times: int) -> None:
        bound.anomalies.touched = self.store.now
        bound.anomalies.values[self._anomaly[kind]] += times

    def repeated(self, bound: CallBinding, kind: str) -> None:
        """Count that a span says again what another one was counted for: `duplicate` or `repeated_usage`."""
        self._anomalous(bound, kind, 1)

    def oversampled(self, bound: Bound) -> None:
        """Count that a span claimed to stand for more than it may."""
        record = bound.record
        who = (record.service_name, record.environment, record.team, record.feature)
        self.store.cell(c.USAGE_ANOMALIES, who).values[self._anomaly["weight_capped"]] += 1

    def other(self, bound: Binding, start: int, end: int, mark: bytes, times: int = 1) -> None:
        """Collect a span that is not a call: from `start` to `end`, unix nanoseconds; `mark` as for `call`."""
        if not bound.rows:
            self._others_with_rows.append(bound)
        bound.rows.append((end - start if 0 < start <= end else -1, mark, times))

    def _settle_other(self, bound: Binding) -> None:
        cell, timed = bound.cell, bound.timed
        cell.touched = timed.touched = self.store.now
        n = 0
        for duration, mark, times in bound.rows:
            n += times
            if duration >= 0:
                timed.observe(bound.duration, duration, mark, times)
        cell.values[bound.count] += n
        cell.values[bound.error] += n
        bound.rows.clear()

    def retrieval(self, bound: Binding, brought: Brought | None, mark: bytes, times: int = 1) -> None:
        """Count what a retrieval brought. A store that gives scores is never counted among those with distances."""
        cell = bound.cell
        documents = brought.documents if brought is not None else None
        result = "error" if bound.record.failed else "empty" if documents == 0 else "ok"
        cell.values[self._instrument(c.RETRIEVALS, result).index] += times
        if documents is not None and (documents or not bound.record.failed):
            cell.observe(self._retrieval_documents, documents, mark, times)
        if brought is not None:
            for score in brought.scores:
                cell.observe(self._retrieval_score, score, mark, times)
            for distance in brought.distances:
                cell.observe(self._retrieval_distance, distance, mark, times)

    def reranked(
        self, bound: CallBinding, candidates: int | None, brought: Brought, mark: bytes, times: int = 1
    ) -> None:
        """Count the documents that a reranker was given and gave back, and the scores that it gave them."""
        model, failed = bound.model, bound.record.failed
        model.touched = self.store.now
        for way, documents in (("in", candidates), ("out", brought.documents)):
            # One that failed gave nothing back because it failed.
            if documents is not None and (documents or not failed):
                model.observe(self._rerank_documents[way], documents, mark, times)
        for score in brought.scores:
            model.observe(self._rerank_score, score, mark, times)

    def checked(self, record: Record, checks: Iterable[Checked], mark: bytes, times: int = 1) -> None:
        """Count what guardrails did that a span tells of which stands for something else; `record` says whose it is."""
        who = (record.service_name, record.environment, record.team, record.feature)
        for check in checks:
            cell = self.store.cell(c.GUARDRAIL_CHECKS, (*who, check.guardrail))
            cell.touched = self.store.now
            done = (check.direction, check.action)
            cell.values[self._instrument(c.GUARDRAIL_CHECKS, *done).index] += times
            if check.duration >= 0:
                cell.observe(self._instrument(c.GUARDRAIL_DURATION, *done), check.duration, mark, times)


def _saved(rates: Rates, plain: int, read: int, write: int, output: int, reasoning: int) -> int:
    """Return what reading from the prompt cache saved; a counter cannot go down for a cache that costs more."""
    return max(rates.cache_savings(Usage(plain + write, read, 0, output, reasoning)), 0)
