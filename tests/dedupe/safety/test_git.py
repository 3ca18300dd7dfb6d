"""What reading git's own files says to whom."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gorillacomb.dedupe.safety.git import ignored_in
from tests.support.run import environment

MALFORMED = "*.log\n[[:nonsense:]]\n[z\n"
SCRIPT = """
import os, sys
from gorillacomb.dedupe.safety.git import ignored_in
print(ignored_in(os.fsencode(sys.argv[1]))(b"a.log"))
"""


def test_a_pattern_that_git_ignores_is_not_printed(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text(MALFORMED)
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "True\n", "")


def test_it_is_in_our_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".gitignore").write_text(MALFORMED)
    is_ignored = ignored_in(os.fsencode(tmp_path))
    with caplog.at_level(logging.WARNING, "gorillacomb"):
        assert is_ignored(b"a.log") and not is_ignored(b"z")
    ours = [each for each in caplog.records if each.name == "gorillacomb"]
    assert ours and all("malformed pattern" in each.getMessage() for each in ours)
