"""A repository is read once for each question, however many commits and files there are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gorillacomb.dedupe.repositories.history import find_past_versions, history_reader
from tests.dedupe.repositories.pairs import Pair, clean, git

COMMITS = 5000
FILES = 500
MOST_STARTS = 20


def long_history(top: Path) -> None:
    """Each commit changes one of many files."""
    lines = []
    for number in range(COMMITS):
        name = f"d{number % 7}/f{number % FILES}.txt"
        lines += [
            f"commit refs/heads/main\nmark :{number + 1}",
            f"committer A <a@example.org> {1_600_000_000 + number} +0000\ndata 2\nm",
            *([f"from :{number}"] if number else []),
            f"M 100644 inline {name}\ndata {len(str(number)) + 1}\n{number}\n",
        ]
    git(top, "fast-import", "--quiet", given="\n".join(lines).encode())
    git(top, "reset", "-q", "--hard")


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with one line for each start of git."""
    program, log = shutil.which("git"), tmp_path / "starts"
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/git"
    script.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {program} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return log


def test_a_long_history_takes_few_starts_of_git(tmp_path: Path, counted: Path) -> None:
    top = tmp_path / "App"
    git(tmp_path, "init", "-q", "-b", "main", str(top))
    long_history(top)
    pair = Pair(tmp_path / "Copy of App", top)
    shutil.copytree(top, pair.member)
    git(pair.member, "reset", "-q", "--hard", "HEAD~4")
    for number in range(30):
        git(pair.member, "branch", f"b{number}", f"HEAD~{number}")
        git(pair.keep, "branch", f"b{number}", f"HEAD~{number}")
    clean(pair.member)
    counted.unlink()
    assert pair.refusal() == ""
    starts = counted.read_text().splitlines()
    assert 0 < len(starts) <= MOST_STARTS, starts

    folder = tmp_path / "files"
    folder.mkdir()
    files = []
    for number in range(COMMITS):
        path = folder / str(number)
        path.write_text(f"{number}\n")
        files.append((f"d{number % 7}/f{number % FILES}.txt".encode(), os.fsencode(path)))
    counted.unlink()
    versions = find_past_versions(os.fsencode(top / ".git"), files)
    assert len(versions) == COMMITS
    some = list(versions.items())[:1000]
    inner = {name: path for path, name in files}
    with history_reader(os.fsencode(top / ".git"), [each.oid for _, each in some]) as reader:
        for name, version in some:
            with open(name, "rb") as file:
                assert reader.equals(inner[name], version.oid, file.fileno())
    starts = counted.read_text().splitlines()
    assert 0 < len(starts) <= MOST_STARTS, starts
