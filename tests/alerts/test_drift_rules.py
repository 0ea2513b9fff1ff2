"""The drift rules are what their generator writes, and give what plain arithmetic gives, on every Prometheus."""

import json
import math
import random
import re
import subprocess
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.utils import floatToGoString

from alerts import drift
from core.building import Exporter, a_call
from core.processes import ROOT, server_program
from llm_exporter import catalogue as c

RULES = ROOT / "alerts/drift.rules.yml"
SERVERS = ["prometheus-2", "prometheus-3"]
MINUTES = 20
"""Between two samples."""
HOUR, DAY, WEEK = 60 // MINUTES, 24 * 60 // MINUTES, 7 * 24 * 60 // MINUTES
END = WEEK + DAY
"""The step at which the statistics are looked at: everything below has happened by then."""
REFERENCES = {"1d": DAY, "1w": WEEK}
WINDOWS = {"1h": HOUR, "1d": DAY}

Key = tuple[tuple[str, str], ...]
Counts = dict[str, float]


def promtool(server: str) -> Path:
    """Return the program, or skip the test where it is not installed."""
    program = server_program(server, "promtool")
    if not program.exists():
        pytest.skip(f"scripts/servers {server} unpacks it")
    return program


def run(program: Path, *arguments: str, directory: Path = ROOT) -> None:
    """Run promtool, which must find nothing wrong."""
    done = subprocess.run(
        [program, *arguments], cwd=directory, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_the_rules_are_as_generated() -> None:
    """The committed file is what `python -m alerts.drift` writes for the buckets of the catalogue."""
    assert RULES.read_text() == drift.rules({}), "run: python -m alerts.drift > alerts/drift.rules.yml"


def test_configured_buckets_are_followed() -> None:
    """With other bounds in the configuration the chain of buckets is another, and nothing else changes."""
    chains = []
    for text in (drift.rules({}), drift.rules({c.ANSWER_LENGTH.name: (7.0, 77.0)})):
        hourly, daily = yaml.safe_load(text)["groups"]
        of_this = {"record": "llm:drift_bucket:next", "labels": {"signal": "answer_characters"}}
        (mine,) = [rule for rule in hourly["rules"] if of_this.items() <= rule.items()]
        hourly["rules"].remove(mine)
        chains.append((mine["expr"].strip().split("\nor\n"), [hourly, daily]))
    (usual, rest), (changed, rest_of_changed) = chains
    assert changed == [
        f'label_replace(label_replace(vector(1), "le", "{le}", "", ""), "next", "{above}", "", "")'
        for le, above in (("7.0", "77.0"), ("77.0", "+Inf"))
    ]
    assert len(usual) == len(c.ANSWER_LENGTH.buckets)
    assert rest == rest_of_changed


def test_bounds_are_spelt_as_the_exporter_spells_them(exporter: Exporter) -> None:
    """The chain of buckets in the rules has the very `le` values of a scrape, without which nothing would join."""
    exporter.send(a_call({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 10}))
    shown: dict[str, list[str]] = {}
    for family in text_string_to_metric_families(exporter.scrape()):
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                shown.setdefault(family.name, []).append(sample.labels["le"])
    hourly = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    chains = {
        rule["labels"]["signal"]: re.findall(r'"(?:le|next)", "([^"]+)"', rule["expr"])
        for rule in hourly
        if rule["record"] == "llm:drift_bucket:next"
    }
    checked = [one for one in drift.DISTRIBUTIONS if one.metric.name in shown]
    assert {one.signal for one in checked} >= {"input_tokens", "output_tokens", "duration_seconds"}
    for one in checked:
        chain = chains[one.signal]
        assert [chain[0], *chain[1::2]] == list(dict.fromkeys(shown[one.metric.name]))


def test_names_follow_the_convention() -> None:
    """Every series is level:metric:operation, and ends with its window or says which bucket is next."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            level, _, operation = rule["record"].split(":")
            assert level in ("feature", "llm")
            assert operation == "next" or operation.endswith(group["name"].removeprefix("llm-drift-"))


@pytest.mark.prometheus
@pytest.mark.parametrize("server", SERVERS)
def test_rules_are_valid_and_give_what_was_worked_out_by_hand(server: str) -> None:
    """`promtool check rules` has no complaint, and every case of drift.test.yml holds."""
    program = promtool(server)
    run(program, "check", "rules", str(RULES))
    run(program, "test", "rules", "alerts/drift.test.yml")


@dataclass
class World:
    """Counters of one week: what each series gained in the hour before some steps, and 0 after that hour."""

    gains: dict[Key, dict[int, float]] = field(default_factory=dict)

    def gain(self, metric: str, labels: dict[str, str], step: int, amount: float) -> None:
        """Let a series gain `amount` within the hour that ends at a step."""
        key = (("__name__", metric), *sorted(labels.items()))
        at = self.gains.setdefault(key, {})
        at[step] = at.get(step, 0.0) + amount

    def series(self) -> list[dict[str, str]]:
        """Return the counters as promtool wants them: 0, half-way through the hour the gain, afterwards 0 again."""
        written = []
        for ((_, metric), *labels), at in self.gains.items():
            values, place = [], 0
            for step, amount in sorted(at.items()):
                values += [f"0+0x{step - HOUR // 2 - place - 1}", f"{amount!r}+0x{HOUR // 2}"]
                place = step + 1
            values.append(f"0+0x{END + HOUR - place}")
            of = ",".join(f"{name}={json.dumps(value)}" for name, value in labels)
            written.append({"series": f"{metric}{{{of}}}", "values": " ".join(values)})
        return written


@dataclass(frozen=True)
class Sides:
    """What a signal counted now and in a reference, per window: amounts by bin or bucket, and samples."""

    now: Counts
    then: Counts
    n: float
    m: float


def ks(sides: Sides, order: list[str]) -> float:
    """Return the largest gap between two cumulative distributions."""
    ours = accumulate(sides.now.get(b, 0.0) / sides.n for b in order)
    theirs = accumulate(sides.then.get(b, 0.0) / sides.m for b in order)
    return max(abs(x - y) for x, y in zip(ours, theirs, strict=True))


def psi(sides: Sides) -> tuple[float, float]:
    """Return the index with a twelfth of each share borrowed from the other side, and what exceeds its expectation."""
    total, bins = 0.0, 0
    for b in sides.now.keys() | sides.then.keys():
        x, y = sides.now.get(b, 0.0) / sides.n, sides.then.get(b, 0.0) / sides.m
        if x or y:
            bins += 1
            total += (x - y) * math.log((11 * x / 12 + y / 12) / (11 * y / 12 + x / 12)) * 12 / 10
    return total, total - (bins - 1) * (1 / sides.n + 1 / sides.m)


def content(sides: Sides) -> tuple[float, float]:
    """Return the squared distance of mean vectors over what noise gives, and what exceeds the noise."""
    a = {b: w / sides.n for b, w in sides.now.items()}
    z = {b: w / sides.m for b, w in sides.then.items()}
    distance = sum((a[b] - z[b]) ** 2 for b in a)
    noise = (1 - sum(w * w for w in a.values())) / (sides.n - 1)
    noise += (1 - sum(w * w for w in z.values())) / (sides.m - 1)
    return distance / noise, max(distance - noise, 0.0)


def drawn(rng: random.Random, names: list[str], n: int, shape: float) -> Counts:
    """Draw `n` names, the early ones more often the smaller the shape is."""
    counts: Counts = dict.fromkeys(names, 0.0)
    for _ in range(n):
        counts[names[min(int(rng.expovariate(1 / (len(names) * shape))), len(names) - 1)]] += 1.0
    return counts


def mean_vector(rng: random.Random, n: int) -> Counts:
    """Return the sum of n random unit vectors, as the exporter shows it."""
    total = [0] * 64
    for _ in range(min(n, 40)):
        weights = [rng.expovariate(1.0) ** 3 for _ in range(64)]
        length = math.hypot(*weights)
        total = [t + int(w / length * 10**12) for t, w in zip(total, weights, strict=True)]
    return {str(b): t * (n / min(n, 40)) / 1e12 for b, t in enumerate(total)}


EVENTS = {"week": END - WEEK, "day": END - DAY, "earlier": END - 5 * HOUR, "now": END}
"""When something happens: in the reference hours, five hours ago (of the day but not of the hour), in the last hour."""


def within(window: str, end: int) -> list[str]:
    """Return the events of the window that ends at a step."""
    return [name for name, step in EVENTS.items() if end - WINDOWS[window] < step <= end]


@pytest.fixture(scope="module", params=[1])
def world(request: pytest.FixtureRequest) -> tuple[World, dict[tuple[str, Key], float]]:
    """Return random counters, and every statistic that plain arithmetic finds in them."""
    rng = random.Random(request.param)
    made, expected = World(), {}
    for feature in ("chat", "search"):
        who = {"service_name": "shop", "environment": "prod", "team": "t", "feature": feature}
        for one in drift.DISTRIBUTIONS:
            bounds = [*map(floatToGoString, one.metric.buckets), "+Inf"]
            apart = {one.apart.name: rng.choice(["first", "second"])} if one.apart else {}
            events = {
                name: drawn(rng, bounds, rng.randint(90, 500), rng.choice((0.1, 0.3))) for name in EVENTS
            }
            for name, counts in events.items():
                part = {le: float(rng.randint(0, int(count))) for le, count in counts.items()}
                for model, of_model in (("m", part), ("n", {le: counts[le] - part[le] for le in counts})):
                    for le, value in zip(bounds, accumulate(of_model[le] for le in bounds), strict=True):
                        labels = {**who, **apart, "model": model, "le": le}
                        made.gain(f"{one.metric.name}_bucket", labels, EVENTS[name], value)
            found(expected, events, {**who, **apart, "signal": one.signal}, bounds)
        for share in drift.SHARES:
            names = ["en", "de", "fr", "pt"] if share.by is c.LANGUAGE else list(share.by.values)
            events = {
                name: drawn(rng, rng.sample(names, rng.randint(2, len(names))), rng.randint(150, 400), 0.4)
                for name in EVENTS
            }
            for name, counts in events.items():
                for value, count in counts.items():
                    made.gain(share.metric.name, {**who, share.by.name: value}, EVENTS[name], count)
            found(expected, events, {**who, "signal": share.signal})
        for direction in c.SIGNAL.values:
            sizes = {name: rng.randint(150, 900) for name in EVENTS}
            events = {name: mean_vector(rng, size) for name, size in sizes.items()}
            for name, counts in events.items():
                labels = {**who, "signal": direction}
                made.gain(c.CONTENT_SAMPLES.name, labels, EVENTS[name], float(sizes[name]))
                for bucket, weight in counts.items():
                    made.gain(
                        c.CONTENT_BUCKET_WEIGHT.name, {**labels, "bucket": bucket}, EVENTS[name], weight
                    )
            found(expected, events, {**who, "signal": f"{direction}_content"}, sizes=sizes)
    return made, expected


def found(
    expected: dict[tuple[str, Key], float],
    events: dict[str, Counts],
    labels: dict[str, str],
    order: list[str] | None = None,
    sizes: dict[str, int] | None = None,
) -> None:
    """Add what each window of a signal shows against each reference."""
    for window in WINDOWS:
        for reference, back in REFERENCES.items():
            sides = []
            for end in (END, END - back):
                names = within(window, end)
                bins = {
                    b: sum(events[name].get(b, 0.0) for name in names) for name in names for b in events[name]
                }
                samples = sum(sizes[name] if sizes else sum(events[name].values()) for name in names)
                sides.append((bins, samples))
            (now, n), (then, m) = sides
            if n < drift.MINIMUM or m < drift.MINIMUM:
                continue
            both = Sides(now, then, n, m)
            values = {}
            if sizes:
                values["content_ratio"], values["content_effect"] = content(both)
            else:
                values["psi"], values["psi_excess"] = psi(both)
            if order:
                values["ks"] = ks(both, order)
                values["ks_scaled"] = values["ks"] * math.sqrt(n * m / (n + m))
            key = tuple(sorted({**labels, "reference": reference}.items()))
            for name, value in values.items():
                expected[f"feature:llm_drift:{name}{window}", key] = value


@pytest.mark.prometheus
@pytest.mark.parametrize("server", SERVERS)
def test_rules_are_plain_arithmetic(
    server: str, world: tuple[World, dict[tuple[str, Key], float]], tmp_path: Path
) -> None:
    """Random counters give each statistic to nine digits, and no statistic more: the same on each version."""
    made, expected = world
    assert len(expected) > 160
    tests: list[dict[str, object]] = []
    for (record, labels), value in expected.items():
        selector = ",".join(f"{name}={json.dumps(text)}" for name, text in labels)
        near = f"sum(abs({record}{{{selector}}} - {value!r}) < bool {1e-9 * max(1.0, abs(value))!r})"
        tests.append(
            {"expr": near, "eval_time": f"{END * MINUTES}m", "exp_samples": [{"labels": "{}", "value": 1}]}
        )
    tests.append(
        {
            "expr": 'count({__name__=~"feature:llm_drift:.*"})',
            "eval_time": f"{END * MINUTES}m",
            "exp_samples": [{"labels": "{}", "value": len(expected)}],
        }
    )
    # All that is looked at happens on the hour, and promtool evaluates every rule of eight days.
    hourly = RULES.read_text().replace(f"interval: {drift.INTERVAL}", "interval: 1h")
    (tmp_path / "drift.rules.yml").write_text(hourly)
    (tmp_path / "world.test.yml").write_text(
        json.dumps(
            {
                "rule_files": ["drift.rules.yml"],
                "evaluation_interval": "1h",
                "group_eval_order": ["llm-drift-1h", "llm-drift-1d"],
                "tests": [
                    {"interval": f"{MINUTES}m", "input_series": made.series(), "promql_expr_test": tests}
                ],
            }
        )
    )
    run(promtool(server), "test", "rules", "world.test.yml", directory=tmp_path)
