"""``completion``: a script that the shell accepts, and that completes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.run import REPOSITORY, environment, run


def shell_or_skip(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"MISSING: {name}, to check the script that is made for it")
    return found


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_shell_accepts_the_script(name: str, tmp_path: Path) -> None:
    shell = shell_or_skip(name)
    ran = run("completion", name)
    assert (ran.code, ran.stderr) == (0, b"")
    script = tmp_path / "script"
    script.write_bytes(ran.stdout)
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_is_for_that_shell(name: str) -> None:
    script = run("completion", name).out
    assert f"_GORILLACOMB_COMPLETE={name}_complete" in script
    assert {"bash": "complete -o", "zsh": "#compdef", "fish": "complete --no-files"}[name] in script


def test_bash_completes_with_it(tmp_path: Path) -> None:
    """Asked as bash asks it: with the script loaded and two words typed."""
    bash = shell_or_skip("bash")
    command = tmp_path / "gorillacomb"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gorillacomb "$@"\n')
    command.chmod(0o755)
    script = f"""
        eval "$({command} completion bash)"
        COMP_WORDS=({command} ro) COMP_CWORD=1
        _gorillacomb_completion {command} ro {command}
        echo "${{COMPREPLY[@]}}"
        COMPREPLY=()
        COMP_WORDS=({command} roots f) COMP_CWORD=2
        _gorillacomb_completion {command} f roots
        echo "${{COMPREPLY[@]}}"
        COMPREPLY=()
        COMP_WORDS=({command} scan --cl) COMP_CWORD=2
        _gorillacomb_completion {command} --cl scan
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        env=environment(),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["roots", "forget", "--clear-excludes"]


def test_every_command_is_offered() -> None:
    env = environment(
        _GORILLACOMB_COMPLETE="zsh_complete", COMP_WORDS="gorillacomb ", COMP_CWORD="1"
    )
    offered = run(env=env).out.splitlines()
    assert {"scan", "status", "dupes", "explain", "roots", "completion"} <= set(offered)
