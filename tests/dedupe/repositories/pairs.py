"""Two copies of one repository, made by git, and what is asked about them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.dedupe.repositories.contained import RepositoryContent, repository_content

SECRET = "t0ken-of-the-remote"
"""It is in the configuration of every repository here, and may be in no message."""
_PERSON = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def environment() -> dict[str, str]:
    """For a git that a person runs, without this machine's configuration."""
    return {**os.environ, **_PERSON}


def git(top: Path, *words: str, given: bytes = b"", code: int | None = 0) -> str:
    """Run git as a person would; return what it prints."""
    done = subprocess.run(
        ["git", "-C", str(top), "-c", "protocol.file.allow=always", *words],
        env=environment(),
        input=given,
        capture_output=True,
        timeout=300,
    )
    assert code is None or done.returncode == code, (words, done.stderr)
    return done.stdout.decode().strip()


def commit(top: Path, name: str, content: str = "x", message: str = "") -> str:
    """Write a file and commit it; return the id."""
    (top / name).parent.mkdir(parents=True, exist_ok=True)
    (top / name).write_text(f"{content}\n")
    git(top, "add", "-f", name)
    git(top, "commit", "-q", "-m", message or f"{name} {content}")
    return git(top, "rev-parse", "HEAD")


def new_repository(top: Path) -> Path:
    """A repository with three commits, a branch, a tag and a remote."""
    top.mkdir(parents=True)
    git(top, "init", "-q", "-b", "main")
    url = f"https://me:{SECRET}@example.org/r.git"
    git(top, "config", "remote.origin.url", url)
    commit(top, "a.txt", "one")
    commit(top, "src/b.txt", "two")
    git(top, "branch", "side")
    commit(top, "a.txt", "three")
    git(top, "tag", "-a", "v1", "-m", "first")
    return top


@dataclass(slots=True)
class Pair:
    """A copy that may leave, and the one to keep."""

    member: Path
    keep: Path

    @classmethod
    def made(cls, folder: Path) -> Pair:
        """Two equal copies."""
        keep = new_repository(folder / "App")
        shutil.copytree(keep, folder / "Copy of App", symlinks=True)
        return cls(folder / "Copy of App", keep)

    def keep_a_copy_of_the_member(self) -> None:
        """Make the copy to keep equal to the other one."""
        shutil.rmtree(self.keep)
        shutil.copytree(self.member, self.keep, symlinks=True)

    def ask(self, reads_objects: bool = True) -> RepositoryContent:
        """What is asked; no message contains anything of a configuration."""
        before = shown(self.member), shown(self.keep)
        ours, theirs = os.fsencode(self.member / ".git"), os.fsencode(self.keep / ".git")
        content = repository_content(ours, theirs, reads_objects=reads_objects)
        assert (shown(self.member), shown(self.keep)) == before
        if content.refusal is not None:
            assert SECRET not in content.refusal.cause
            assert not content.beside
        return content

    def refusal(self, reads_objects: bool = True) -> str:
        """Why the member stays; empty if it may leave."""
        refusal = self.ask(reads_objects).refusal
        return "" if refusal is None else refusal.cause

    def beside(self) -> list[str]:
        """What has to be kept of a member that may leave."""
        content = self.ask()
        assert content.refusal is None, content.refusal.cause
        return [os.fsdecode(each) for each in content.beside]

    def follow_advice(self) -> None:
        """Run the command that the refusal gives."""
        cause = self.refusal()
        words = cause[cause.index("run `") + 5 : cause.rindex("`, then plan again")]
        done = subprocess.run(
            ["sh", "-c", words],
            cwd=self.member.parent,
            env=environment(),
            capture_output=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr


def shown(top: Path) -> list[tuple[object, ...]]:
    """All that a listing shows of a folder, but for times of access."""
    return sorted(map(_facts, [top, *top.rglob("*")]))


def _facts(path: Path) -> tuple[object, ...]:
    facts = path.lstat()
    times = facts.st_mtime_ns, facts.st_ctime_ns
    return str(path), facts.st_ino, facts.st_mode, facts.st_size, facts.st_nlink, *times


def objects_of(top: Path) -> set[str]:
    """The ids of all objects in a repository, as git lists them."""
    words = ("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered")
    return set(git(top, *words).split())


def write_all(top: Path, files: Iterable[str], content: str = "x") -> None:
    for each in files:
        path = top / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def clean(top: Path) -> None:
    """Leave only what refs lead to: no index, no reflogs, no loose ends."""
    (top / ".git/index").unlink(missing_ok=True)
    git(top, "reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    git(top, "gc", "-q", "--prune=now")
