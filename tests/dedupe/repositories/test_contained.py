"""A repository leaves only if another one has all of it; what else is in it is named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.dedupe.repositories.contained import repository_content
from gorillacomb.dedupe.repositories.object_store import EMPTY_BLOB
from tests.dedupe.repositories.pairs import Pair, clean, commit, git, objects_of, write_all


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair.made(tmp_path)


def test_an_equal_copy_may_leave(pair: Pair) -> None:
    content = pair.ask()
    assert content.refusal is None
    assert content.beside == ()
    assert {b"", b"HEAD", b"config", b"refs/heads/main"} <= content.seen.keys()


def ahead(pair: Pair) -> None:
    commit(pair.keep, "later.txt")


def merged(pair: Pair) -> None:
    git(pair.keep, "checkout", "-q", "side")
    commit(pair.keep, "c.txt")
    git(pair.keep, "merge", "-q", "--no-edit", "main")


def packed(pair: Pair) -> None:
    commit(pair.keep, "later.txt")
    git(pair.keep, "branch", "new")
    clean(pair.keep)
    git(pair.keep, "reset", "-q")


def packed_member(pair: Pair) -> None:
    git(pair.member, "gc", "-q", "--prune=now")


def reset_member(pair: Pair) -> None:
    git(pair.member, "reset", "-q", "--hard", "HEAD~1")


def other_branch(pair: Pair) -> None:
    git(pair.member, "checkout", "-q", "side")


def detached_in_history(pair: Pair) -> None:
    git(pair.member, "checkout", "-q", "HEAD~1")


def no_commit_yet(pair: Pair) -> None:
    for top in (pair.member, pair.keep):
        shutil.rmtree(top)
        git(top.parent, "init", "-q", "-b", "main", str(top))


def intent_to_add(pair: Pair) -> None:
    (pair.member / "new.txt").write_text("unsaved\n")
    git(pair.member, "add", "-N", "new.txt")
    write_all(pair.member, ["empty"], "")
    git(pair.member, "add", "empty")


def staged_as_in_history(pair: Pair) -> None:
    (pair.member / "a.txt").write_text("one\n")
    git(pair.member, "add", "a.txt")


def pruned_reflog(pair: Pair) -> None:
    """The oldest entry of the log tells what it replaced, which is gone."""
    commit(pair.member, "gone.txt")
    git(pair.member, "reset", "-q", "--hard", "HEAD~1")
    lines = (pair.member / ".git/logs/HEAD").read_text().splitlines(keepends=True)
    clean(pair.member)
    git(pair.member, "reset", "-q")
    (pair.member / ".git/logs/HEAD").write_text(lines[-1])
    (pair.member / ".git/COMMIT_EDITMSG").unlink()


def same_stash(pair: Pair) -> None:
    (pair.member / "a.txt").write_text("stashed\n")
    git(pair.member, "stash", "-q")
    pair.keep_a_copy_of_the_member()
    commit(pair.keep, "later.txt")


def remote_without_branch(pair: Pair) -> None:
    """What `git remote prune` leaves behind."""
    for top in (pair.member, pair.keep):
        git(top, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")


def kept_worktree(pair: Pair) -> None:
    git(pair.keep, "worktree", "add", "-q", str(pair.keep.parent / "tree"))


def large_files(pair: Pair) -> None:
    (pair.member / "big").write_bytes(os.urandom(5 << 20))
    git(pair.member, "add", "big")
    git(pair.member, "commit", "-q", "-m", "big")
    pair.keep_a_copy_of_the_member()
    commit(pair.keep, "later.txt")
    git(pair.keep, "gc", "-q")


def index_of_version_4(pair: Pair) -> None:
    git(pair.member, "update-index", "--index-version", "4")
    git(pair.member, "update-index", "--untracked-cache")
    git(pair.member, "update-index", "--assume-unchanged", "a.txt")


def index_that_was_split(pair: Pair) -> None:
    for each in ("link", "link.txt", "src/link"):
        commit(pair.keep, each)
        git(pair.member, "fetch", "-q", str(pair.keep), "main")
        git(pair.member, "reset", "-q", "--hard", "FETCH_HEAD")
    git(pair.member, "update-index", "--split-index")
    git(pair.member, "update-index", "--no-split-index")
    assert list((pair.member / ".git").glob("sharedindex.*"))


def old_caches(pair: Pair) -> None:
    """What git keeps to be faster may be wrong: it is not believed."""
    for top in (pair.member, pair.keep):
        git(top, "repack", "-q", "-a", "-d", "-b")
        git(top, "commit-graph", "write", "--reachable")
        git(top, "multi-pack-index", "write", "--bitmap")
        packs = top / ".git/objects/pack"
        for path in (*packs.glob("pack-*.bitmap"), *packs.glob("multi-pack-index*")):
            path.chmod(0o644)
            path.write_bytes(b"nonsense")
        graph = top / ".git/objects/info/commit-graph"
        graph.chmod(0o644)
        graph.write_bytes(b"nonsense")
        git(top, "update-server-info")


def odd_branch_names(pair: Pair) -> None:
    for name in (b"\xff\xfe", "Ünï/ö".encode(), b"a;b&c|$(d)"):
        for top in (pair.member, pair.keep):
            git(top, "branch", os.fsdecode(name))
        git(pair.member, "update-ref", os.fsdecode(b"refs/heads/" + name), "HEAD~1")


def sync_noise(pair: Pair) -> None:
    for each in ("refs/heads/.DS_Store", "logs/desktop.ini", "objects/Thumbs.db", ".DS_Store"):
        (pair.member / ".git" / each).write_bytes(b"noise")


@pytest.mark.parametrize(
    "prepare",
    [
        ahead,
        merged,
        packed,
        packed_member,
        reset_member,
        other_branch,
        detached_in_history,
        no_commit_yet,
        intent_to_add,
        staged_as_in_history,
        pruned_reflog,
        same_stash,
        remote_without_branch,
        kept_worktree,
        large_files,
        index_of_version_4,
        index_that_was_split,
        old_caches,
        odd_branch_names,
        sync_noise,
    ],
    ids=lambda each: each.__name__,
)
def test_it_leaves_if_all_of_it_is_kept(pair: Pair, prepare: Callable[[Pair], None]) -> None:
    prepare(pair)
    assert pair.beside() == []
    every = objects_of(pair.member) - {EMPTY_BLOB.decode()}
    clean(pair.keep)
    assert every <= objects_of(pair.keep)


@pytest.mark.parametrize(
    "name",
    [
        "hooks/pre-commit",
        "info/exclude",
        "info/sparse-checkout",
        "rr-cache/0123/preimage",
        "lfs/objects/ab/cd/abcd",
        "annex/objects/x/y",
        "description",
        "config",
        "config.worktree",
        "remotes/old",
        "refs/heads/main (1)",
        "objects/pack/tmp_pack_abc",
        "objects/00/tmp_obj_abc",
        "notes of mine.txt",
        "COMMIT_EDITMSG",
    ],
)
def test_what_is_no_object_is_kept_beside_unless_it_is_equal(pair: Pair, name: str) -> None:
    content = "[core]\n\tbare = false\n[user]\n\tname = Me\n" if "config" in name else "mine\n"
    write_all(pair.member / ".git", [name], content)
    assert pair.beside() == [name]
    write_all(pair.keep / ".git", [name], content)
    assert pair.beside() == []
    write_all(pair.keep / ".git", [name], content.swapcase())
    assert pair.beside() == [name]


def test_a_sparse_checkout_is_understood(pair: Pair) -> None:
    """Its index has folders as they are in the commit."""
    commit(pair.keep, "docs/c.txt")
    git(pair.member, "fetch", "-q", str(pair.keep), "main")
    git(pair.member, "reset", "-q", "--hard", "FETCH_HEAD")
    git(pair.member, "sparse-checkout", "set", "--cone", "--sparse-index", "src")
    assert "docs/ " in git(pair.member, "ls-files", "--sparse", "--format=%(path) ")
    assert "has a sparse index; run `git sparse-checkout reapply" in pair.refusal()
    git(pair.member, "sparse-checkout", "reapply", "--no-sparse-index")
    assert set(pair.beside()) <= {"config", "config.worktree", "info/sparse-checkout"}


def test_a_hook_that_is_executable_in_one_copy_differs(pair: Pair) -> None:
    for top in (pair.member, pair.keep):
        write_all(top / ".git", ["hooks/pre-push"], "#!/bin/sh\n")
    (pair.member / ".git/hooks/pre-push").chmod(0o755)
    assert pair.beside() == ["hooks/pre-push"]


def test_links_among_the_hooks_are_kept_beside_unless_they_are_equal(pair: Pair) -> None:
    link = pair.member / ".git/hooks/pre-push"
    link.symlink_to("../../scripts/push")
    assert pair.beside() == ["hooks/pre-push"]
    (pair.keep / ".git/hooks/pre-push").symlink_to("../../scripts/push")
    assert pair.beside() == []
    (pair.keep / ".git/hooks/pre-push").unlink()
    (pair.keep / ".git/hooks/pre-push").symlink_to("../../scripts/other")
    assert pair.beside() == ["hooks/pre-push"]


def test_the_message_of_a_commit_is_kept_in_the_commit(pair: Pair) -> None:
    commit(pair.keep, "later.txt")
    (pair.member / ".git/COMMIT_EDITMSG").write_text("first line\n\nmore\n# a comment\n")
    assert pair.beside() == ["COMMIT_EDITMSG"]
    (pair.member / ".git/COMMIT_EDITMSG").write_text("a.txt   three\n# a comment\n")
    assert pair.beside() == []
    (pair.member / ".git/COMMIT_EDITMSG").write_text("# only a comment\n")
    assert pair.beside() == []


def new_branch(pair: Pair) -> str:
    git(pair.member, "checkout", "-q", "-b", "mine")
    commit(pair.member, "mine.txt")
    return "branch mine, 1 new commit"


def branch_name_only(pair: Pair) -> str:
    git(pair.member, "branch", "mine", "HEAD~1")
    return "(branch mine)"


def unpushed(pair: Pair) -> str:
    commit(pair.member, "mine.txt")
    commit(pair.member, "mine.txt", "again")
    return "branch main, 2 new commits"


def drifted(pair: Pair) -> str:
    commit(pair.member, "mine.txt")
    commit(pair.keep, "other.txt")
    return "branch main, 1 new commit"


def tag_moved(pair: Pair) -> str:
    git(pair.member, "tag", "-f", "-a", "v1", "-m", "moved", "HEAD~1")
    clean(pair.member)
    git(pair.member, "reset", "-q")
    return "tag v1"


def old_tag(pair: Pair) -> str:
    for top, where in ((pair.member, "HEAD~1"), (pair.keep, "HEAD")):
        git(top, "tag", "release", where)
    return "(tag release)"


def one_stash(pair: Pair) -> str:
    (pair.member / "a.txt").write_text("stashed\n")
    git(pair.member, "stash", "-q")
    return "the stash, 2 new commits"


def three_stashes(pair: Pair) -> str:
    for each in ("one", "two", "three"):
        (pair.member / "a.txt").write_text(f"stashed {each}\n")
        git(pair.member, "stash", "-q")
    return "2 stash entries"


def stash_of_untracked(pair: Pair) -> str:
    (pair.member / "untracked.txt").write_text("stashed\n")
    git(pair.member, "stash", "-q", "-u")
    (pair.member / "a.txt").write_text("stashed\n")
    git(pair.member, "stash", "-q")
    return "1 stash entry"


def amended(pair: Pair) -> str:
    commit(pair.member, "mine.txt")
    git(pair.member, "reset", "-q", "--hard", "HEAD~1")
    return "1 commit that only its reflog has"


def deleted_branch(pair: Pair) -> str:
    git(pair.member, "checkout", "-q", "-b", "mine")
    for number in range(3):
        commit(pair.member, "mine.txt", str(number))
    git(pair.member, "checkout", "-q", "main")
    git(pair.member, "branch", "-q", "-D", "mine")
    return "3 commits that only its reflog has"


def dangling_commit(pair: Pair) -> str:
    amended(pair)
    shutil.rmtree(pair.member / ".git/logs")
    return "1 commit that nothing refers to"


def odd_branch(pair: Pair) -> str:
    git(pair.member, "branch", os.fsdecode(b"\xff"))
    return "branch \\xff"


def many_dangling(pair: Pair) -> str:
    for number in range(20):
        amended_file = f"mine{number}.txt"
        commit(pair.member, amended_file)
        git(pair.member, "reset", "-q", "--hard", "HEAD~1")
    shutil.rmtree(pair.member / ".git/logs")
    return "20 commits that nothing refers to"


def dangling_blob(pair: Pair) -> str:
    git(pair.member, "hash-object", "-w", "--stdin", given=b"once added\n")
    return "(1 blob)"


def dangling_packed(pair: Pair) -> str:
    """As a pack that somebody unpacked nothing from."""
    dangling_blob(pair)
    oid = git(pair.member, "hash-object", "--stdin", given=b"once added\n")
    pack = str(pair.member / ".git/objects/pack/pack")
    git(pair.member, "pack-objects", "-q", pack, given=f"{oid}\n".encode())
    git(pair.member, "prune-packed")
    return "(1 blob)"


def dangling_tree(pair: Pair) -> str:
    write_all(pair.member, ["in/mine.txt"])
    git(pair.member, "add", "in")
    git(pair.member, "write-tree")
    git(pair.member, "reset", "-q", "--hard")
    return "(1 blob, 2 trees)"


def dangling_tag(pair: Pair) -> str:
    git(pair.member, "tag", "-f", "-a", "v1", "-m", "moved", "HEAD~1")
    git(pair.member, "tag", "-f", "v1", git(pair.keep, "rev-parse", "v1"))
    return "(1 tag)"


def staged_only(pair: Pair) -> str:
    (pair.member / "a.txt").write_text("staged\n")
    git(pair.member, "add", "a.txt")
    (pair.member / "a.txt").write_text("on disk\n")
    return "1 file that is staged only"


def detached(pair: Pair) -> str:
    git(pair.member, "checkout", "-q", "--detach")
    commit(pair.member, "mine.txt")
    return "1 commit that only its reflog has"


def annotated_tag(pair: Pair) -> str:
    git(pair.member, "tag", "-a", "v2", "-m", "second")
    return "tag v2, 1 tag"


def notes(pair: Pair) -> str:
    git(pair.member, "notes", "add", "-m", "a note")
    return "refs/notes/commits, 1 new commit"


def lost_in_kept(pair: Pair) -> str:
    """The kept one has it, but only until its next garbage collection."""
    commit(pair.member, "mine.txt")
    pair.keep_a_copy_of_the_member()
    git(pair.keep, "reset", "-q", "--hard", "HEAD~1")
    return "branch main, 1 new commit"


def only_in_kept_index(pair: Pair) -> str:
    words = staged_only(pair)
    pair.keep_a_copy_of_the_member()
    return words


def only_in_kept_head(pair: Pair) -> str:
    """A commit on no branch is lost with the next checkout."""
    words = detached(pair)
    pair.keep_a_copy_of_the_member()
    return words


def only_in_kept_stash_list(pair: Pair) -> str:
    words = three_stashes(pair)
    pair.keep_a_copy_of_the_member()
    return words


FETCHED = [
    new_branch,
    branch_name_only,
    unpushed,
    drifted,
    tag_moved,
    old_tag,
    one_stash,
    three_stashes,
    stash_of_untracked,
    amended,
    deleted_branch,
    dangling_commit,
    odd_branch,
    many_dangling,
    dangling_blob,
    dangling_packed,
    dangling_tree,
    dangling_tag,
    staged_only,
    detached,
    annotated_tag,
    notes,
    lost_in_kept,
    only_in_kept_index,
    only_in_kept_head,
    only_in_kept_stash_list,
]


@pytest.mark.parametrize("prepare", FETCHED, ids=lambda each: each.__name__)
def test_what_the_kept_one_lacks_is_named_and_can_be_fetched(
    pair: Pair, prepare: Callable[[Pair], str]
) -> None:
    words = prepare(pair)
    cause = pair.refusal()
    assert cause.startswith(".git has what the kept one lacks (")
    assert words in cause
    assert pair.refusal(reads_objects=False) == cause
    every = objects_of(pair.member)
    pair.follow_advice()
    assert pair.refusal() == ""
    clean(pair.keep)
    assert every <= objects_of(pair.keep)
    git(pair.keep, "reset", "-q")
    assert pair.refusal() == ""


def test_two_copies_can_be_fetched_although_they_drifted_apart(pair: Pair) -> None:
    other = Pair(pair.keep.parent / "old" / "Copy of App", pair.keep)
    shutil.copytree(pair.member, other.member)
    for number, each in enumerate((pair, other)):
        commit(each.member, "mine.txt", str(number))
        each.follow_advice()
        assert each.refusal() == ""
    assert pair.refusal() == ""


def test_many_staged_files_are_to_be_committed(pair: Pair) -> None:
    for number in range(12):
        (pair.member / f"new{number}").write_text(f"{number}\n")
    git(pair.member, "add", "-A")
    assert "12 files that are staged only" in pair.refusal()
    assert "commit or unstage in" in pair.refusal()


def test_a_path_that_no_command_can_name_gets_no_command(pair: Pair) -> None:
    odd = pair.member.parent / "od\nd"
    os.rename(pair.member, odd)
    odd_pair = Pair(odd, pair.keep)
    new_branch(odd_pair)
    assert odd_pair.refusal().endswith("; fetch it into the kept repository")


@pytest.mark.parametrize(
    "name", ["it's $(touch x) $HOME", "-f", "a`touch x`b", "a:b", 'quote "', "Ünï"]
)
def test_the_command_quotes_what_a_shell_would_take(pair: Pair, name: str) -> None:
    odd = Pair(pair.member.parent / name, pair.keep.parent / f"{name} kept")
    os.rename(pair.member, odd.member)
    os.rename(pair.keep, odd.keep)
    many_dangling(odd)
    odd.follow_advice()
    assert odd.refusal() == ""
    assert not list(pair.member.parent.rglob("x"))


def test_a_repository_that_is_compared_without_git_stays(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "nothing").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    paths = os.fsencode(pair.member / ".git"), os.fsencode(pair.keep / ".git")
    refusal = repository_content(*paths).refusal
    assert refusal is not None
    assert "git is not installed" in refusal.cause


def test_a_comparison_that_takes_too_long_is_ended(pair: Pair) -> None:
    paths = os.fsencode(pair.member / ".git"), os.fsencode(pair.keep / ".git")
    refusal = repository_content(*paths, seconds=0).refusal
    assert refusal is not None
    assert "git took longer than 0 s" in refusal.cause


def test_a_git_that_hangs_is_ended(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/git"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    paths = os.fsencode(pair.member / ".git"), os.fsencode(pair.keep / ".git")
    refusal = repository_content(*paths, seconds=0.3).refusal
    assert refusal is not None
    assert "git took longer than" in refusal.cause
