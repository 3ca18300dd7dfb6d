"""``help``: the documentation in the terminal, without a vault."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import click
import pytest

from gorillacomb.api.upkeep.topics import topic_names
from gorillacomb.cli.main import COMMANDS, cli
from tests.support.run import (
    TIMEOUT,
    command,
    environment,
    lines_on_screen,
    read_all,
    refused,
    run,
)


@pytest.fixture
def nobody(tmp_path: Path) -> dict[str, str]:
    """The environment of someone who has no vault, and no home to make one in."""
    return environment(tmp_path / "no/vault", HOME="/nonexistent")


def test_topics_are_listed_a_line_each(nobody: dict[str, str]) -> None:
    ran = run("help", env=nobody)
    assert (ran.code, ran.err) == (0, "")
    listed = [line.split()[0] for line in ran.out.splitlines() if line.startswith("  ")]
    names = [name.rpartition("/")[2] for name in topic_names()]
    assert sorted(listed) == sorted([*names, "commands"])
    assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.parametrize("name", topic_names())
def test_a_topic(name: str, nobody: dict[str, str]) -> None:
    ran = run("help", name, env=nobody)
    assert (ran.code, ran.err) == (0, "")
    prose = [line for line in ran.out.splitlines() if not line.startswith("    ")]
    assert all(len(line) <= 80 or " " not in line.strip() for line in prose)
    assert "**" not in ran.out
    assert "](" not in ran.out
    assert "```" not in ran.out
    assert "\x1b" not in ran.out
    assert run("help", name.rpartition("/")[2], env=nobody).out == ran.out


@pytest.mark.parametrize("words", [[name] for name in COMMANDS] + [["trace", "verify"]])
def test_a_command(words: list[str], nobody: dict[str, str]) -> None:
    shown = run("help", *words, env=nobody)
    assert shown.code == 0
    assert shown.out.endswith(run(*words, "--help", env=nobody).out)


def test_every_command_has_the_line_of_the_list() -> None:
    """Man pages take it from the command."""
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in COMMANDS}
    lines = {name: each and each.short_help for name, each in found.items()}
    assert lines == {name: line for name, (_, line) in COMMANDS.items()}


def test_the_reference_has_every_command(nobody: dict[str, str]) -> None:
    shown = run("help", "commands", env=nobody).out
    for words in ("scan", "trace verify", "vault backup", "help"):
        assert run(*words.split(), "--help", env=nobody).out in shown


def test_the_width_is_that_of_the_terminal(nobody: dict[str, str]) -> None:
    wide = run("help", "vault", env={**nobody, "COLUMNS": "100"}).out.splitlines()
    narrow = run("help", "vault", env={**nobody, "COLUMNS": "50"}).out.splitlines()
    assert len(narrow) > len(wide)


@pytest.mark.parametrize(
    ("word", "near"), [("quarantin", "quarantine"), ("exit", "exit-codes"), ("dedup", "dedupe")]
)
def test_an_unknown_topic_names_those_that_are_near(word: str, near: str) -> None:
    ran = run("help", word)
    refused(ran, 2, f"no topic {word!r}")
    assert near in ran.err.splitlines()[1]


def test_an_unknown_topic_that_is_near_to_none() -> None:
    refused(run("help", "zzzz"), 2, "no topic 'zzzz'")
    refused(run("help", "trace", "zzzz"), 2, "no topic 'trace zzzz'")
    refused(run("help", "scan", "--search", "x"), 2, "leave out TOPIC")


def test_a_search_names_topics_and_lines(nobody: dict[str, str]) -> None:
    ran = run("help", "--search", "HTPASSWD-NOT", env=nobody)
    assert (ran.code, ran.out) == (0, "")
    assert "no topic contains" in ran.err
    found = run("help", "--search", "Older-Than", env=nobody).out.splitlines()
    assert {"quarantine", "scrub", "dedupe --help"} <= set(found)
    lines = [line for line in found if line.startswith("  ")]
    assert lines
    assert all("older-than" in line for line in lines)


def test_a_long_topic_is_shown_through_a_pager(tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\nsed 's/^/paged: /'\n")
    pager.chmod(0o755)
    env = environment(tmp_path / "vault", PAGER=os.fspath(pager))
    shown = on_one_terminal("help", "dedupe", env=env)
    assert shown[0] == "paged: Removing duplicates"
    assert all(line.startswith("paged: ") for line in shown)
    short = on_one_terminal("help", "completion", env=env)
    assert any("gorillacomb completion" in line for line in short)
    assert not any(line.startswith("paged: ") for line in short)


def on_one_terminal(*words: str, env: dict[str, str]) -> list[str]:
    """Run a command with all its streams on a terminal of 24 lines; returns what that shows."""
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(command(*words), env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = {terminal: bytearray()}
    read_all(written)
    os.close(terminal)
    assert process.wait(TIMEOUT) == 0
    return lines_on_screen(bytes(written[terminal]))


def test_topics_are_completed() -> None:
    def offered(words: str, last: str) -> list[str]:
        env = environment(_GORILLACOMB_COMPLETE="fish_complete", COMP_WORDS=words, COMP_CWORD=last)
        return [line.partition(",")[2].split("\t")[0] for line in run(env=env).out.splitlines()]

    assert offered("gorillacomb help qua", "qua") == ["quarantine"]
    assert offered("gorillacomb help ex", "ex") == ["exit-codes", "explain", "export"]


@pytest.mark.linux("the made-up macOS imports modules for itself")
def test_the_documentation_needs_no_heavy_module() -> None:
    from tests.architecture.test_start_up import HEAVY, imported

    assert imported("help", "exit-codes") & HEAVY == set()
    assert imported("help") & HEAVY == set()
