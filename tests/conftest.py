"""What all tests share: a home and a vault of their own, and a loud word on what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", max_examples=60)
settings.register_profile("deep", max_examples=2000)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the user's settings, keys or vault."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GORILLACOMB_VAULT", raising=False)
    return home


@pytest.fixture
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for a vault, outside the trees that are scanned."""
    return tmp_path_factory.mktemp("vault") / "vault"
