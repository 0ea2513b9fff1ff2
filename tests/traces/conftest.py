"""An exporter for each test."""

from collections.abc import Iterator

import pytest

from traces.building import Timed


@pytest.fixture
def timed() -> Iterator[Timed]:
    """An exporter whose time the test tells."""
    exporter = Timed()
    yield exporter
    exporter.close()
