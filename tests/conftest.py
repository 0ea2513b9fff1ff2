"""Fixtures that every test may use; the builders are in core/building.py."""

import pytest

from core.building import Clock, Exporter
from llm_exporter import engine, pipeline, store


@pytest.fixture
def exporter() -> Exporter:
    """Return a fresh exporter in this process, with default settings and no first-sample hold."""
    return Exporter()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which the exporter's series age, as long as the test runs."""
    clock = Clock()
    for module in (engine, pipeline, store):
        monkeypatch.setattr(module, "time", clock)
    return clock
