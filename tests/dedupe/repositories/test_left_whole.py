"""What depends on another place, is not finished, or is damaged is left whole, and told."""

from __future__ import annotations

import os
import socket
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dedupe.repositories.pairs import Pair, clean, commit, git, write_all


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair.made(tmp_path)


def worktree(pair: Pair) -> str:
    git(pair.member, "worktree", "add", "-q", str(pair.member.parent / "tree"))
    return ".git has linked worktrees; remove them with `git worktree remove`"


def is_a_worktree(pair: Pair) -> str:
    tree = pair.member.parent / "tree"
    git(pair.keep, "worktree", "add", "-q", str(tree))
    pair.member = tree
    return ".git is not a folder; its repository is elsewhere"


def submodule(pair: Pair) -> str:
    git(pair.member, "submodule", "--quiet", "add", str(pair.keep), "sub")
    git(pair.member, "commit", "-q", "-m", "with a submodule")
    return ".git has submodules"


def other_repository_inside(pair: Pair) -> str:
    git(pair.member.parent, "clone", "-q", str(pair.keep), str(pair.member / "inner"))
    git(pair.member, "add", "inner")
    return ".git has submodules, or other repositories in its index"


def borrows(pair: Pair) -> str:
    """Clone the member from the kept one, with its objects."""
    shared = pair.member.parent / "shared"
    git(pair.keep.parent, "clone", "-q", "--shared", str(pair.keep), str(shared))
    pair.member = shared
    return ".git borrows objects from another repository; run `git repack -a`"


def lends(pair: Pair) -> str:
    """Clone the kept one from the member, with its objects."""
    shared = pair.member.parent / "shared"
    git(pair.keep.parent, "clone", "-q", "--shared", str(pair.member), str(shared))
    pair.keep = shared
    return "the .git of the copy to keep borrows objects from another repository"


def borrows_by_http(pair: Pair) -> str:
    write_all(pair.member / ".git", ["objects/info/http-alternates"], "https://example.org/o\n")
    return ".git borrows objects from another repository"


def shallow(pair: Pair) -> str:
    clone = pair.member.parent / "clone"
    git(pair.keep.parent, "clone", "-q", "--depth=1", f"file://{pair.keep}", str(clone))
    pair.member = clone
    return ".git lacks older history (shallow)"


def kept_is_shallow(pair: Pair) -> str:
    shallow(pair)
    pair.member, pair.keep = pair.keep, pair.member
    return "the .git of the copy to keep lacks older history (shallow)"


def partial(pair: Pair) -> str:
    git(pair.keep, "config", "uploadpack.allowFilter", "true")
    clone = pair.member.parent / "clone"
    git(
        pair.keep.parent,
        *("clone", "-q", "--no-checkout", "--filter=blob:none"),
        *(f"file://{pair.keep}", str(clone)),
    )
    pair.member = clone
    return ".git is a partial clone: it lacks objects"


def kept_is_partial(pair: Pair) -> str:
    partial(pair)
    pair.member, pair.keep = pair.keep, pair.member
    return "the .git of the copy to keep is a partial clone: it lacks objects"


def promisor_by_configuration(pair: Pair) -> str:
    git(pair.member, "config", "remote.a.b.promisor", "true")
    return ".git is a partial clone: it lacks objects"


def grafts(pair: Pair) -> str:
    head = git(pair.member, "rev-parse", "HEAD")
    write_all(pair.member / ".git", ["info/grafts"], f"{head}\n")
    return ".git has grafts"


def kept_has_grafts(pair: Pair) -> str:
    """Its garbage collection may drop what they cut off."""
    head = git(pair.keep, "rev-parse", "HEAD")
    write_all(pair.keep / ".git", ["info/grafts"], f"{head}\n")
    return "the .git of the copy to keep has grafts"


def replaced(pair: Pair) -> str:
    git(pair.member, "replace", "HEAD", "HEAD~1")
    return ".git replaces objects (refs/replace)"


def replaced_and_packed(pair: Pair) -> str:
    git(pair.member, "replace", "HEAD", "HEAD~1")
    git(pair.member, "pack-refs", "--all")
    return ".git replaces objects (refs/replace)"


def sha256(pair: Pair) -> str:
    other = pair.member.parent / "other"
    git(pair.member.parent, "init", "-q", "--object-format=sha256", str(other))
    commit(other, "a.txt")
    pair.member = other
    return ".git uses SHA-256"


def reftable_by_configuration(pair: Pair) -> str:
    git(pair.member, "config", "extensions.refStorage", "reftable")
    return ".git keeps its refs in a reftable"


def reftable(pair: Pair) -> str:
    write_all(pair.member / ".git", ["reftable/tables.list"], "")
    return ".git keeps its refs in a reftable"


def unknown_extension(pair: Pair) -> str:
    git(pair.member, "config", "extensions.madeUp", "true")
    return ".git has an unknown format"


def unknown_version(pair: Pair) -> str:
    git(pair.member, "config", "core.repositoryFormatVersion", "2")
    return ".git has an unknown format"


def precious(pair: Pair) -> str:
    git(pair.member, "config", "extensions.preciousObjects", "true")
    return ".git may lend its objects to others (preciousObjects)"


def bare(pair: Pair) -> str:
    git(pair.member, "config", "core.bare", "true")
    return ".git is a bare repository"


def work_tree_elsewhere(pair: Pair) -> str:
    git(pair.member, "config", "core.worktree", "/elsewhere")
    return ".git belongs to a folder elsewhere (core.worktree)"


def merge(pair: Pair) -> str:
    git(pair.member, "checkout", "-q", "side")
    commit(pair.member, "a.txt", "four")
    git(pair.member, "merge", "main", code=1)
    return ".git is in the middle of a merge; finish or abort it there"


def merge_without_commit(pair: Pair) -> str:
    git(pair.member, "checkout", "-q", "side")
    commit(pair.member, "c.txt", "four")
    git(pair.member, "merge", "-q", "--no-commit", "main")
    return ".git is in the middle of a merge"


def rebase(pair: Pair) -> str:
    git(pair.member, "checkout", "-q", "side")
    commit(pair.member, "a.txt", "four")
    git(pair.member, "rebase", "main", code=1)
    return ".git is in the middle of a rebase"


def old_rebase(pair: Pair) -> str:
    git(pair.member, "checkout", "-q", "side")
    commit(pair.member, "a.txt", "four")
    git(pair.member, "rebase", "--apply", "main", code=None)
    assert (pair.member / ".git/rebase-apply").is_dir()
    return ".git is in the middle of a rebase"


def cherry_pick(pair: Pair) -> str:
    git(pair.member, "checkout", "-q", "side")
    commit(pair.member, "a.txt", "four")
    git(pair.member, "cherry-pick", "main", code=1)
    return ".git is in the middle of a cherry-pick"


def revert(pair: Pair) -> str:
    commit(pair.member, "a.txt", "four")
    git(pair.member, "revert", "HEAD~1", code=1)
    return ".git is in the middle of a revert"


def bisect(pair: Pair) -> str:
    git(pair.member, "bisect", "start", "HEAD", "side")
    return ".git is in the middle of a bisect"


def stash_in_conflict(pair: Pair) -> str:
    (pair.member / "a.txt").write_text("stashed\n")
    git(pair.member, "stash", "-q")
    commit(pair.member, "a.txt", "four")
    git(pair.member, "stash", "apply", code=1)
    return ".git has conflicts that are not resolved"


def split_index(pair: Pair) -> str:
    """Part of its index is in another file."""
    git(pair.member, "update-index", "--split-index")
    return ".git has an index in several files"


def locked(pair: Pair) -> str:
    write_all(pair.member / ".git", ["index.lock"])
    return ".git is in use by a git command (index.lock)"


def kept_is_collected(pair: Pair) -> str:
    write_all(pair.keep / ".git", ["gc.pid"])
    return "the .git of the copy to keep is in use by a git command (gc.pid)"


def linked_objects(pair: Pair) -> str:
    os.rename(pair.member / ".git/objects", pair.member.parent / "objects")
    (pair.member / ".git/objects").symlink_to(pair.member.parent / "objects")
    return ".git is partly elsewhere: objects is a link"


def linked_head(pair: Pair) -> str:
    (pair.member / ".git/HEAD").unlink()
    (pair.member / ".git/HEAD").symlink_to("refs/heads/main")
    return ".git is partly elsewhere: HEAD is a link"


def linked_folder(pair: Pair) -> str:
    os.rename(pair.member / ".git", pair.member.parent / "git")
    (pair.member / ".git").symlink_to(pair.member.parent / "git")
    return ".git is not a folder"


def kept_is_linked(pair: Pair) -> str:
    os.rename(pair.keep / ".git", pair.keep.parent / "git")
    (pair.keep / ".git").symlink_to(pair.keep.parent / "git")
    return "the .git of the copy to keep is not a folder"


def missing(pair: Pair) -> str:
    os.rename(pair.keep / ".git", pair.keep.parent / "git")
    return "the .git of the copy to keep cannot be read: no such file or directory"


def pipe(pair: Pair) -> str:
    os.mkfifo(pair.member / ".git/config.fifo")
    return ".git has a fifo: config.fifo"


def monitored(pair: Pair) -> str:
    # A path of a socket may have 107 bytes.
    folder = os.open(pair.member / ".git", os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{folder}/fsmonitor--daemon.ipc")
    os.close(folder)
    return ".git has a socket: fsmonitor--daemon.ipc; run `git fsmonitor--daemon stop` there"


def same_folder(pair: Pair) -> str:
    pair.member = pair.keep
    return ".git is the one of the copy to keep, seen through another path"


LEFT = [
    worktree,
    is_a_worktree,
    submodule,
    other_repository_inside,
    borrows,
    lends,
    borrows_by_http,
    shallow,
    kept_is_shallow,
    partial,
    kept_is_partial,
    promisor_by_configuration,
    grafts,
    kept_has_grafts,
    replaced,
    replaced_and_packed,
    sha256,
    reftable_by_configuration,
    reftable,
    unknown_extension,
    unknown_version,
    precious,
    bare,
    work_tree_elsewhere,
    merge,
    merge_without_commit,
    rebase,
    old_rebase,
    cherry_pick,
    revert,
    bisect,
    stash_in_conflict,
    split_index,
    locked,
    kept_is_collected,
    linked_objects,
    linked_head,
    linked_folder,
    kept_is_linked,
    missing,
    pipe,
    monitored,
    same_folder,
]


@pytest.mark.parametrize("prepare", LEFT, ids=lambda each: each.__name__)
def test_it_is_left_whole_and_told(pair: Pair, prepare: Callable[[Pair], str]) -> None:
    words = prepare(pair)
    assert pair.refusal().startswith(words)


def loose(top: Path, revision: str) -> Path:
    oid = git(top, "rev-parse", revision)
    path = top / ".git/objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    return path


def cut(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def empty_object(pair: Pair) -> None:
    cut(loose(pair.member, "HEAD:a.txt"), b"")


def truncated_object(pair: Pair) -> None:
    path = loose(pair.member, "HEAD:a.txt")
    cut(path, path.read_bytes()[:-4])


def swapped_object(pair: Pair) -> None:
    cut(loose(pair.member, "HEAD:a.txt"), zlib.compress(b"blob 4\0evil"))


def swapped_object_that_is_packed_too(pair: Pair) -> None:
    """Git takes the packed one, and says nothing."""
    path = loose(pair.member, "HEAD:a.txt")
    git(pair.member, "repack", "-q", "-a")
    cut(path, zlib.compress(b"blob 4\0evil"))
    git(pair.member, "cat-file", "blob", "HEAD:a.txt")


def kept_object_is_swapped(pair: Pair) -> None:
    cut(loose(pair.keep, "HEAD:a.txt"), zlib.compress(b"blob 6\0three!"))


def kept_object_is_gone(pair: Pair) -> None:
    loose(pair.keep, "HEAD:a.txt").unlink()


def kept_commit_is_gone(pair: Pair) -> None:
    loose(pair.keep, "HEAD~1").unlink()


def pack(top: Path, ending: str) -> Path:
    git(top, "repack", "-q", "-a", "-d")
    (found,) = (top / ".git/objects/pack").glob(f"*.{ending}")
    found.chmod(0o644)
    return found


def flipped(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def pack_without_index(pair: Pair) -> None:
    """Git would not see the objects in it."""
    commit(pair.keep, "later.txt")
    pack(pair.member, "idx").unlink()


def index_of_pack_is_damaged(pair: Pair) -> None:
    flipped(pack(pair.member, "idx"), -100)


def pack_is_damaged(pair: Pair) -> None:
    path = pack(pair.member, "pack")
    flipped(path, path.stat().st_size // 2)


def pack_is_cut(pair: Pair) -> None:
    path = pack(pair.member, "pack")
    cut(path, path.read_bytes()[:-40])


def kept_pack_is_damaged(pair: Pair) -> None:
    path = pack(pair.keep, "pack")
    flipped(path, path.stat().st_size // 2)


def branch_to_nothing(pair: Pair) -> None:
    write_all(pair.member / ".git", ["refs/heads/broken"], "1" * 40 + "\n")


def empty_branch(pair: Pair) -> None:
    write_all(pair.member / ".git", ["refs/heads/broken"], "")


def kept_branch_to_nothing(pair: Pair) -> None:
    write_all(pair.keep / ".git", ["refs/heads/broken"], "1" * 40 + "\n")


def index_is_damaged(pair: Pair) -> None:
    flipped(pair.member / ".git/index", 40)


def index_is_no_index(pair: Pair) -> None:
    cut(pair.member / ".git/index", b"no index")


def staged_file_is_lost(pair: Pair) -> None:
    (pair.member / "a.txt").write_text("staged\n")
    git(pair.member, "add", "a.txt")
    loose(pair.member, ":a.txt").unlink()


def log_has_zeros(pair: Pair) -> None:
    """As after a power cut."""
    with (pair.member / ".git/logs/HEAD").open("ab") as log:
        log.write(b"\0" * 300)


def log_names_lost_commit(pair: Pair) -> None:
    head = git(pair.member, "rev-parse", "HEAD")
    with (pair.member / ".git/logs/HEAD").open("a") as log:
        log.write(f"{head} {'1' * 40} A <a@example.org> 1 +0000\tcommit: lost\n")


def packed_refs_are_damaged(pair: Pair) -> None:
    git(pair.member, "pack-refs", "--all")
    with (pair.member / ".git/packed-refs").open("a") as refs:
        refs.write("nonsense\n")


def head_is_damaged(pair: Pair) -> None:
    cut(pair.member / ".git/HEAD", b"\0" * 20)


def config_is_damaged(pair: Pair) -> None:
    with (pair.member / ".git/config").open("a") as config:
        config.write("[broken\n")


DAMAGED = [
    empty_object,
    truncated_object,
    swapped_object,
    swapped_object_that_is_packed_too,
    kept_object_is_swapped,
    kept_object_is_gone,
    kept_commit_is_gone,
    pack_without_index,
    index_of_pack_is_damaged,
    pack_is_damaged,
    pack_is_cut,
    kept_pack_is_damaged,
    branch_to_nothing,
    empty_branch,
    kept_branch_to_nothing,
    index_is_damaged,
    index_is_no_index,
    staged_file_is_lost,
    log_has_zeros,
    log_names_lost_commit,
    packed_refs_are_damaged,
    head_is_damaged,
    config_is_damaged,
]


@pytest.mark.parametrize("prepare", DAMAGED, ids=lambda each: each.__name__)
def test_what_is_damaged_is_left_whole_and_told(
    pair: Pair, prepare: Callable[[Pair], None]
) -> None:
    prepare(pair)
    cause = pair.refusal()
    signs = ("damaged", "cannot be read", "git cannot read", "lacks (", "differs")
    assert any(sign in cause for sign in signs), cause
    unclear = cause.startswith(".git or the one of the copy to keep is damaged: ")
    kept = cause.startswith("the .git of the copy to keep ")
    assert unclear or kept == prepare.__name__.startswith("kept")


def test_a_kept_repository_may_be_in_the_middle_of_something(pair: Pair) -> None:
    pair.member, pair.keep = pair.keep, pair.member
    rebase(pair)
    pair.member, pair.keep = pair.keep, pair.member
    assert pair.refusal() == ""


def test_what_only_an_unfinished_bisect_leads_to_is_not_kept(pair: Pair) -> None:
    new = commit(pair.member, "mine.txt")
    pair.keep_a_copy_of_the_member()
    git(pair.keep, "bisect", "start", new, "side")
    git(pair.keep, "update-ref", "refs/heads/main", f"{new}~1")
    assert "branch main, 1 new commit" in pair.refusal()


def test_a_clean_kept_repository_serves(pair: Pair) -> None:
    clean(pair.keep)
    assert pair.refusal() == ""
