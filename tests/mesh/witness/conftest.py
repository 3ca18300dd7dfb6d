"""A witness that trusts a log, and a clock that a test sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gorillacomb.mesh.witness.identity import create_witness
from gorillacomb.mesh.witness.logs import trust_log
from gorillacomb.mesh.witness.service import Witness
from gorillacomb.vault.vault import Vault
from tests.mesh.logs import MadeLog

NOW = 1_800_000_000


@dataclass
class Clock:
    """A clock that stands still."""

    seconds: float = NOW

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def log() -> MadeLog:
    return MadeLog()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(vault: Path, log: MadeLog, clock: Clock) -> Callable[[], Witness]:
    """Opens the witness of a vault, as a server that is started does."""
    create_witness(Vault(vault), "witness.example/w1")
    trust_log(Vault(vault), log.vkey)
    return lambda: Witness.open(Vault(vault), clock)


@pytest.fixture
def witness(opened: Callable[[], Witness]) -> Witness:
    return opened()
