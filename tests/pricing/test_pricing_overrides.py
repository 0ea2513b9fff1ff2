"""The prices file: what it may say, and how it is told off."""

from __future__ import annotations

import contextlib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_exporter.pricing import DatedPrices, Discount, ModelAlias, PricedModel, load_overrides, overrides

DATA = Path(__file__).parent / "data"
BAD = sorted(DATA.glob("bad_*.yaml"))


def test_a_prices_file_gives_its_models_in_order_with_every_digit() -> None:
    """Quoted or not, a price keeps the digits it is written with."""
    assert load_overrides(DATA / "prices.yaml") == (
        PricedModel(
            model="llama-3.1-8b*",
            provider="vllm",
            context_window=131_072,
            prices=(
                DatedPrices(input=Decimal("0.05"), output=Decimal("0.08")),
                DatedPrices(
                    from_date=date(2026, 6, 1),
                    input=Decimal("0.0400000000000000000000001"),
                    input_cache_read=Decimal("0.01"),
                    input_cache_write=Decimal("0.05"),
                    input_cache_write_1h=Decimal("0.08"),
                    output=Decimal("0.06"),
                    output_reasoning=Decimal("0.07"),
                    request=Decimal("0.0001"),
                    input_audio=Decimal("0.4"),
                    output_audio=Decimal("0.6"),
                ),
            ),
        ),
        PricedModel(model="house-embedding", prices=(DatedPrices(input=Decimal(0)),)),
    )


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_faulty_prices_file_is_refused_with_file_entry_key_value_and_what_is_allowed(path: Path) -> None:
    """The message is the one in the first line of the file, after the file's name."""
    expected = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    with pytest.raises(overrides.PricesFileError) as refusal:
        load_overrides(path)
    assert str(refusal.value) == f"{path}: {expected}"


def test_there_is_a_faulty_file_for_many_faults() -> None:
    """The directory of faulty files was found."""
    assert len(BAD) >= 20


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    """One byte over the bound is too much."""
    path = tmp_path / "prices.yaml"
    path.write_bytes(b"#" * (overrides.MAX_FILE_BYTES + 1))
    with pytest.raises(overrides.PricesFileError, match="at most 1048576 bytes are allowed"):
        load_overrides(path)


def test_a_deeply_nested_file_is_refused(tmp_path: Path) -> None:
    """Depth is bounded by an error message and not by the interpreter's end."""
    path = tmp_path / "prices.yaml"
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(overrides.PricesFileError, match="nested too deeply"):
        load_overrides(path)


def test_a_missing_file_is_an_os_error() -> None:
    """A path that cannot be read is not the same as a file that is wrong."""
    with pytest.raises(FileNotFoundError):
        load_overrides(DATA / "missing.yaml")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["models", "model", "prices", "input", "output", "from", "context_window"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JUNK)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_yaml_is_either_read_or_refused(tmp_path: Path, document: object) -> None:
    """No shape of document raises anything but the refusal."""
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump({"models": [document]}), encoding="utf-8")
    with contextlib.suppress(overrides.PricesFileError):
        models = load_overrides(path)
        assert all(isinstance(model, PricedModel) for model in models)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModelAlias("(", "m"), r"match: '\(' is not a regular expression"),
        (lambda: ModelAlias(".*", ""), "model: '' is not allowed"),
        (lambda: Discount(Decimal(-1)), "multiplier: .* is not allowed"),
        (lambda: Discount(Decimal("NaN")), "multiplier: .* is not allowed"),
        (lambda: Discount(0.85), "multiplier: 0.85 is not allowed"),
        (
            lambda: Discount(Decimal(1), from_date=date(2026, 2, 1), until_date=date(2026, 2, 1)),
            "until: 2026-02-01 is not allowed",
        ),
        (lambda: DatedPrices(0.05), "input: 0.05 is not allowed"),
        (lambda: DatedPrices(Decimal(1), output=None), "output: None is not allowed"),
    ],
)
def test_a_configuration_that_cannot_be_right_is_refused_where_it_is_made(make: object, message: str) -> None:
    """Prices and discounts built in code meet the same rules as those from files."""
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
