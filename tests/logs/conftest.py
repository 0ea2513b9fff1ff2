"""An exporter for each test."""

from collections.abc import Iterator

import pytest

from logs.building import Logged


@pytest.fixture
def logged() -> Iterator[Logged]:
    """An exporter whose time the test tells."""
    exporter = Logged()
    yield exporter
    exporter.close()
