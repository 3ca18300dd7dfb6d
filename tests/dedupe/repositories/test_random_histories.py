"""Whatever happened in two copies: what may leave can be read from the kept one, ever after."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from gorillacomb.dedupe.repositories.object_store import EMPTY_BLOB, EMPTY_TREE
from tests.dedupe.repositories.pairs import Pair, clean, git, objects_of
from tests.support.memory import in_memory

EXAMPLES = 25 if settings.default is None else settings.default.max_examples // 3
FILES = ("a.txt", "src/b.txt", "new.txt")
BRANCHES = ("main", "side", "other")


def write(top: Path, number: int) -> None:
    path = top / FILES[number % len(FILES)]
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{number}\n")


def commit(top: Path, number: int) -> None:
    write(top, number)
    git(top, "add", "-A")
    git(top, "commit", "-q", "--allow-empty", "-m", f"{number}")


def amend(top: Path, number: int) -> None:
    write(top, number)
    git(top, "commit", "-q", "-a", "--amend", "--allow-empty", "-m", f"{number}")


def stage(top: Path, number: int) -> None:
    write(top, number)
    git(top, "add", "-A")


def stash(top: Path, number: int) -> None:
    write(top, number)
    git(top, "stash", "-q", *(["-u"] if number % 2 else []))


def drop(top: Path, number: int) -> None:
    git(top, "stash", "pop" if number % 2 else "drop", "-q", code=None)
    git(top, "reset", "-q", "--hard")


def checkout(top: Path, number: int) -> None:
    git(top, "checkout", "-q", "-f", BRANCHES[number % len(BRANCHES)], code=None)


def branch(top: Path, number: int) -> None:
    git(top, "branch", "-f", BRANCHES[number % len(BRANCHES)], code=None)


def delete_branch(top: Path, number: int) -> None:
    git(top, "branch", "-q", "-D", BRANCHES[number % len(BRANCHES)], code=None)


def tag(top: Path, number: int) -> None:
    git(top, "tag", *(["-a"] if number % 2 else []), "-f", "-m", "t", f"t{number % 3}", code=None)


def reset(top: Path, number: int) -> None:
    git(top, "reset", "-q", "--hard", "HEAD~1" if number % 2 else "ORIG_HEAD", code=None)


def detach(top: Path, number: int) -> None:
    git(top, "checkout", "-q", "-f", "--detach")


def merge(top: Path, number: int) -> None:
    name = BRANCHES[number % len(BRANCHES)]
    git(top, "merge", "-q", "-X", "ours", "-m", f"{number}", name, code=None)
    git(top, "reset", "-q", "--hard")


def collect(top: Path, number: int) -> None:
    git(top, "gc", "-q", *(["--prune=now"] if number % 2 else []))


def pack(top: Path, number: int) -> None:
    git(top, "repack", "-q", "-a", *(["-d"] if number % 2 else []))
    git(top, "pack-refs", "--all")


def forget(top: Path, number: int) -> None:
    git(top, "reflog", "expire", "--expire=now", "--all")


def hash_object(top: Path, number: int) -> None:
    git(top, "hash-object", "-w", "--stdin", given=f"{number % 3}\n".encode())


STEPS: tuple[Callable[[Path, int], None], ...] = (
    *(commit, amend, stage, stash, drop, checkout, branch, delete_branch, tag, reset, detach),
    *(merge, collect, pack, forget, hash_object),
)
STEP = st.tuples(st.sampled_from(STEPS), st.integers(0, 11))
# In which copy: what the kept one loses after both had it is what matters.
WHERE = st.sampled_from(("both", "both", "keep", "keep", "member"))
DRIFT = st.lists(st.tuples(WHERE, STEP), min_size=2, max_size=9)


def drift(pair: Pair, steps: list[tuple[str, tuple[Callable[[Path, int], None], int]]]) -> None:
    for where, (step, number) in steps:
        if where in ("both", "member"):
            step(pair.member, number)
        if where == "both":
            pair.keep_a_copy_of_the_member()
        elif where == "keep":
            step(pair.keep, number)


def readable_after_collection(pair: Pair) -> bool:
    """Whether all objects of the member are in the kept one once nothing else keeps them."""
    every = objects_of(pair.member) - {EMPTY_BLOB.decode(), EMPTY_TREE.decode()}
    with tempfile.TemporaryDirectory(dir=pair.keep.parent) as folder:
        # Neither its index nor what it has checked out: only its refs.
        kept = Path(folder, "kept")
        shutil.copytree(pair.keep, kept, symlinks=True)
        clean(kept)
        git(kept, "fsck", "--full", "--strict")
        bare = Path(folder, "bare")
        git(kept, "clone", "-q", "--mirror", "--no-local", str(kept), str(bare))
        return every <= objects_of(kept) and every <= objects_of(bare)


@example(steps=[("keep", (commit, 1)), ("keep", (collect, 1))], fetches=False)
@example(steps=[("member", (stash, 1)), ("member", (stash, 3))], fetches=True)
@example(steps=[("member", (commit, 1)), ("member", (reset, 1))], fetches=True)
@example(steps=[("both", (stage, 1)), ("keep", (drop, 0))], fetches=False)
@given(steps=DRIFT, fetches=st.booleans())
@settings(max_examples=EXAMPLES)
def test_what_may_leave_stays_readable(
    steps: list[tuple[str, tuple[Callable[[Path, int], None], int]]], fetches: bool
) -> None:
    with in_memory() as folder:
        pair = Pair.made(folder)
        drift(pair, steps)
        if fetches and pair.refusal() and "; run `" in pair.refusal():
            pair.follow_advice()
            event("fetched")
            assert pair.refusal() == ""
        may_leave = pair.refusal() == ""
        event(f"may leave: {may_leave}")
        assert (pair.refusal(reads_objects=False) == "") == may_leave
        if may_leave:
            assert readable_after_collection(pair)
