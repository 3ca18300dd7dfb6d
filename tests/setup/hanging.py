"""A test that never ends: `test_leftovers.py` runs it by name, and kills the run."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.run import start

STARTED = "GORILLACOMB_HANGING_TEST"


def test_that_hashes_a_huge_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(4):
        with (tree / f"{number}.img").open("wb") as huge:
            huge.truncate(2**42)
    commands = [
        start("manifest", tree, "-o", tmp_path / "manifest.json", vault=tmp_path / "vault"),
        start("scan", tree, vault=tmp_path / "vault"),
    ]
    ready = Path(os.environ[STARTED] + ".new")
    ready.write_text("\n".join(str(command.pid) for command in commands))
    ready.replace(os.environ[STARTED])
    for command in commands:
        command.wait()
