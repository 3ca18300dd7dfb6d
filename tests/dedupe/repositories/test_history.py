"""Files of a copy are found in the history of the kept repository, and compared with it."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.dedupe.repositories.history import (
    HistoryUnreadable,
    PastVersion,
    find_past_versions,
    history_reader,
)
from tests.dedupe.repositories.pairs import clean, commit, git, new_repository, shown


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "App")


def found(keep: Path, files: dict[str, str | bytes]) -> dict[str, PastVersion]:
    """Ask for files with these contents, by their relative paths; nothing changes."""
    folder = keep.parent / "files"
    folder.mkdir(exist_ok=True)
    pairs: list[tuple[bytes, bytes]] = []
    names: dict[bytes, str] = {}
    for number, (inner, content) in enumerate(files.items()):
        path = folder / str(number)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        pairs.append((os.fsencode(inner), os.fsencode(path)))
        names[os.fsencode(path)] = inner
    before = shown(keep)
    versions = find_past_versions(os.fsencode(keep / ".git"), pairs)
    assert shown(keep) == before
    return {names[path]: version for path, version in versions.items()}


def states(keep: Path, files: dict[str, str | bytes]) -> dict[str, bool]:
    """Whether each file that is found is deleted now."""
    return {inner: version.is_deleted for inner, version in found(keep, files).items()}


def test_an_older_version_is_found_at_its_path_only(keep: Path) -> None:
    older = found(keep, {"a.txt": "one\n"})
    assert older == {
        "a.txt": PastVersion(git(keep, "rev-parse", "HEAD~2:a.txt").encode(), is_deleted=False)
    }
    assert states(keep, {"a.txt": "three\n"}) == {"a.txt": False}
    assert states(keep, {"b.txt": "one\n", "src/a.txt": "one\n", "A.txt": "one\n"}) == {}
    assert states(keep, {"a.txt": "one", "src/b.txt": "two\r\n"}) == {}


def test_a_deleted_file_is_found(keep: Path) -> None:
    git(keep, "rm", "-q", "src/b.txt")
    git(keep, "commit", "-q", "-m", "without")
    assert states(keep, {"src/b.txt": "two\n"}) == {"src/b.txt": True}


def test_a_renamed_file_is_found_under_its_old_name(keep: Path) -> None:
    git(keep, "mv", "src/b.txt", "src/c.txt")
    git(keep, "commit", "-q", "-m", "renamed")
    assert states(keep, {"src/b.txt": "two\n"}) == {"src/b.txt": True}
    assert states(keep, {"src/c.txt": "two\n"}) == {"src/c.txt": False}


def test_what_only_another_branch_a_tag_or_a_stash_has_is_not_found(keep: Path) -> None:
    git(keep, "checkout", "-q", "side")
    commit(keep, "of-side.txt")
    git(keep, "checkout", "-q", "main")
    commit(keep, "of-tag.txt")
    git(keep, "tag", "here")
    git(keep, "reset", "-q", "--hard", "HEAD~1")
    (keep / "a.txt").write_text("stashed\n")
    git(keep, "stash", "-q")
    files: dict[str, str | bytes] = {
        "of-side.txt": "x\n",
        "of-tag.txt": "x\n",
        "a.txt": "stashed\n",
    }
    assert states(keep, files) == {}


def test_what_only_the_reflog_or_the_index_has_is_not_found(keep: Path) -> None:
    commit(keep, "gone.txt")
    git(keep, "reset", "-q", "--hard", "HEAD~1")
    (keep / "staged.txt").write_text("x\n")
    git(keep, "add", "staged.txt")
    git(keep, "checkout", "-q", "--detach")
    commit(keep, "detached.txt")
    assert states(keep, {"gone.txt": "x\n", "staged.txt": "x\n", "detached.txt": "x\n"}) == {}
    assert states(keep, {"a.txt": "one\n"}) == {"a.txt": False}


def test_an_ignored_file_is_not_found(keep: Path) -> None:
    commit(keep, ".gitignore", "secret.txt")
    (keep / "secret.txt").write_text("x\n")
    git(keep, "add", "-A")
    git(keep, "commit", "-q", "--allow-empty", "-m", "all")
    assert states(keep, {"secret.txt": "x\n"}) == {}


def test_a_merge_that_resolved_a_conflict_is_seen(keep: Path) -> None:
    git(keep, "checkout", "-q", "side")
    commit(keep, "a.txt", "four")
    git(keep, "merge", "main", code=1)
    (keep / "a.txt").write_text("resolved\n")
    (keep / "only-in-merge.txt").write_text("x\n")
    git(keep, "add", "-A")
    git(keep, "commit", "-q", "-m", "merged")
    commit(keep, "a.txt", "five")
    files: dict[str, str | bytes] = {"a.txt": "resolved\n", "only-in-merge.txt": "x\n"}
    assert states(keep, files) == {"a.txt": False, "only-in-merge.txt": False}


def test_a_merge_of_three_is_seen(keep: Path) -> None:
    for name in ("x", "y"):
        git(keep, "checkout", "-q", "-b", name, "side")
        commit(keep, f"{name}.txt")
    git(keep, "merge", "-q", "--no-commit", "x", "main")
    (keep / "only-in-merge.txt").write_text("x\n")
    git(keep, "add", "-A")
    git(keep, "commit", "-q", "-m", "merged")
    assert git(keep, "rev-list", "--min-parents=2", "--count", "HEAD") == "1"
    assert states(keep, {"only-in-merge.txt": "x\n", "x.txt": "x\n"}).keys() == {
        "only-in-merge.txt",
        "x.txt",
    }


def test_a_reverted_merge_hides_nothing(keep: Path) -> None:
    """A merge that took nothing of a side simplifies that side away when a path is given."""
    git(keep, "checkout", "-q", "side")
    commit(keep, "of-side.txt")
    git(keep, "checkout", "-q", "main")
    git(keep, "merge", "-q", "-s", "ours", "-m", "nothing of it", "side")
    git(keep, "branch", "-q", "-D", "side")
    assert states(keep, {"of-side.txt": "x\n"}) == {"of-side.txt": True}


def test_the_executable_bit_counts(keep: Path) -> None:
    (keep / "run").write_text("x\n")
    (keep / "run").chmod(0o755)
    git(keep, "add", "run")
    git(keep, "commit", "-q", "-m", "executable")
    assert states(keep, {"run": "x\n"}) == {}
    path = keep.parent / "run"
    shutil.copy(keep / "run", path)
    keep_path, file = os.fsencode(keep / ".git"), os.fsencode(path)
    assert find_past_versions(keep_path, [(b"run", file)]).keys() == {file}


def test_bytes_count_and_no_filter(keep: Path) -> None:
    commit(keep, ".gitattributes", "*.txt text eol=crlf")
    commit(keep, "lines.txt", "x")
    (keep / "lines.txt").write_bytes(b"y\r\n")
    git(keep, "add", "lines.txt")
    git(keep, "commit", "-q", "-m", "line ends")
    assert states(keep, {"lines.txt": b"y\r\n"}) == {}
    assert states(keep, {"lines.txt": b"y\n"}) == {"lines.txt": False}


@pytest.mark.parametrize(
    "name", ["two\nlines", "tab\tand space ", "Ünï", ":(glob)*", "-x", "a\\b", '"q"', b"\xff\xfe"]
)
def test_odd_names_are_found(keep: Path, name: str | bytes) -> None:
    text = os.fsdecode(name)
    path = keep / "in" / text
    path.parent.mkdir()
    path.write_text("odd\n")
    git(keep, "add", "-A")
    git(keep, "commit", "-q", "-m", "odd")
    git(keep, "rm", "-q", "-r", "in")
    git(keep, "commit", "-q", "-m", "without")
    assert states(keep, {f"in/{text}": "odd\n"}) == {f"in/{text}": True}


def test_one_path_may_have_several_files(keep: Path) -> None:
    files = []
    for number, content in enumerate(("one\n", "three\n", "one\n", "other\n")):
        path = keep.parent / str(number)
        path.write_text(content)
        files.append((b"a.txt", os.fsencode(path)))
    versions = find_past_versions(os.fsencode(keep / ".git"), files)
    assert [os.path.basename(path) for path in sorted(versions)] == [b"0", b"1", b"2"]


def test_links_folders_pipes_and_missing_files_are_not_found(keep: Path) -> None:
    commit(keep, "one", "one")
    folder = keep.parent / "files"
    folder.mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to(keep / "one")
    (folder / "folder").mkdir()
    names = ("fifo", "link", "folder", "missing")
    pairs = [(b"one", os.fsencode(folder / name)) for name in names]
    assert find_past_versions(os.fsencode(keep / ".git"), pairs) == {}


def test_packed_history_is_found_and_an_empty_one_is_not(keep: Path) -> None:
    clean(keep)
    assert states(keep, {"a.txt": "one\n"}) == {"a.txt": False}
    empty = keep.parent / "empty"
    git(keep.parent, "init", "-q", str(empty))
    assert states(empty, {"a.txt": "one\n"}) == {}


def test_a_submodule_is_no_file(keep: Path) -> None:
    git(keep.parent, "clone", "-q", str(keep), str(keep / "inner"))
    git(keep, "add", "inner")
    git(keep, "commit", "-q", "-m", "with a repository")
    assert states(keep, {"inner": "x\n", "a.txt": "one\n"}) == {"a.txt": False}


def borrowing(keep: Path) -> str:
    (keep / ".git/objects/info/alternates").write_text("/elsewhere\n")
    return "borrows objects"


def shallow(keep: Path) -> str:
    (keep / ".git/shallow").write_text(git(keep, "rev-parse", "HEAD") + "\n")
    return "lacks older history"


def damaged(keep: Path) -> str:
    oid = git(keep, "rev-parse", "HEAD~1")
    (keep / ".git/objects" / oid[:2] / oid[2:]).unlink()
    return "the .git of the copy to keep cannot be read: git failed: "


def no_repository(keep: Path) -> str:
    os.rename(keep / ".git", keep.parent / "git")
    return "cannot be read: no such file or directory"


@pytest.mark.parametrize(
    "prepare", [borrowing, shallow, damaged, no_repository], ids=lambda each: each.__name__
)
def test_a_history_that_cannot_be_relied_on_is_refused(
    keep: Path, prepare: Callable[[Path], str]
) -> None:
    words = prepare(keep)
    with pytest.raises(HistoryUnreadable) as refused:
        found(keep, {"a.txt": "one\n"})
    assert words in refused.value.refusal.cause


def equals(keep: Path, oid: str, path: Path, inner: bytes = b"a.txt") -> bool:
    with history_reader(os.fsencode(keep / ".git"), [oid.encode()]) as reader, path.open() as file:
        return reader.equals(inner, oid.encode(), file.fileno())


def test_an_object_that_no_ref_leads_to_is_not_equal(keep: Path, tmp_path: Path) -> None:
    commit(keep, "gone.txt")
    (tmp_path / "given").write_text("x\n")
    oid = git(keep, "rev-parse", "HEAD:gone.txt")
    assert equals(keep, oid, tmp_path / "given", b"gone.txt")
    git(keep, "reset", "-q", "--hard", "HEAD~1")
    assert not equals(keep, oid, tmp_path / "given", b"gone.txt")
    assert git(keep, "cat-file", "blob", oid) == "x"


def test_an_object_counts_at_its_path_and_equally_executable_only(
    keep: Path, tmp_path: Path
) -> None:
    tool = tmp_path / "tool"
    tool.write_text("tool\n")
    tool.chmod(0o755)
    shutil.copy2(tool, keep / "tool")
    commit(keep, "tool", "tool")
    (keep / "tool").chmod(0o644)
    git(keep, "commit", "-q", "-a", "-m", "plain")
    git(keep, "tag", "a-file", git(keep, "rev-parse", "HEAD:tool"))
    git(keep, "tag", "a-folder", git(keep, "rev-parse", "HEAD^{tree}"))
    oid = git(keep, "rev-parse", "HEAD:tool")
    assert equals(keep, oid, tool, b"tool")
    assert not equals(keep, oid, tool)
    assert not equals(keep, oid, tool, b"deep/tool")
    tool.chmod(0o644)
    assert equals(keep, oid, tool, b"tool")
    git(keep, "reset", "-q", "--hard", "HEAD~1")
    assert not equals(keep, oid, tool, b"tool")  # though a tag leads to its bytes
    tool.chmod(0o711)
    assert equals(keep, oid, tool, b"tool")


def test_only_what_was_announced_is_read(keep: Path) -> None:
    oid = git(keep, "rev-parse", "HEAD:a.txt").encode()
    with history_reader(os.fsencode(keep / ".git"), []) as reader, (keep / "a.txt").open() as file:
        assert not reader.equals(b"a.txt", oid, file.fileno())


def test_a_version_is_read_again_and_compared(keep: Path, tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (keep / "big").write_bytes(content)
    git(keep, "add", "big")
    git(keep, "commit", "-q", "-m", "big")
    big = git(keep, "rev-parse", "HEAD:big").encode()
    one = git(keep, "rev-parse", "HEAD~3:a.txt").encode()
    tree = git(keep, "rev-parse", "HEAD^{tree}").encode()
    cases = [
        (big, content, True),
        (one, b"one\n", True),
        (one, b"one\nmore", False),
        (one, b"one", False),
        (one, b"", False),
        (one, b"onE\n", False),
        (big, content[:-1] + b"!", False),
        (big, content[:-1], False),
        (b"1" * 40, b"one\n", False),
        (tree, b"one\n", False),
        (big, content, True),
    ]
    before = shown(keep)
    advanced: list[int] = []
    oids = {oid for oid, _, _ in cases}
    with history_reader(os.fsencode(keep / ".git"), oids) as reader:
        for oid, given, expected in cases:
            path = tmp_path / "given"
            path.write_bytes(given)
            with path.open("rb") as file:
                inner = b"big" if oid == big else b"a.txt"
                assert reader.equals(inner, oid, file.fileno(), advanced.append) is expected
    assert sum(advanced) > 9 << 20
    assert shown(keep) == before


def test_an_object_with_another_content_than_its_id_says_is_not_equal(
    keep: Path, tmp_path: Path
) -> None:
    oid = git(keep, "rev-parse", "HEAD:a.txt")
    path = keep / ".git/objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 4\0evil"))
    (tmp_path / "given").write_text("evil")
    assert not equals(keep, oid, tmp_path / "given")


def test_an_object_that_cannot_be_unpacked_is_not_equal(keep: Path, tmp_path: Path) -> None:
    oid = git(keep, "rev-parse", "HEAD:a.txt")
    path = keep / ".git/objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    path.write_bytes(b"nothing")
    (tmp_path / "given").write_text("three\n")
    assert not equals(keep, oid, tmp_path / "given")


def test_a_pack_that_breaks_in_the_middle_of_an_object_is_told(keep: Path, tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (keep / "big").write_bytes(content)
    git(keep, "add", "big")
    git(keep, "commit", "-q", "-m", "big")
    oid = git(keep, "rev-parse", "HEAD:big")
    git(keep, "config", "core.bigFileThreshold", "1")
    git(keep, "repack", "-q", "-a", "-d")
    (pack,) = (keep / ".git/objects/pack").glob("*.pack")
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    (tmp_path / "given").write_bytes(content)
    with (
        (tmp_path / "given").open() as file,
        pytest.raises(HistoryUnreadable, match="cannot be read: git failed: "),
        history_reader(os.fsencode(keep / ".git"), [oid.encode()]) as reader,
    ):
        reader.equals(b"big", oid.encode(), file.fileno())
