"""Reading settings: sources, their order, and values that survive the way through a file."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_exporter.pricing.config import PricingConfig
from llm_exporter.receive.limits import ReceiveLimits
from llm_exporter.settings import FLAGS, Address, Settings, SettingsError, load
from llm_exporter.settings.compound import Items, Key, Section, keys
from llm_exporter.settings.reading import Reading
from llm_exporter.settings.render import flow
from llm_exporter.settings.scalars import Boolean, Choice, Integer, Number
from llm_exporter.settings.source import parse

VALUES = {
    "--otlp-grpc-address": (
        "[::1]:1",
        "127.0.0.1:2",
        "off",
        Address("::1", 1),
        Address("127.0.0.1", 2),
        None,
    ),
    "--otlp-http-address": (
        "[::]:1",
        "off",
        "localhost:3",
        Address("::", 1),
        None,
        Address("localhost", 3),
    ),
    "--metrics-address": (
        "a.b:0",
        "c-d:65535",
        "[fe80::1]:3",
        Address("a.b", 0),
        Address("c-d", 65535),
        Address("fe80::1", 3),
    ),
    "--first-sample-hold": ("1", "2.5", "0", 1.0, 2.5, 0.0),
    "--judge-otlp-grpc-address": ("a:1", "b:2", "", Address("a", 1), Address("b", 2), None),
    "--judge-otlp-http-address": ("a:1", "b:2", "off", Address("a", 1), Address("b", 2), None),
    "--judge-metrics-address": ("a:1", "b:2", "c:3", Address("a", 1), Address("b", 2), Address("c", 3)),
    "--judge-base-url": (
        "http://a/v1",
        "http://b/v1",
        "http://c/v1",
        "http://a/v1",
        "http://b/v1",
        "http://c/v1",
    ),
    "--judge-model": ("a", "b", "c", "a", "b", "c"),
}


def value_at(settings: Settings, path: str) -> object:
    """The value of the key at a path."""
    section, name = path.split(".")
    return getattr(getattr(settings, section), name)


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_flags_win_over_environment_over_file_over_default(flag, tmp_path: Path) -> None:
    """Each flag: with all sources set the flag holds, and each source taken away uncovers the next."""
    in_file, in_environment, in_flag, *expected = VALUES[flag.name]
    section, name = flag.path.split(".")
    file = tmp_path / "config.yaml"
    written = in_file if flag.name == "--first-sample-hold" else f'"{in_file}"'
    file.write_text(f"{section}:\n  {name}: {written}\n")

    assert value_at(load(None, {}, {}), flag.path) == value_at(Settings(), flag.path)
    assert value_at(load(str(file), {}, {}), flag.path) == expected[0]
    assert value_at(load(str(file), {flag.variable: in_environment}, {}), flag.path) == expected[1]
    both = load(str(file), {flag.variable: in_environment}, {flag.name: in_flag})
    assert value_at(both, flag.path) == expected[2]


def test_the_flags_of_the_contract_exist() -> None:
    """The flags and variables that users know are declared, and no others."""
    assert {(flag.name, flag.variable) for flag in FLAGS} == {
        ("--otlp-grpc-address", "LLM_EXPORTER_OTLP_GRPC_ADDRESS"),
        ("--otlp-http-address", "LLM_EXPORTER_OTLP_HTTP_ADDRESS"),
        ("--metrics-address", "LLM_EXPORTER_METRICS_ADDRESS"),
        ("--first-sample-hold", "LLM_EXPORTER_FIRST_SAMPLE_HOLD"),
        ("--judge-otlp-grpc-address", "LLM_EXPORTER_JUDGE_OTLP_GRPC_ADDRESS"),
        ("--judge-otlp-http-address", "LLM_EXPORTER_JUDGE_OTLP_HTTP_ADDRESS"),
        ("--judge-metrics-address", "LLM_EXPORTER_JUDGE_METRICS_ADDRESS"),
        ("--judge-base-url", "LLM_EXPORTER_JUDGE_BASE_URL"),
        ("--judge-model", "LLM_EXPORTER_JUDGE_MODEL"),
    }


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    """LLM_EXPORTER_CONFIG stands for --config, which wins; an empty variable is none."""
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text("log: {level: debug}\n")
    other.write_text("log: {level: error}\n")
    assert load(None, {"LLM_EXPORTER_CONFIG": str(one)}, {}).log.level == "debug"
    assert load(str(other), {"LLM_EXPORTER_CONFIG": str(one)}, {}).log.level == "error"
    assert load(None, {"LLM_EXPORTER_CONFIG": "", "LLM_EXPORTER_METRICS_ADDRESS": ""}, {}) == Settings()


def test_variables_that_kubernetes_sets_are_left_alone() -> None:
    """A service named llm-exporter puts its own LLM_EXPORTER_… variables into every container."""
    env = {"LLM_EXPORTER_SERVICE_HOST": "10.0.0.1", "LLM_EXPORTER_PORT": "tcp://10.0.0.1:9464"}
    assert load(None, env, {}) == Settings()


@pytest.mark.parametrize(
    ("env", "flags", "message"),
    [
        (
            {"LLM_EXPORTER_METRICS_ADDRESS": ":1"},
            {},
            'environment LLM_EXPORTER_METRICS_ADDRESS: listen.metrics_address: value ":1" is not allowed: ',
        ),
        (
            {},
            {"--first-sample-hold": "15s"},
            'flag --first-sample-hold: exposition.first_sample_hold_seconds: value "15s" is not allowed: ',
        ),
    ],
    ids=["environment", "flag"],
)
def test_a_bad_value_from_outside_the_file_names_its_source(env, flags, message: str) -> None:
    """Whoever set the value learns where it was set."""
    with pytest.raises(SettingsError) as refused:
        load(None, env, flags)
    assert str(refused.value).startswith(message)


def test_an_unknown_flag_is_refused() -> None:
    """A caller that passes on a flag which is not declared is told at once."""
    with pytest.raises(SettingsError, match=r"did you mean --metrics-address\?"):
        load(None, {}, {"--metric-address": "127.0.0.1:1"})


def test_paths_start_at_the_directory_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the same wherever the exporter is started."""
    (tmp_path / "token").write_text("abc\n")
    (tmp_path / "config.yaml").write_text("receive: {bearer_token_file: token}\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load("../config.yaml", {}, {}).receive.bearer_token_file.samefile(tmp_path / "token")


def test_one_label_can_change_without_the_others(tmp_path: Path) -> None:
    """A label's cap can be set alone: its attributes, and all other labels, stay as built in."""
    file = tmp_path / "config.yaml"
    file.write_text("labels:\n  team: {extra_attributes: [org.unit]}\n  model: {cap: 7}\n")
    labels, before = load(str(file), {}, {}).labels, Settings().labels
    assert labels["team"] == dataclasses.replace(before["team"], extra_attributes=("org.unit",))
    assert labels["model"] == dataclasses.replace(before["model"], cap=7)
    assert {name: label for name, label in labels.items() if name not in {"team", "model"}} == {
        name: label for name, label in before.items() if name not in {"team", "model"}
    }


def test_the_receivers_get_their_own_defaults() -> None:
    """The documented defaults of the limits are those that the receivers have."""
    assert Settings().receive.limits() == ReceiveLimits()


def test_pricing_reaches_the_price_book(tmp_path: Path) -> None:
    """By default nothing is said about prices; what the section says arrives exactly."""
    assert Settings().pricing.for_price_book() == PricingConfig()
    (tmp_path / "prices.yaml").write_text('models:\n  - model: llama\n    prices:\n      - input: "0.05"\n')
    file = tmp_path / "config.yaml"
    file.write_text(
        "pricing:\n"
        "  prices_file: prices.yaml\n"
        "  provider_aliases: {my-gateway: openai}\n"
        '  model_aliases: [{match: "prod-.*", provider: openai, model: gpt-4o}]\n'
        "  discounts:\n"
        "    - {provider: openai, model: gpt-*, service: chat,\n"
        "       multiplier: 0.1, from: 2026-01-01, until: 2027-01-01}\n"
    )
    config = load(str(file), {}, {}).pricing.for_price_book()
    assert config.provider_aliases == {"my-gateway": "openai"}
    (alias,) = config.model_aliases
    assert (alias.match, alias.provider, alias.model) == ("prod-.*", "openai", "gpt-4o")
    (discount,) = config.discounts
    assert (discount.provider, discount.model, discount.service) == ("openai", "gpt-*", "chat")
    assert (str(discount.multiplier), str(discount.from_date), str(discount.until_date)) == (
        "0.1",
        "2026-01-01",
        "2027-01-01",
    )
    assert [priced.model for priced in config.overrides] == ["llama"]


def _values(key: Key) -> st.SearchStrategy[object] | None:
    match key.kind:
        case Boolean():
            return st.booleans()
        case Choice(words):
            return st.sampled_from(words)
        case Integer(least, most):
            return st.integers(least, most)
        case Number(least, most, between=False):
            return st.floats(least, most)
        case Items(Number(least, most), count, ascending=True):
            return (
                st.lists(st.floats(least, most), min_size=1, max_size=count, unique=True)
                .map(sorted)
                .map(tuple)
            )
    return None


SCALARS = {
    (section, name): strategy
    for section, outer in keys(Settings).items()
    if isinstance(outer.kind, Section)
    for name, key in keys(outer.kind.cls).items()
    if (strategy := _values(key)) is not None
}


@given(st.data())
def test_every_allowed_value_is_read_as_it_was_written(data: st.DataObject) -> None:
    """Any allowed values of any keys, written as YAML, come back exactly, and nothing else changes."""
    chosen = data.draw(st.sets(st.sampled_from(sorted(SCALARS)), min_size=1))
    values = {place: data.draw(SCALARS[place]) for place in sorted(chosen)}
    tree: dict[str, dict[str, object]] = {}
    for (section, name), value in values.items():
        tree.setdefault(section, {})[name] = value
    text = "\n".join(f"{section}: {flow(part)}" for section, part in tree.items())

    reading = Reading("f")
    settings = Section(Settings).read(parse(text.encode(), "f"), "", reading, Settings())

    assert reading.problems == []
    expected = Settings()
    for (section, name), value in values.items():
        part = dataclasses.replace(getattr(expected, section), **{name: value})
        expected = dataclasses.replace(expected, **{section: part})
    assert settings == expected
