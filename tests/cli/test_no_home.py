"""A user without HOME whom the system does not know, as in a container: a clear line, no ``~``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_UNKNOWN = """
import pwd, sys
def unknown(*named): raise KeyError("uid not found")
pwd.getpwuid = pwd.getpwnam = unknown
sys.argv[0] = "gorillacomb"
from gorillacomb.cli.main import main
main()
"""


def run_without_home(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    kept = ("PATH", "PYTHONPATH")
    return subprocess.run(
        [sys.executable, "-c", _UNKNOWN, *arguments],
        cwd=cwd,
        env={name: os.environ[name] for name in kept if name in os.environ} | more,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("status",), 4),
        (("scan", ".", "--vault", "{vault}"), 4),
        (("scrub", "--vault", "{vault}"), 4),
        (("dupes", "--vault", "~/vault"), 2),
    ],
)
def test_what_to_set_is_said(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    here = tmp_path / "here"
    here.mkdir()
    words = [each.format(vault=tmp_path / "vault") for each in arguments]
    ran = run_without_home(*words, cwd=here)
    assert ran.returncode == code, ran.stderr
    assert "HOME" in ran.stderr if code == 4 else "home" in ran.stderr
    assert "--vault" in ran.stderr
    assert len(ran.stderr.splitlines()) == 2
    assert not list(here.iterdir()), "a folder called ~ was made"


def test_the_help_needs_no_home(tmp_path: Path) -> None:
    ran = run_without_home(cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("Usage: gorillacomb ")


def test_with_folders_named_by_xdg_all_is_well(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/a").write_text("a")
    folders = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "STATE", "DATA")}
    ran = run_without_home("scan", ".", cwd=tmp_path / "here", **folders)
    assert (ran.returncode, ran.stderr) == (0, "")
