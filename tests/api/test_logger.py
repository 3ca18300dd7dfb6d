"""What the package logs goes to nobody who did not ask for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.run import environment
from tests.support.trees import make_tree

SCRIPT = """
import {module}
import sys
import gorillacomb
from gorillacomb.log import log_warning
with gorillacomb.open_vault(sys.argv[1]) as vault:
    vault.scan(sys.argv[2], workers=0)
log_warning("a warning of %s", "ours")
print("logging" in sys.modules)
"""


@pytest.mark.parametrize("module", ["sys", "logging"])
def test_without_a_handler_nothing_is_printed(module: str, tmp_path: Path, vault: Path) -> None:
    """Neither where a program knows of `logging` nor where it does not: it is not imported then."""
    tree = make_tree(tmp_path / "tree", {"a": "a"})
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(module=module), vault, tree],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert module == "sys" or ran.stdout == "True\n"


def test_a_handler_gets_what_is_logged(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "a"})
    configured = SCRIPT.format(module="logging").replace(
        "import gorillacomb\n", "import gorillacomb\nlogging.basicConfig(level=logging.INFO)\n", 1
    )
    ran = subprocess.run(
        [sys.executable, "-c", configured, vault, tree],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert ran.stderr.splitlines() == [
        f"INFO:gorillacomb:Scanning {tree}",
        "INFO:gorillacomb:Scanned 1 files, read 1 of them",
        "WARNING:gorillacomb:a warning of ours",
    ]
