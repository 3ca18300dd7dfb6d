"""Whatever is renamed, exchanged, mounted or led elsewhere: each living folder is watched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.run import environment
from tests.watch import tree_oracle

ALONE = ("unshare", "--user", "--map-root-user", "--mount")
"""What is mounted then, nobody else sees."""


@pytest.mark.parametrize(
    ("operations", "file_system"),
    [
        (1_000, "that of the test"),
        pytest.param(20_000, "that of the test", marks=pytest.mark.deep),
        pytest.param(100_000, "tmpfs", marks=pytest.mark.deep),
    ],
)
def test_each_living_folder_is_watched(tmp_path: Path, operations: int, file_system: str) -> None:
    tried = subprocess.run([*ALONE, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"MISSING: a mount namespace of its own: {tried.stderr.strip()}")
    before = "true" if file_system != "tmpfs" else 'mount -t tmpfs none "$4"'
    script = f'{before} && exec "$@"'
    words = [sys.executable, "-m", tree_oracle.__name__, str(tmp_path), "1", str(operations)]
    ran = subprocess.run(
        [*ALONE, "sh", "-c", script, "sh", *words],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    print(f"{operations:,} operations on {file_system}: {found}")
    assert found["compared"] > operations / 200 and found["folders"] > operations / 20
    assert all(found["done"][kind] for kind in ("exchange", "move_above", "mount", "unmount"))
