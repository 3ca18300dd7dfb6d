"""Plans of small trees, made and carried out by the command line's own functions."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from gorillacomb.cli.commands.dedupe.dedupe import command as dedupe
from gorillacomb.cli.commands.find.scan import command as scan
from gorillacomb.errors import GorillaCombError
from tests.support.trees import Tree, make_tree, settle


@contextmanager
def _printing_to(file: Path, errors: Path) -> Iterator[None]:
    out, err = sys.stdout, sys.stderr
    with open(file, "w") as written, open(errors, "w") as told:
        sys.stdout, sys.stderr = written, told
        try:
            yield
        finally:
            sys.stdout, sys.stderr = out, err


@dataclass(frozen=True)
class Planned:
    """A plan as its file has it, with paths from the top of the tree."""

    top: Path
    file: Path
    header: dict[str, Any]
    steps: list[dict[str, Any]]

    def inner(self, document: dict[str, Any], name: str = "path") -> str:
        return os.path.relpath(document[name], self.top)

    @property
    def goes(self) -> dict[str, str]:
        """What goes, with what stays for it."""
        return {self.inner(step): self.inner(step, "keep") for step in self.steps}

    @property
    def left(self) -> set[tuple[str, str, int]]:
        """What is left alone: path, rule, files."""
        return {(self.inner(it), it["rule"], it["files"]) for it in self.header["left_alone"]}

    def step(self, path: str) -> dict[str, Any]:
        (found,) = [step for step in self.steps if self.inner(step) == path]
        return found

    def told(self, path: str, rule: str) -> dict[str, Any]:
        """What the header says of a path that was left alone."""
        (found,) = [
            it for it in self.header["left_alone"] if self.inner(it) == path and it["rule"] == rule
        ]
        return found  # type: ignore[no-any-return]


@dataclass
class Bench:
    """A folder to make trees in, and a vault that knows them."""

    folder: Path
    vault: Path
    printed: str = ""
    """What the last command said."""
    out: str = ""
    """What of that it said on stdout."""
    _plans: int = field(default=0)

    def call(self, command: click.Command, *arguments: str | Path) -> int:
        """Run a command; the exit code that a user would see."""
        words = [str(each) for each in (*arguments, "--vault", self.vault)]
        said, told = self.vault.with_name("said"), self.vault.with_name("told")
        try:
            with _printing_to(said, told):
                code = command.main(words, standalone_mode=False, prog_name="gorillacomb")
        except GorillaCombError as error:
            self.printed = error.message
            return error.exit_code
        self.out = said.read_text()
        self.printed = self.out + told.read_text()
        return int(code or 0)

    def scan(self, *tops: Path, options: tuple[str | Path, ...] = ()) -> None:
        for top in tops:
            settle(top)
        assert self.call(scan, *tops, "--workers", "0", *options) in (0, 3), self.printed

    def plan(self, *options: str | Path, top: Path | None = None) -> Planned:
        self._plans += 1
        file = self.vault.with_name(f"{self.vault.name} plan {self._plans}.jsonl")
        assert self.call(dedupe, "--plan", "-o", file, *options) == 0, self.printed
        header, *steps = [json.loads(line) for line in file.read_bytes().splitlines()]
        return Planned(top or self.folder, file, header, steps)

    def dedupe(self, *options: str | Path) -> int:
        return self.call(dedupe, *options)

    def dedupe_json(self, *options: str | Path) -> tuple[int, Any]:
        """Run `dedupe` with ``--json``: its exit code and its document."""
        code = self.call(dedupe, *options, "--json")
        return code, json.loads(self.out)


def on_disk(*paths: Path) -> int:
    """Bytes on disk of files, each inode once."""
    found = {}
    for path in paths:
        below = path.rglob("*") if path.is_dir() else [path]
        for each in below:
            if each.is_file() and not each.is_symlink():
                facts = each.lstat()
                found[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return sum(found.values())


def planned(bench: Bench, tree: Tree | dict[Any, Any], *options: str) -> Planned:
    """Make a tree, scan it and plan; ``@`` in an option stands for its top."""
    make_tree(bench.folder, tree)
    bench.scan(bench.folder)
    return bench.plan(*(each.replace("@", str(bench.folder)) for each in options))
