"""A watcher that cannot tell what it does goes on, or ends so that it is started again."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.vault.vault import Vault
from gorillacomb.watch.pulse import pulse_folder
from tests.support.run import command, environment, run
from tests.support.trees import make_tree, rows_in_index

QUICK = ("--quiet", "0.2", "--pulse", "0.2", "--json")
PATIENCE = 60.0


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "drive", {"a": "1"})


@contextmanager
def watching(
    vault: Path, top: Path, out: int, err: int, options: Sequence[str] = QUICK
) -> Iterator[subprocess.Popen[bytes]]:
    """A watcher with these descriptors for its output."""
    words = command("watch", top, *options)
    process = subprocess.Popen(
        words, env=environment(vault), stdin=subprocess.DEVNULL, stdout=out, stderr=err
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def pulse(vault: Path) -> dict[str, Any]:
    found: dict[str, Any] = run("pulse", "--json", vault=vault).json()
    return found


def until(is_so: Callable[[dict[str, Any]], object], vault: Path) -> dict[str, Any]:
    """Wait until something is so of what `pulse` says; returns that."""
    end = time.monotonic() + PATIENCE
    while not is_so(found := pulse(vault)):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def until_said(vault: Path, words: str) -> dict[str, Any]:
    """Wait until a cause has some words."""
    return until(lambda found: any(words in cause for cause in found["causes"]), vault)


def until_well(vault: Path) -> dict[str, Any]:
    """Wait until the last pulse has nothing to report.

    The earlier ones, which `pulse` reads too, were late where the machine is slow.
    """
    return until(
        lambda found: found["state"] != "dead" and found["root"] and not found["pulse"]["degraded"],
        vault,
    )


def until_known(vault: Path, path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while os.fsencode(path) not in rows_in_index(vault):
        assert time.monotonic() < end, pulse(vault)
        time.sleep(0.1)


@pytest.mark.parametrize("is_with_stderr", [False, True])
def test_a_closed_pipe_ends_it_as_a_failure(vault: Path, top: Path, is_with_stderr: bool) -> None:
    """Not with 0: systemd would take that for an end that was wanted (Restart=on-failure)."""
    reading, writing = os.pipe()
    err = writing if is_with_stderr else subprocess.PIPE
    with watching(vault, top, writing, err) as process:
        os.close(writing)
        assert b'"scanned"' in os.read(reading, 100)
        os.close(reading)
        (top / "b").write_text("2")
        if is_with_stderr:
            assert process.wait(PATIENCE) != 0
        else:
            said = process.communicate(timeout=PATIENCE)[1].decode()
            assert (process.returncode, "nobody reads it any more" in said) == (3, True), said
    found = pulse(vault)
    assert (found["state"], found["causes"][0]) == ("dead", "it was ended")
    assert "nobody reads it any more" in found["causes"][1]


def test_a_full_disk_is_told_and_outlasted(vault: Path, top: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with watching(vault, top, full, full) as process:
        os.close(full)
        until_said(vault, "its lines cannot be printed, and are dropped: no space left")
        (top / "b").write_text("2")
        until_known(vault, top / "b")
        assert process.poll() is None
        # That earlier pulses were late, where the machine is slow, is no cause of the last one.
        assert len(until(lambda found: found["pulse"], vault)["pulse"]["degraded"]) == 1


def test_a_reader_that_sleeps_holds_nothing_up(vault: Path, top: Path) -> None:
    """What it missed is dropped; when it reads again it has whole lines."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with watching(vault, top, writing, subprocess.DEVNULL):
        until_well(vault)
        filled = 0
        while True:
            try:
                filled += os.write(writing, b"x" * 4095 + b"\n")
            except BlockingIOError:
                break
        os.set_blocking(writing, True)
        os.close(writing)
        (top / "b").write_text("2")
        until_said(vault, "dropped: nobody reads them")
        (top / "c").write_text("3")
        until_known(vault, top / "c")
        os.read(reading, 1 << 20)
        (top / "d").write_text("4")
        lines = b""
        while lines.count(b"\n") < 2:
            lines += os.read(reading, 1 << 16)
        told = [json.loads(line)["event"] for line in lines.decode().splitlines() if line]
        assert told[:2] in (["scanned", "recovered"], ["recovered", "scanned"])
        until_well(vault)


def test_nothing_can_be_written(vault: Path, top: Path) -> None:
    """No pulse, no index: `pulse` says that the process is there, and why when it can again."""
    slower = ("--quiet", "0.2", "--pulse", "1", "--json")  # its last pulses are those of 40 s
    with watching(vault, top, subprocess.DEVNULL, subprocess.DEVNULL, slower) as process:
        until_well(vault)
        # The watcher may write one at any moment, so the folder has to disappear at once.
        folder = pulse_folder(Vault(vault))
        folder.rename(folder.with_name("former"))
        until_well(vault)
        limit = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        (top / "b").write_text("2")
        # One that is a little late is no proof that it could not be written.
        found = until(lambda found: found["age_seconds"] > 4, vault)
        assert (found["state"], process.poll()) == ("dead", None)
        words = "its process runs, but is stopped, or cannot write its pulse"
        assert any(words in cause for cause in found["causes"]), found
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limit)
        until_said(vault, "a pulse could not be written: file too large")
        until_known(vault, top / "b")
        until_well(vault)


def test_the_first_line_says_what_is_watched(vault: Path, top: Path, tmp_path: Path) -> None:
    """In text; a stream of JSON begins with the first scan."""
    said = tmp_path / "said"
    with open(said, "wb") as out, watching(vault, top, out.fileno(), out.fileno(), ()):
        until_well(vault)
    first, *others = said.read_text().splitlines()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d  watching ", first), first
    pulses = str(pulse_folder(Vault(vault)))
    for words in (f"watching {top};", "Ctrl-C", "gorillacomb pulse", pulses):
        assert words in first
    assert "  scanned " in others[0]
