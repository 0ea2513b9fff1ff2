"""Fixtures that every test may use; the builders are in core/building.py."""

import pytest

from core.building import Exporter


@pytest.fixture
def exporter() -> Exporter:
    """Return a fresh exporter in this process, with default settings and no first-sample hold."""
    return Exporter()
