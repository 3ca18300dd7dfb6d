"""A made-up Mac for a test: its volumes, its files' attributes, and commands that run on it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.darwin.fake.configuration import FakeVolume, Machine
from tests.darwin.fake.files import FLAGS
from tests.darwin.fake.library import ACL
from tests.support.run import REPOSITORY, TIMEOUT, Argument, Ran, environment, run
from tests.support.trees import age_digests, settle

SITE = REPOSITORY / "tests/darwin/fake"
SYSTEM = FakeVolume("/", uuid="00" * 15 + "01")
TAGS = "com.apple.metadata:_kMDItemUserTags"
FORK = "com.apple.ResourceFork"


@dataclass
class Mac:
    """A folder for volumes, and a vault; the volumes are as they are when a command runs."""

    folder: Path
    vault: Path
    machine: Machine = field(init=False)

    def __post_init__(self) -> None:
        self.machine = Machine(str(self.folder / "log"), [SYSTEM])

    def volume(self, name: str, **details: Any) -> Path:
        """Mount a volume under a name, in place of any that was there."""
        path = self.folder / "Volumes" / name
        path.mkdir(parents=True, exist_ok=True)
        self.unmount(path)
        details.setdefault("uuid", name.encode().hex().ljust(32, "0")[:32])
        self.machine.volumes.append(FakeVolume(str(path), **details))
        return path

    def unmount(self, path: Path) -> None:
        self.machine.volumes = [v for v in self.machine.volumes if v.path != str(path)]

    def environment(self, *, vault: bool = True, **changes: str | None) -> dict[str, str]:
        file = self.folder / "machine.json"
        self.machine.write(file)
        path = f"{REPOSITORY}{os.pathsep}{SITE}"
        values = environment(self.vault if vault else None, **changes)
        return {**values, "PYTHONPATH": path, "FAKE_DARWIN": str(file)}

    def run(self, *arguments: Argument, vault: bool = True, **changes: str | None) -> Ran:
        """Run a command on this Mac."""
        return run(*arguments, env=self.environment(vault=vault, **changes))

    def watch(self, *arguments: Argument) -> str:
        """Start a watcher on this Mac and stop it after its first event; return that."""
        words = [sys.executable, "-m", "gorillacomb", "watch", *arguments, "--json"]
        started = subprocess.Popen(
            words, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            assert started.stdout is not None and started.stderr is not None
            assert select.select([started.stdout], [], [], TIMEOUT)[0], "it says nothing"
            return started.stdout.readline().decode() or started.stderr.read().decode()
        finally:
            started.terminate()
            started.communicate(timeout=TIMEOUT)

    def python(self, script: str, *arguments: Argument) -> str:
        """Run a script on this Mac; what it prints."""
        words = [os.fsencode(each) for each in (sys.executable, "-c", script, *arguments)]
        ran = run(words=words, env=self.environment())
        assert ran.code == 0, ran.err
        return ran.out

    def scan(self, *tops: Path, options: tuple[Argument, ...] = ()) -> Any:
        """Scan folders, as if what is in them had been there for an hour."""
        for top in tops:
            settle(top)
        ran = self.run("scan", *tops, "--workers", "0", "--json", *options)
        assert ran.code in (0, 3), ran
        age_digests(self.vault)
        return ran.json()

    @property
    def log(self) -> list[str]:
        file = Path(self.machine.log)
        return file.read_text().splitlines() if file.exists() else []

    def forget_log(self) -> None:
        Path(self.machine.log).unlink(missing_ok=True)


def give(path: Path, attribute: str, value: bytes = b"own") -> None:
    """Give a file an extended attribute of macOS."""
    os.setxattr(path, f"user.{attribute}", value)


def give_acl(path: Path, value: bytes = b"user:anna deny delete") -> None:
    os.setxattr(path, ACL, value)


def give_flags(path: Path, flags: int) -> None:
    os.setxattr(path, FLAGS, str(flags).encode())


def attributes(path: Path) -> dict[str, bytes]:
    """All that was given to a file."""
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}
