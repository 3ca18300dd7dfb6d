"""A made-up Mac; what it is, and is not, `fake` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.darwin.mac import Mac


@pytest.fixture
def mac(tmp_path: Path, vault: Path) -> Mac:
    return Mac(tmp_path, vault)
