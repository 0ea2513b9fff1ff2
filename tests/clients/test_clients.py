"""Counts equal to the provider's, call by call, for each SDK that people use."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from clients.books import counted, differences, served
from clients.cases import CLIENTS, Client
from clients.running import MADE, Stage, is_made

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.clients

SETTLE_SECONDS = 30.0
"""Longer than the exporter holds a call back to learn where in its trace it is."""


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_exporter_counts_what_the_provider_served(client: Client, tmp_path: Path) -> None:
    """Requests, errors, tokens by type, dollars, finish reasons and tool calls by model are the provider's.

    Each kind of call has a model of its own, so the sums by model are the calls. What the SDK does not say is
    taken out on the provider's side; everything else must be there, once.
    """
    if not is_made(client.environment):
        message = f"environment {client.environment} is not in {MADE.name}: run scripts/clients"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with ExitStack() as stack:
        stage = Stage(stack, tmp_path)
        said = stage.run(client.name, client.environment, client.application, client.arguments)
        assert stage.llm.ledger.served, said
        owed = served(stage.llm.ledger, client.silences)
        exposition = stage.settled(SETTLE_SECONDS)
        found = differences(counted(exposition), owed)
        assert not found, "\n".join([f"what was sent is in {tmp_path}", *found])
